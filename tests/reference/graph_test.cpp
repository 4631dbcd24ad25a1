// Whole graphs: symbols, constants, several outputs, refusals.

#include "tests/reference/harness.h"

namespace quartet::tests {
namespace {

// y = x + w, s = sum of y over its last axis; x is f32[N, 2].
ir::Module sampleGraph() {
  ir::Module graph;
  const ir::Dim n = ir::Dim::symbol("N");
  graph.symbols["N"] = {};
  const auto x = graph.addParameter(graph.top(), ir::Type::tensor(DType::F32, {n, 2}), "x");
  const auto w = graph.addConstant(graph.top(), f32({2}, {10, 20}));
  const auto y = graph.result(
      graph.addOp(graph.top(), Opcode::Add, {x, w}, {ir::Type::tensor(DType::F32, {n, 2})}));
  ir::Attributes attributes;
  attributes.set("fn", Opcode::Add);
  attributes.set("axes", Ints{1});
  const auto s = graph.result(graph.addOp(graph.top(), Opcode::Reduce, {y},
                                          {ir::Type::tensor(DType::F32, {n})}, attributes));
  graph.addOp(graph.top(), Opcode::Return, {s, y, x, s}, {});
  graph.outputs = {"s", "y", "x", "s2"};
  return graph;
}

TEST_CASE("a graph with a symbol runs at any extent") {
  const ir::Module graph = sampleGraph();
  for (const int64_t n : {0, 1, 2}) {
    const auto results = reference::evaluateGraph(graph, {counting({n, 2})});
    REQUIRE(results.has_value());
    REQUIRE(results->size() == 4);
    CHECK((*results)[0]->shape == Ints{n});
    CHECK((*results)[1]->shape == Ints{n, 2});
    CHECK((*results)[2]->shape == Ints{n, 2});
    if (n == 2) CHECK_VALUES((*results)[3], float, {31, 35});
  }
}

TEST_CASE("inputs that do not fit are refused") {
  const ir::Module graph = sampleGraph();
  const auto message = [&](const std::vector<Tensor>& inputs) {
    const auto results = reference::evaluateGraph(graph, inputs);
    REQUIRE(!results.has_value());
    CHECK(results.error().kind == Diagnostic::Kind::User);
    return results.error().message;
  };
  CHECK(message({}) == "the graph has 1 inputs, 0 were given");
  CHECK(message({i64({1, 2}, {1, 2})}) == "the dtype must be f32, not i64");
  CHECK(message({f32({2}, {1, 2})}) == "the rank must be 2, not 1");
  CHECK(message({counting({2, 3})}) == "the shape must be [2, 2], not [2, 3]");
}

TEST_CASE("two inputs must agree on a symbol") {
  ir::Module graph;
  const ir::Type type = ir::Type::tensor(DType::F32, {ir::Dim::symbol("N")});
  const auto a = graph.addParameter(graph.top(), type, "a");
  const auto b = graph.addParameter(graph.top(), type, "b");
  graph.addOp(graph.top(), Opcode::Return, {a, b}, {});
  CHECK(reference::evaluateGraph(graph, {counting({3}), counting({3})}).has_value());
  const auto results = reference::evaluateGraph(graph, {counting({3}), counting({4})});
  REQUIRE(!results.has_value());
  CHECK(results.error().where == "input 'b'");
}

TEST_CASE("a tensor expression is not evaluated here") {
  const auto result = tryEvaluate(Opcode::Compute, {counting({1})}, DType::F32, {1});
  REQUIRE(!result.has_value());
  CHECK(result.error().kind == Diagnostic::Kind::Unsupported);
  CHECK(result.error().message == "the reference evaluates graph primitives, not 'compute'");
}

}  // namespace
}  // namespace quartet::tests
