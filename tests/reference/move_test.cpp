// Primitives that move elements.

#include "tests/reference/harness.h"

namespace quartet::tests {
namespace {

TEST_CASE("transpose, reshape, broadcast") {
  CHECK_VALUES(
      evaluate(Opcode::Transpose, {counting({2, 3})}, DType::F32, {3, 2}, {{"perm", Ints{1, 0}}}),
      float, {0, 3, 1, 4, 2, 5});
  // Out axis i is in axis perm[i]: [2, 3, 1] by (1, 2, 0) gives [3, 1, 2].
  CHECK_VALUES(evaluate(Opcode::Transpose, {counting({2, 3, 1})}, DType::F32, {3, 1, 2},
                        {{"perm", Ints{1, 2, 0}}}),
               float, {0, 3, 1, 4, 2, 5});
  CHECK_VALUES(evaluate(Opcode::Transpose, {f32({}, {5})}, DType::F32, {}, {{"perm", Ints{}}}),
               float, {5});
  CHECK_VALUES(evaluate(Opcode::Reshape, {counting({2, 3})}, DType::F32, {3, 2}), float,
               {0, 1, 2, 3, 4, 5});
  CHECK_VALUES(evaluate(Opcode::Broadcast, {f32({2, 1}, {1, 2})}, DType::F32, {2, 2, 2}), float,
               {1, 1, 2, 2, 1, 1, 2, 2});
  CHECK_VALUES(evaluate(Opcode::Broadcast, {f32({}, {7})}, DType::F32, {2}), float, {7, 7});
  CHECK_VALUES(evaluate(Opcode::Broadcast, {f32({1}, {7})}, DType::F32, {0}), float, {});
}

TEST_CASE("slice") {
  CHECK_VALUES(evaluate(Opcode::Slice, {counting({3, 4})}, DType::F32, {2, 2},
                        {{"starts", Ints{1, 3}}, {"steps", Ints{1, -2}}}),
               float, {7, 5, 11, 9});
  CHECK_VALUES(evaluate(Opcode::Slice, {bools({4}, {0, 1, 1, 0})}, DType::Bool, {2},
                        {{"starts", Ints{1}}, {"steps", Ints{1}}}),
               uint8_t, {1, 1});
  CHECK_VALUES(evaluate(Opcode::Slice, {counting({3})}, DType::F32, {0},
                        {{"starts", Ints{3}}, {"steps", Ints{1}}}),
               float, {});
}

TEST_CASE("concat") {
  const Tensor a = f32({2, 1}, {1, 2});
  const Tensor b = f32({2, 2}, {3, 4, 5, 6});
  const Tensor none = f32({2, 0}, {});
  CHECK_VALUES(evaluate(Opcode::Concat, {a, none, b}, DType::F32, {2, 3}, {{"axis", int64_t{1}}}),
               float, {1, 3, 4, 2, 5, 6});
  CHECK_VALUES(evaluate(Opcode::Concat, {b, b}, DType::F32, {4, 2}, {{"axis", int64_t{0}}}), float,
               {3, 4, 5, 6, 3, 4, 5, 6});
}

Tensor pad(const Tensor& x, const std::string& mode, const Ints& pads, const Ints& shape) {
  return evaluate(Opcode::Pad, {x, f32({}, {9})}, DType::F32, shape,
                  {{"mode", mode}, {"pads", pads}});
}

TEST_CASE("pad") {
  const Tensor x = f32({3}, {1, 2, 3});
  CHECK_VALUES(pad(x, "constant", {1, 2}, {6}), float, {9, 1, 2, 3, 9, 9});
  CHECK_VALUES(pad(x, "edge", {1, 2}, {6}), float, {1, 1, 2, 3, 3, 3});
  CHECK_VALUES(pad(x, "reflect", {2, 2}, {7}), float, {3, 2, 1, 2, 3, 2, 1});
  CHECK_VALUES(pad(x, "reflect", {5, 0}, {8}), float, {2, 1, 2, 3, 2, 1, 2, 3});
  CHECK_VALUES(pad(x, "wrap", {2, 4}, {9}), float, {2, 3, 1, 2, 3, 1, 2, 3, 1});
  CHECK_VALUES(pad(x, "constant", {-1, 1}, {3}), float, {2, 3, 9});
  CHECK_VALUES(pad(f32({1, 2}, {1, 2}), "constant", {0, 1, 1, 0}, {2, 3}), float,
               {9, 1, 2, 9, 9, 9});
  CHECK_VALUES(pad(f32({0}, {}), "constant", {1, 1}, {2}), float, {9, 9});
  CHECK_VALUES(pad(f32({1}, {4}), "reflect", {1, 1}, {3}), float, {4, 4, 4});
  const auto bad = tryEvaluate(Opcode::Pad, {f32({0}, {}), f32({}, {9})}, DType::F32, {2},
                               {{"mode", std::string("edge")}, {"pads", Ints{1, 1}}});
  REQUIRE(!bad.has_value());
  CHECK(bad.error().where == "node 'node1' (pad)");
}

TEST_CASE("iota") {
  CHECK_VALUES(evaluate(Opcode::Iota, {}, DType::I64, {2, 3}, {{"axis", int64_t{1}}}), int64_t,
               {0, 1, 2, 0, 1, 2});
  CHECK_VALUES(evaluate(Opcode::Iota, {}, DType::F32, {2, 2}, {{"axis", int64_t{0}}}), float,
               {0, 0, 1, 1});
}

const AttributeList kAxis0 = {{"axis", int64_t{0}}};
const AttributeList kAxis1 = {{"axis", int64_t{1}}};

TEST_CASE("gather") {
  const Tensor x = counting({3, 2});
  CHECK_VALUES(evaluate(Opcode::Gather, {x, i64({2}, {2, -3})}, DType::F32, {2, 2}, kAxis0), float,
               {4, 5, 0, 1});
  CHECK_VALUES(
      evaluate(Opcode::Gather, {x, tensor<int32_t>({1, 2}, {1, 1})}, DType::F32, {3, 1, 2}, kAxis1),
      float, {1, 1, 3, 3, 5, 5});
  CHECK_VALUES(evaluate(Opcode::Gather, {x, i64({}, {1})}, DType::F32, {2}, kAxis0), float, {2, 3});
  CHECK_VALUES(evaluate(Opcode::Gather, {x, i64({0}, {})}, DType::F32, {0, 2}, kAxis0), float, {});
}

TEST_CASE("gather_elements") {
  CHECK_VALUES(
      evaluate(Opcode::GatherElements, {f32({2, 2}, {1, 2, 3, 4}), i64({2, 2}, {0, 0, 1, -2})},
               DType::F32, {2, 2}, kAxis1),
      float, {1, 1, 4, 3});
  CHECK_VALUES(evaluate(Opcode::GatherElements, {counting({3, 3}), i64({1, 2}, {2, 1})}, DType::F32,
                        {1, 2}, kAxis0),
               float, {6, 4});
}

TEST_CASE("gather_nd") {
  const Tensor x = counting({2, 2, 2});
  const AttributeList none = {{"batch_dims", int64_t{0}}};
  const AttributeList one = {{"batch_dims", int64_t{1}}};
  CHECK_VALUES(
      evaluate(Opcode::GatherNd, {x, i64({2, 3}, {0, 1, 1, -1, 0, 0})}, DType::F32, {2}, none),
      float, {3, 4});
  CHECK_VALUES(evaluate(Opcode::GatherNd, {x, i64({2, 1}, {1, 0})}, DType::F32, {2, 2, 2}, none),
               float, {4, 5, 6, 7, 0, 1, 2, 3});
  CHECK_VALUES(evaluate(Opcode::GatherNd, {x, i64({2, 1}, {1, 0})}, DType::F32, {2, 2}, one), float,
               {2, 3, 4, 5});
}

TEST_CASE("an index out of range names the node and the axis") {
  const Tensor x = counting({3, 2});
  const std::vector<Result<Tensor>> results = {
      tryEvaluate(Opcode::Gather, {x, i64({1}, {3})}, DType::F32, {1, 2}, kAxis0),
      tryEvaluate(Opcode::Gather, {x, i64({1}, {-4})}, DType::F32, {1, 2}, kAxis0),
      tryEvaluate(Opcode::GatherElements, {x, i64({1, 2}, {0, 3})}, DType::F32, {1, 2}, kAxis0),
      tryEvaluate(Opcode::GatherNd, {x, i64({1, 2}, {3, 0})}, DType::F32, {1},
                  {{"batch_dims", int64_t{0}}})};
  for (const auto& result : results) {
    REQUIRE(!result.has_value());
    CHECK(result.error().kind == Diagnostic::Kind::User);
    CHECK(result.error().where.find("node 'node1' (gather") == 0);
    CHECK(result.error().message.find("out of range for axis 0 of extent 3") != std::string::npos);
  }
}

}  // namespace
}  // namespace quartet::tests
