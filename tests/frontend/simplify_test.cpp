// The clean-up of the finished graph: fewer ops, the same values.
#include "frontend/onnx/simplify.h"

#include <doctest/doctest.h>

#include "frontend/onnx/tensor_value.h"
#include "tests/frontend/support.h"

using namespace quartet;
using namespace quartet::tests;

namespace {

std::vector<float> ramp(size_t count) {
  std::vector<float> values;
  for (size_t i = 0; i < count; ++i) values.push_back(static_cast<float>(i % 7) - 3);
  return values;
}

// The same model without an evaluator keeps all its ops: what simplified values must agree with.
void checkAgainstUnfolded(const OnnxModel& m, const std::string& simplifiedOps) {
  const auto simple = import(m);
  CHECK(opsOf(simple.graph) == simplifiedOps);
  const auto plain = frontend::importModel(bytesOf(m), {}, frontend::Evaluator());
  REQUIRE(plain.has_value());
  const auto count = *frontend::constantCount(simple.info.inputs[0].dims);
  const auto input = ramp(static_cast<size_t>(count));
  const auto got = evaluate(simple, {input});
  const auto expected = evaluate(*plain, {input});
  REQUIRE(got.size() == expected.size());
  for (size_t i = 0; i < got.size(); ++i) CHECK(got[i] == doctest::Approx(expected[i]));
}

OnnxModel convolution(const std::string& type, const std::vector<int64_t>& weights, int64_t group) {
  OnnxModel m;
  m.input("x", {1, 4, 5, 5}).weights("w", weights).weights("b", {4});
  m.node(type, {"x", "w", "b"}, {"c"}, {{"group", group}});
  m.floats("scale", {4}, {1, 2, 3, 4}).floats("shift", {4}, {4, 3, 2, 1});
  m.floats("mean", {4}, {1, 0, 1, 0}).floats("var", {4}, {1, 2, 3, 4});
  m.node("BatchNormalization", {"c", "scale", "shift", "mean", "var"}, {"y"}).output("y");
  return m;
}

}  // namespace

TEST_CASE("a batch normalization moves into the weights") {
  SUBCASE("convolution") { checkAgainstUnfolded(convolution("Conv", {4, 4, 3, 3}, 1), "conv add"); }
  SUBCASE("depthwise") { checkAgainstUnfolded(convolution("Conv", {4, 1, 3, 3}, 4), "conv add"); }
  SUBCASE("transposed") {
    checkAgainstUnfolded(convolution("ConvTranspose", {4, 4, 2, 2}, 1), "conv_transpose add");
  }
  SUBCASE("transposed in groups: left as it is") {
    checkAgainstUnfolded(convolution("ConvTranspose", {4, 2, 2, 2}, 2),
                         "conv_transpose add mul add");
  }
}

TEST_CASE("a value that something else uses stays") {
  OnnxModel m;
  m.input("x", {1, 2, 3, 3}).weights("w", {2, 2, 1, 1}).floats("s", {2, 1, 1}, {2, 3});
  m.node("Conv", {"x", "w"}, {"c"}).node("Mul", {"c", "s"}, {"d"});
  m.node("Add", {"c", "d"}, {"y"}).output("y");
  checkAgainstUnfolded(m, "conv mul add");
}

TEST_CASE("factors behind a product: per column into the weights, per row not") {
  OnnxModel columns;
  columns.input("x", {3, 4}).weights("w", {4, 2}).floats("s", {2}, {2, 3});
  columns.node("MatMul", {"x", "w"}, {"p"}).node("Mul", {"p", "s"}, {"q"});
  columns.node("Neg", {"q"}, {"r"}).node("Sub", {"s", "r"}, {"y"}).output("y");
  checkAgainstUnfolded(columns, "contract add");
  OnnxModel rows;
  rows.input("x", {3, 4}).weights("w", {4, 2}).floats("s", {3, 1}, {2, 3, 4});
  rows.node("MatMul", {"x", "w"}, {"p"}).node("Mul", {"p", "s"}, {"y"}).output("y");
  checkAgainstUnfolded(rows, "contract mul");
}

TEST_CASE("zero padding becomes pads of the convolution, also through a reshape") {
  OnnxModel m;
  m.input("x", {1, 1, 6}).ints("p", {6}, {0, 0, 2, 0, 0, 1}).node("Pad", {"x", "p"}, {"q"});
  m.ints("axes", {1}, {2}).node("Unsqueeze", {"q", "axes"}, {"u"});
  m.weights("w", {2, 1, 1, 3}).node("Conv", {"u", "w"}, {"y"}).output("y");
  checkAgainstUnfolded(m, "reshape conv");
  OnnxModel reflect;
  reflect.input("x", {1, 1, 6}).ints("p", {6}, {0, 0, 2, 0, 0, 1});
  reflect.node("Pad", {"x", "p"}, {"q"}, {{"mode", std::string("reflect")}});
  reflect.weights("w", {2, 1, 3}).node("Conv", {"q", "w"}, {"y"}).output("y");
  checkAgainstUnfolded(reflect, "pad conv");
}

TEST_CASE("what only looks like padding or a factor stays") {
  SUBCASE("a pad of ones") {
    OnnxModel m;
    m.input("x", {1, 2, 3, 3}).ints("p", {8}, {0, 0, 1, 1, 0, 0, 1, 1}).floats("v", {}, {1});
    m.weights("w", {2, 2, 3, 3});
    m.node("Pad", {"x", "p", "v"}, {"q"}).node("Conv", {"q", "w"}, {"y"}).output("y");
    checkAgainstUnfolded(m, "pad conv");
  }
  SUBCASE("a constant divided by a convolution") {
    OnnxModel m;
    m.input("x", {1, 2, 3, 3}).weights("w", {2, 2, 1, 1}).floats("b", {2}, {99, 101});
    m.floats("s", {2, 1, 1}, {2, 3});
    m.node("Conv", {"x", "w", "b"}, {"c"}).node("Div", {"s", "c"}, {"y"}).output("y");
    checkAgainstUnfolded(m, "conv add div");
  }
}

TEST_CASE("transpositions around a product become an order of its labels") {
  OnnxModel m;
  m.input("x", {2, 3, 4});
  m.node("Transpose", {"x"}, {"t"}, {{"perm", std::vector<int64_t>{0, 2, 1}}});
  m.node("MatMul", {"x", "t"}, {"p"});
  m.node("Transpose", {"p"}, {"y"}, {{"perm", std::vector<int64_t>{1, 0, 2}}}).output("y");
  checkAgainstUnfolded(m, "contract");
}

TEST_CASE("equal computations are done once; their origins are kept") {
  OnnxModel m;
  m.input("x", {2, 3}).node("Exp", {"x"}, {"a"}).node("Exp", {"x"}, {"b"});
  m.node("Mul", {"a", "b"}, {"y"}).output("y");
  const auto model = import(m);
  CHECK(opsOf(model.graph) == "exp mul");
  const auto& ops = model.graph.region(model.graph.top()).ops;
  CHECK(ir::str(model.graph.op(ops[0]).origin) == "make_a, make_b");
}

TEST_CASE("ops that do nothing are not emitted") {
  OnnxModel m;
  m.input("x", {2, 3}).floats("one", {}, {1}).node("Mul", {"x", "one"}, {"a"});
  m.node("Identity", {"a"}, {"b"}).node("Cast", {"b"}, {"c"}, {{"to", int64_t{1}}});
  m.node("Transpose", {"c"}, {"d"}).node("Transpose", {"d"}, {"e"});
  m.node("Flatten", {"e"}, {"f"}).node("Relu", {"f"}, {"y"}).output("y");
  CHECK(opsOf(import(m).graph) == "max");
}

TEST_CASE("without optimisation everything stays, and shapes are known all the same") {
  OnnxModel m = convolution("Conv", {4, 4, 3, 3}, 1);
  m.floats("one", {}, {1}).floats("a", {4, 1, 1}, {1, 2, 3, 4});
  m.node("Mul", {"y", "one"}, {"same"}).node("Neg", {"a"}, {"n"});  // does nothing, is known
  m.node("Add", {"same", "n"}, {"z"}).output("z");
  m.node("Shape", {"z"}, {"s"}).ints("first", {1}, {0}).node("Gather", {"s", "first"}, {"batch"});
  m.ints("rest", {1}, {-1}).node("Concat", {"batch", "rest"}, {"to"}, {{"axis", int64_t{0}}});
  m.node("Reshape", {"z", "to"}, {"flat"}).output("flat");
  frontend::ImportOptions options;
  options.optimise = false;
  const auto written = import(m, options);
  const std::string ops = opsOf(written.graph);
  CAPTURE(ops);
  CHECK(ops.find("conv") != std::string::npos);
  CHECK(ops.find("neg") != std::string::npos);
  CHECK(ops.find("mul") != std::string::npos);
  const auto simple = import(m);
  CHECK(opsOf(simple.graph).find("neg") == std::string::npos);
  CHECK(opsOf(simple.graph).size() < ops.size());
  const auto& results = written.graph.op(written.graph.region(written.graph.top()).ops.back());
  CHECK(ir::name(written.graph.type(results.operands[2]).dtype) == "f32");
  CHECK(frontend::str(written.graph.type(results.operands[2]).shape) == "[1, 36]");
  const auto input = ramp(100);
  const auto got = evaluate(simple, {input});
  const auto expected = evaluate(written, {input});
  REQUIRE(got.size() == expected.size());
  for (size_t i = 0; i < got.size(); ++i) CHECK(got[i] == doctest::Approx(expected[i]));
}
