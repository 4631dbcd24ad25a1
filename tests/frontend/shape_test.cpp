// Shape arithmetic at import, over numbers and over symbols.
#include <doctest/doctest.h>
#include <onnx/onnx_pb.h>

#include "ir/close.h"
#include "tests/frontend/support.h"

using namespace quartet;
using namespace quartet::tests;
using frontend::ImportOptions;

namespace {

ImportOptions symbolic() {
  ImportOptions options;
  options.allowSymbols = true;
  options.batchDefaultsToOne = false;
  return options;
}

ImportOptions pinned(std::map<std::string, std::vector<int64_t>> shapes) {
  ImportOptions options;
  options.shapes = std::move(shapes);
  return options;
}

}  // namespace

TEST_CASE("reshape copies extents for 0 and infers the one for -1") {
  OnnxModel m;
  m.input("x", {"N", 6, 4}).ints("s", {3}, {0, -1, 2}).node("Reshape", {"x", "s"}, {"y"});
  m.output("y");
  const auto model = import(m, symbolic());
  CHECK(shapeOf(model) == "[N, 12, 2]");
  CHECK(opsOf(model.graph) == "reshape");
}

TEST_CASE("a shape computed from a shape keeps its symbols") {
  // The pattern of a flatten that an exporter writes out: (N, C * H * W).
  OnnxModel m;
  m.input("x", {"N", 3, "H", 5});
  m.node("Shape", {"x"}, {"shape"});
  m.ints("zero", {}, {0}).node("Gather", {"shape", "zero"}, {"n"});
  m.ints("axes", {1}, {0}).node("Unsqueeze", {"n", "axes"}, {"n1"});
  m.ints("rest", {1}, {-1}).node("Concat", {"n1", "rest"}, {"target"}, {{"axis", int64_t{0}}});
  m.node("Reshape", {"x", "target"}, {"y"}).output("y");
  const auto model = import(m, symbolic());
  CHECK(shapeOf(model) == "[N, H * 15]");
  CHECK(opsOf(model.graph) == "reshape");
}

TEST_CASE("arithmetic on extents: slice, cast, mul, div, sub, prod") {
  OnnxModel m;
  m.input("x", {"N", "L", 8});
  m.node("Shape", {"x"}, {"shape"});
  m.ints("one", {1}, {1}).ints("two", {1}, {2}).ints("four", {1}, {4});
  m.node("Slice", {"shape", "one", "two"}, {"l"});
  m.node("Cast", {"l"}, {"l32"}, {{"to", int64_t{kInt32}}});
  m.node("Cast", {"l32"}, {"l64"}, {{"to", int64_t{kInt64}}});
  m.node("Mul", {"l64", "four"}, {"l4"}).node("Div", {"four", "two"}, {"d"});
  m.node("ReduceProd", {"shape"}, {"all"}, {{"keepdims", int64_t{1}}});
  m.node("Div", {"all", "l4"}, {"quotient"});
  m.node("Concat", {"l4", "quotient"}, {"target"}, {{"axis", int64_t{0}}});
  m.node("Reshape", {"x", "target"}, {"y"}).output("y");
  CHECK(shapeOf(import(m, pinned({{"x", {3, 5, 8}}}))) == "[20, 6]");
}

TEST_CASE("expand with a shape chosen by Where and Equal") {
  // What torch writes for x.expand(-1, N): -1 keeps the extent.
  OnnxModel m;
  m.input("x", {1, 4}).input("like", {"N", 4});
  m.node("Shape", {"like"}, {"shape"});
  m.ints("minus", {2}, {-1, -1}).ints("ones", {2}, {1, 1});
  m.node("Equal", {"shape", "minus"}, {"open"});
  m.node("Where", {"open", "ones", "shape"}, {"target"});
  m.node("Expand", {"x", "target"}, {"y"}).output("y");
  const auto model = import(m, symbolic());
  CHECK(shapeOf(model) == "[N, 4]");
  CHECK(opsOf(model.graph) == "broadcast");
}

TEST_CASE("a range over a symbol, and a table cut to it") {
  OnnxModel m;
  m.input("ids", {"N", "L"}, kInt64).weights("table", {512, 2});
  m.node("Shape", {"ids"}, {"shape"});
  m.ints("axis", {1}, {1}).ints("two", {1}, {2}).ints("zero", {1}, {0});
  m.node("Slice", {"shape", "axis", "two"}, {"length"});
  m.node("Slice", {"table", "zero", "length"}, {"y"}).output("y");
  const auto model = import(m, symbolic());
  CHECK(shapeOf(model) == "[L, 2]");
  CHECK(ir::close(model.graph, {{"N", 1}, {"L", 512}}).has_value());
  CHECK_FALSE(ir::close(model.graph, {{"N", 1}, {"L", 513}}).has_value());  // shorter than L
}

TEST_CASE("symbolic extents as data are counted at run time") {
  OnnxModel m;
  m.input("x", {"N", 2}).node("Size", {"x"}, {"size"});
  m.node("Cast", {"size"}, {"y"}, {{"to", int64_t{kFloat}}}).output("y");
  const auto model = import(m, symbolic());
  CHECK(opsOf(model.graph) == "broadcast reduce cast");
}

TEST_CASE("slices: negative indices, steps, ends beyond the extent") {
  const auto cut = [](const std::vector<int64_t>& start, const std::vector<int64_t>& end,
                      const std::vector<int64_t>& step) {
    OnnxModel m;
    m.input("x", {10});
    m.ints("s", {1}, start).ints("e", {1}, end).ints("a", {1}, {0}).ints("t", {1}, step);
    m.node("Slice", {"x", "s", "e", "a", "t"}, {"y"}).output("y");
    const auto model = import(m);
    return evaluate(model, {{0, 1, 2, 3, 4, 5, 6, 7, 8, 9}});
  };
  using Values = std::vector<float>;
  CHECK(cut({2}, {5}, {1}) == Values{2, 3, 4});
  CHECK(cut({-3}, {INT64_MAX}, {1}) == Values{7, 8, 9});
  CHECK(cut({1}, {-1}, {3}) == Values{1, 4, 7});
  CHECK(cut({-1}, {INT64_MIN}, {-4}) == Values{9, 5, 1});
  CHECK(cut({100}, {-100}, {-9}) == Values{9, 0});
  CHECK(cut({5}, {5}, {1}).empty());
  CHECK(cut({20}, {30}, {1}).empty());
}

TEST_CASE("an empty tensor runs through") {
  OnnxModel m;
  m.input("x", {0, 3}).node("Relu", {"x"}, {"a"});
  m.weights("w", {3, 2}).node("MatMul", {"a", "w"}, {"y"}).output("y");
  const auto model = import(m);
  CHECK(shapeOf(model) == "[0, 2]");
  CHECK(evaluate(model, {{}}).empty());
}

TEST_CASE("constants stay lazy where folding would make them large") {
  OnnxModel m;
  m.input("x", {1000, 1000}).ints("s", {2}, {1000, 1000});
  m.node("ConstantOfShape", {"s"}, {"c"}, {{"value", floatTensor({1}, {2})}});
  m.node("Sqrt", {"c"}, {"r"}).node("Mul", {"x", "r"}, {"y"}).output("y");
  const auto model = import(m);
  // The square root is folded on one element, and the product broadcasts it.
  CHECK(opsOf(model.graph) == "mul");
  CHECK(model.graph.constants.size() == 1);
  CHECK(model.graph.constants.begin()->second->elementCount() == 1);
}

TEST_CASE("pinning, defaults and open dimensions") {
  OnnxModel m;
  m.input("a", {"batch", "length"}).input("b", {"batch", "length"});
  m.node("Add", {"a", "b"}, {"y"}).output("y");

  SUBCASE("a pin holds for every input that shares the symbol; the batch is 1") {
    CHECK(shapeOf(import(m, pinned({{"a", {1, 7}}}))) == "[1, 7]");
    CHECK(shapeOf(import(m, pinned({{"b", {4, 7}}}))) == "[4, 7]");
  }
  SUBCASE("an open symbol is an error that names it, the input and the flag") {
    const Diagnostic error = importError(m);
    CHECK(error.message == "2 dimensions of the inputs are open");
    REQUIRE(error.notes.size() == 2);
    CHECK(error.notes[0] == "input 'a' [batch, length]: axis 1 is open ('length')");
    CHECK(error.hint == "pin the shape: --shape a=1,...");
  }
  SUBCASE("pins that contradict each other") {
    const Diagnostic error = importError(m, pinned({{"a", {1, 7}}, {"b", {1, 8}}}));
    CHECK(error.message == "dimension 'length' is 8 here and 7 in another input");
    CHECK(error.where == "input 'b'");
  }
  SUBCASE("a wrong rank, a name that is no input, a negative extent") {
    CHECK(importError(m, pinned({{"a", {7}}})).message ==
          "wrong rank: [7] was given, the model declares [batch, length]");
    CHECK(importError(m, pinned({{"c", {7}}})).hint == "its inputs are 'a', 'b'");
    CHECK(importError(m, pinned({{"a", {1, -7}}})).message == "extent -7 of axis 1 is negative");
  }
}

TEST_CASE("question marks are not one symbol") {
  OnnxModel m;
  m.input("x", {int64_t{-1}, 3, "?", "?"}).node("Relu", {"x"}, {"y"}).output("y");
  CHECK(shapeOf(import(m, pinned({{"x", {1, 3, 48, 192}}}))) == "[1, 3, 48, 192]");
  CHECK(shapeOf(import(m, symbolic())) == "[x_0, 3, x_2, x_3]");
}

TEST_CASE("a bound input becomes a constant") {
  OnnxModel m;
  m.input("x", {2, 3}).input("shape", {2}, kInt64);
  m.node("Reshape", {"x", "shape"}, {"y"}).output("y");
  const Diagnostic error = importError(m);
  CHECK(error.kind == Diagnostic::Kind::Unsupported);
  CHECK(error.message ==
        "the shape of the result comes from 'shape', known only at run time; it must be known at "
        "import");
  ImportOptions options;
  options.values["shape"] = ir::makeConstant<int64_t>(ir::DType::I64, {2}, {3, 2});
  CHECK(error.hint == "export the model with a fixed value, or give one: --bind shape=shape.npy");
  const auto imported = import(m, options);
  CHECK(shapeOf(imported) == "[3, 2]");
  REQUIRE(imported.info.inputs.size() == 1);
  CHECK(imported.info.inputs[0].name == "x");
}

TEST_CASE("a bound value replaces a default, and its shape pins the symbols that it shares") {
  OnnxModel m;
  m.input("x", {"N", 3}).input("ones", {"N"}).input("shape", {2}, kInt64);
  m.ints("shape", {2}, {-1, 1}).node("Reshape", {"x", "shape"}, {"y"}).output("y");
  m.node("Neg", {"ones"}, {"z"}).output("z");
  CHECK(shapeOf(import(m)) == "[3, 1]");
  ImportOptions options;
  options.values["shape"] = ir::makeConstant<int64_t>(ir::DType::I64, {2}, {3, -1});
  options.values["ones"] = ir::makeConstant<float>(ir::DType::F32, {4}, {1, 1, 1, 1});
  CHECK(shapeOf(import(m, options)) == "[3, 4]");
}

TEST_CASE("bound values that do not fit the model are refused") {
  OnnxModel m;
  m.input("x", {2, 3}).input("shape", {2}, kInt64);
  m.node("Reshape", {"x", "shape"}, {"y"}).output("y");
  ImportOptions options;
  options.values["shape"] = ir::makeConstant<int64_t>(ir::DType::I64, {3}, {3, 2, 1});
  CHECK(importError(m, options).message.find("[3] was given, the model declares [2]") !=
        std::string::npos);
  options.values["shape"] = ir::makeConstant<float>(ir::DType::F32, {2}, {3, 2});
  CHECK(importError(m, options).message ==
        "the bound value is f32, the model declares int64 tensor");
  options.values["shape"] = ir::makeConstant<int64_t>(ir::DType::I64, {2}, {3, 2});
  options.shapes["shape"] = {2};
  CHECK(importError(m, options).message == "the input's value is bound, which gives its shape");
  options = {};
  options.values["nope"] = ir::makeConstant<int64_t>(ir::DType::I64, {2}, {3, 2});
  const Diagnostic unknown = importError(m, options);
  CHECK(unknown.message == "the model has no input 'nope'");
  CHECK(unknown.hint == "its inputs are 'x', 'shape'");
}

TEST_CASE("the input behind an unknown shape is named, also through other nodes") {
  OnnxModel m;
  m.input("x", {2, 3}).input("n", {2}, kInt32);
  m.node("Cast", {"n"}, {"n64"}, {{"to", int64_t{kInt64}}});
  m.node("Reshape", {"x", "n64"}, {"y"}).output("y");
  CHECK(importError(m).message ==
        "the shape of the result comes from 'n' (through 'n64'), known only at run time; it must "
        "be known at import");
}

TEST_CASE("roles: an input that indexes an axis") {
  OnnxModel m;
  m.input("ids", {1, 4}, kInt64).input("other", {1, 4}, kInt64).weights("table", {9, 2});
  m.node("Gather", {"table", "ids"}, {"y"}).output("y");
  m.node("Add", {"other", "other"}, {"z"}).output("z");
  const auto model = import(m);
  CHECK(model.info.inputs[0].indexes == 9);
  CHECK_FALSE(model.info.inputs[1].indexes.has_value());
}
