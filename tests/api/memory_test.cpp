#include <doctest/doctest.h>

#include "api/host_memory.h"

using namespace quartet;
using namespace quartet::api;
using ir::DType;
using ir::Type;

TEST_CASE("memory: sizes saturate, zero extents win") {
  CHECK(tensorBytes(DType::F32, {2, 3}) == 24);
  CHECK(tensorBytes(DType::F32, {}) == 4);
  CHECK(tensorBytes(DType::F32, {int64_t{1} << 40, int64_t{1} << 40}) == INT64_MAX);
  CHECK(tensorBytes(DType::F32, {int64_t{1} << 40, int64_t{1} << 40, 0}) == 0);
  CHECK(bytesText(100) == "100 B");
  CHECK(bytesText(1536) == "1.5 KiB");
  CHECK(bytesText(INT64_MAX) == "more than 8 EiB");
}

TEST_CASE("memory: what is free is positive, and too much is refused with both numbers") {
  CHECK(availableHostMemory() > 0);
  CHECK(checkHostMemory(1, "a test").has_value());
  const Status status = checkHostMemory(INT64_MAX, "a test");
  REQUIRE_FALSE(status.has_value());
  CHECK(status.error().kind == Diagnostic::Kind::Resource);
  CHECK(status.error().message.find("a test needs more than 8 EiB, the host has") == 0);
}

TEST_CASE("memory: a chain needs its input and two neighbours, not all values") {
  ir::Module graph(ir::Level::Graph, "chain");
  const Type type = Type::tensor(DType::F32, {256});
  ir::ValueId value = graph.addParameter(graph.top(), type, "x");
  for (int i = 0; i < 10; ++i) {
    value = graph.result(graph.addOp(graph.top(), ir::Opcode::Neg, {value}, {type}));
  }
  graph.addOp(graph.top(), ir::Opcode::Return, {value}, {});
  CHECK(evaluationBytes(graph) == 3 * 1024);
}
