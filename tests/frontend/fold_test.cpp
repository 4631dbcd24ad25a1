// What is evaluated at import, and what is not.
#include <doctest/doctest.h>

#include "ir/scalar_eval.h"
#include "tests/frontend/support.h"

using namespace quartet;
using namespace quartet::tests;

namespace {

struct IntegerType {
  int onnx;
  ir::DType dtype;
  int64_t lowest;
};

constexpr IntegerType kSigned[] = {{3, ir::DType::I8, INT8_MIN},
                                   {5, ir::DType::I16, INT16_MIN},
                                   {kInt32, ir::DType::I32, INT32_MIN},
                                   {kInt64, ir::DType::I64, INT64_MIN}};

// The elements of the output of a graph of constants.
std::vector<int64_t> constantsOf(const frontend::Imported& model) {
  const ir::Module& graph = model.graph;
  const auto data = graph.constantOf(graph.op(graph.region(graph.top()).ops.back()).operands[0]);
  REQUIRE(data != nullptr);
  std::vector<int64_t> values;
  const auto size = static_cast<size_t>(ir::byteSize(data->dtype));
  for (size_t i = 0; i < data->bytes.size(); i += size) {
    values.push_back(ir::readScalar(data->dtype, data->bytes.data() + i).i);
  }
  return values;
}

}  // namespace

TEST_CASE("folded integer arithmetic wraps around and never traps") {
  for (const IntegerType& type : kSigned) {
    CAPTURE(ir::name(type.dtype));
    const auto folded = [&](const std::string& op, const std::vector<int64_t>& a,
                            const std::vector<int64_t>& b, int64_t fmod = 0) {
      OnnxModel m(18);
      const auto count = static_cast<int64_t>(a.size());
      m.ints("a64", {count}, a).ints("b64", {count}, b);
      const NodeAttribute to{"to", int64_t{type.onnx}};
      m.node("Cast", {"a64"}, {"a"}, {to}).node("Cast", {"b64"}, {"b"}, {to});
      if (op == "Neg" || op == "BitwiseNot") {
        m.node(op, {"a"}, {"y"});
      } else if (op == "Mod") {
        m.node(op, {"a", "b"}, {"y"}, {{"fmod", fmod}});
      } else {
        m.node(op, {"a", "b"}, {"y"});
      }
      return constantsOf(import(m.output("y")));
    };
    using Values = std::vector<int64_t>;
    const int64_t lowest = type.lowest;
    const int64_t highest = -(lowest + 1);
    CHECK(folded("Div", {lowest, 7, -7}, {-1, -1, 2}) == Values{lowest, -7, -3});
    CHECK(folded("Mod", {lowest, 7, -7}, {-1, -1, 2}) == Values{0, 0, 1});
    CHECK(folded("Mod", {lowest, 7, -7}, {-1, -1, 2}, 1) == Values{0, 0, -1});
    CHECK(folded("Neg", {lowest, 7}, {0, 0}) == Values{lowest, -7});
    CHECK(folded("BitwiseNot", {lowest, 4, 0}, {0, 0, 0}) == Values{highest, -5, -1});
    CHECK(folded("BitwiseAnd", {lowest, 6, -2}, {-1, 3, 7}) == Values{lowest, 2, 6});
    CHECK(folded("BitwiseOr", {lowest, 6, -2}, {1, 3, 7}) == Values{lowest + 1, 7, -1});
    CHECK(folded("BitwiseXor", {lowest, 6, -2}, {-1, 3, 7}) == Values{highest, 5, -7});
    CHECK(folded("Add", {highest, lowest}, {1, -1}) == Values{lowest, highest});
    CHECK(folded("Sub", {lowest}, {1}) == Values{highest});
    CHECK(folded("Mul", {lowest}, {-1}) == Values{lowest});
  }
}

TEST_CASE("folding has a budget: what exceeds it is compiled") {
  const auto product = [](int64_t size) {
    OnnxModel m;
    m.weights("a", {size, size}).node("MatMul", {"a", "a"}, {"y"}).output("y");
    return opsOf(import(m).graph);
  };
  CHECK(product(16).empty());
  CHECK(product(1000) == "contract");
}

TEST_CASE("a concatenation of many parts is a tree") {
  OnnxModel m;
  std::vector<std::string> names;
  std::vector<std::vector<float>> inputs;
  std::vector<float> expected;
  for (int i = 0; i < 130; ++i) {
    names.push_back("x" + std::to_string(i));
    m.input(names.back(), {1});
    inputs.push_back({static_cast<float>(i)});
    expected.push_back(static_cast<float>(i));
  }
  m.node("Concat", names, {"y"}, {{"axis", int64_t{0}}}).output("y");
  const auto model = import(m);
  CHECK(opsOf(model.graph) == "concat concat concat concat");
  CHECK(evaluate(model, inputs) == expected);
}
