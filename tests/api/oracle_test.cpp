#include <doctest/doctest.h>

#include <cmath>
#include <cstring>
#include <limits>

#include "api/model.h"
#include "tests/api/models.h"

using namespace quartet;
using namespace quartet::tests;

namespace {

/// y = x, so that a test chooses the reference's answer.
Comparison compareFloats(const std::vector<float>& reference, const std::vector<float>& got) {
  OnnxModel onnx;
  const auto extent = static_cast<int64_t>(reference.size());
  onnx.input("x", {extent}).output("y", kFloat).node("Identity", {"x"}, {"y"});
  const std::vector<int64_t> shape{extent};
  const auto oracle = Oracle::evaluate(modelOf(onnx), {{"x", Tensor::of<float>(shape, reference)}});
  REQUIRE_MESSAGE(oracle, oracle.error().str());
  return oracle->compare({{"y", Tensor::of<float>(shape, got)}}).at(0);
}

constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
constexpr float kInf = std::numeric_limits<float>::infinity();

}  // namespace

TEST_CASE("oracle: |got - ref| <= 1e-3 |ref| + 1e-4 max|ref|") {
  CHECK(compareFloats({1, 10}, {1, 10}).worstRatio == 0);
  // Allowed at 1: 1e-3 + 1e-3 (the largest is 10).
  CHECK(compareFloats({1, 10}, {1.0019F, 10}).passed);
  CHECK_FALSE(compareFloats({1, 10}, {1.0021F, 10}).passed);
  CHECK(compareFloats({0, 10}, {0.0009F, 10}).passed);
  const Comparison far = compareFloats({0, 10}, {0.002F, 10});
  CHECK_FALSE(far.passed);
  CHECK(far.worstRatio == doctest::Approx(2.0).epsilon(1e-4));
  CHECK(far.failures == 1);
  CHECK(far.detail.find("element 0") == 0);
  CHECK_FALSE(compareFloats({0, 0}, {1e-30F, 0}).passed);
}

TEST_CASE("oracle: NaN matches NaN, infinities match by sign") {
  CHECK(compareFloats({kNan, kInf, -kInf, 1}, {kNan, kInf, -kInf, 1}).passed);
  CHECK_FALSE(compareFloats({kNan, 1}, {0, 1}).passed);
  CHECK_FALSE(compareFloats({0, 1}, {kNan, 1}).passed);
  CHECK_FALSE(compareFloats({kInf, 1}, {-kInf, 1}).passed);
  CHECK_FALSE(compareFloats({kInf, 1}, {3e38F, 1}).passed);
  // An infinity does not widen what is allowed elsewhere.
  CHECK_FALSE(compareFloats({kInf, 1}, {kInf, 2}).passed);
}

TEST_CASE("oracle: bf16 may be one unit in the last place off") {
  const auto compare = [](int reference, int got) {
    OnnxModel onnx;
    onnx.input("x", {2}, kBfloat16).output("y", kBfloat16).node("Identity", {"x"}, {"y"});
    const auto tensor = [](int value) {
      const auto bits = static_cast<uint16_t>(value);
      Tensor made{DataType::BF16, {2}, Bytes(2 * sizeof(bits))};
      std::memcpy(made.bytes.data(), &bits, sizeof(bits));
      return made;
    };
    const auto oracle = Oracle::evaluate(modelOf(onnx), {{"x", tensor(reference)}});
    REQUIRE_MESSAGE(oracle, oracle.error().str());
    return oracle->compare({{"y", tensor(got)}}).at(0);
  };
  for (const int bits : {0x3f80, 0x3f81, 0x3fff, 0xc2c8, 0x0080}) {
    CAPTURE(bits);
    CHECK(compare(bits, bits).worstRatio == 0);
    CHECK(compare(bits, bits + 1).passed);
    CHECK_FALSE(compare(bits, bits + 2).passed);
  }
  CHECK_FALSE(compare(0x3fff, 0x3ffd).passed);
  CHECK_FALSE(compare(0, 1).passed);
}

TEST_CASE("oracle: an error of the simplification or of the folding is seen") {
  OnnxModel onnx;
  onnx.input("x", {1, 1, 2, 2}).output("y", kFloat);
  onnx.floats("w", {1, 1, 1, 1}, {2}).floats("a", {1, 1, 1, 1}, {3}).floats("b", {1}, {-1});
  onnx.node("Conv", {"x", "w"}, {"c"}).node("Neg", {"b"}, {"n"});  // n is folded
  onnx.node("Mul", {"c", "a"}, {"m"}).node("Add", {"m", "n"}, {"y"});
  const Model model = modelOf(onnx);
  const NamedTensors inputs{{"x", Tensor::of<float>({1, 1, 2, 2}, {1, 2, 3, 4})}};
  // As if the weights had been multiplied by a wrong factor, or the constant folded wrongly.
  for (const float right : {6.0F, 1.0F}) {
    INFO("in place of ", right);
    auto planted = std::make_shared<Model::Data>(*model.shared());
    int changed = 0;
    for (auto& [hash, data] : planted->graph.constants) {
      const bool scalar = data->dtype == ir::DType::F32 && data->elementCount() == 1;
      if (!scalar ||
          Tensor::of<float>({1}, {right}).bytes != Bytes(data->bytes.begin(), data->bytes.end())) {
        continue;
      }
      data = ir::makeConstant<float>(ir::DType::F32, data->shape, {right * 2});
      ++changed;
    }
    REQUIRE(changed == 1);
    const Model wrong(planted);
    const auto session = Session::compile(wrong, {.device = "cpu"});
    REQUIRE_MESSAGE(session, session.error().str());
    const auto outputs = session->run(inputs);
    REQUIRE_MESSAGE(outputs, outputs.error().str());
    const auto oracle = Oracle::evaluate(wrong, inputs);
    REQUIRE_MESSAGE(oracle, oracle.error().str());
    CHECK(floats(oracle->outputs().at("y")) == std::vector<float>{7, 13, 19, 25});
    CHECK_FALSE(oracle->compare(*outputs)[0].passed);
  }
}

TEST_CASE("oracle: missing outputs and other shapes fail") {
  OnnxModel onnx;
  onnx.input("x", {2}).output("y", kFloat).node("Identity", {"x"}, {"y"});
  const auto oracle = Oracle::evaluate(modelOf(onnx), {{"x", Tensor::of<float>({2}, {1, 2})}});
  REQUIRE(oracle);
  CHECK_FALSE(oracle->compare({})[0].passed);
  CHECK_FALSE(oracle->compare({{"y", Tensor::of<float>({1, 2}, {1, 2})}})[0].passed);
  CHECK_FALSE(oracle->compare({{"y", Tensor::of<int32_t>({2}, {1, 2})}})[0].passed);
  CHECK_FALSE(Oracle::evaluate(modelOf(onnx), {}));
}

TEST_CASE("oracle: integers are equal, except where they select on floats") {
  OnnxModel onnx;
  onnx.input("x", {2, 3}).output("best", kInt64);
  onnx.output("count", kInt64).ints("shape", {2}, {2, 3});
  onnx.node("ArgMax", {"x"}, {"best"}, {{"axis", int64_t{1}}});
  onnx.node("Shape", {"x"}, {"count"});
  const Model model = modelOf(onnx);
  CHECK(model.outputs()[0].selects);
  CHECK_FALSE(model.outputs()[1].selects);
  const auto oracle =
      Oracle::evaluate(model, {{"x", Tensor::of<float>({2, 3}, {1, 5, 4.999F, 7, 2, 3})}});
  REQUIRE_MESSAGE(oracle, oracle.error().str());
  const auto compare = [&](int64_t first, int64_t second, int64_t columns) {
    return oracle->compare({{"best", Tensor::of<int64_t>({2, 1}, {first, second})},
                            {"count", Tensor::of<int64_t>({2}, {2, columns})}});
  };
  CHECK(compare(1, 0, 3)[0].passed);
  CHECK(compare(2, 0, 3)[0].passed);  // nearly as large
  CHECK_FALSE(compare(0, 0, 3)[0].passed);
  CHECK_FALSE(compare(1, 3, 3)[0].passed);  // no such position
  CHECK_FALSE(compare(1, -1, 3)[0].passed);
  CHECK(compare(1, 0, 3)[1].passed);
  CHECK_FALSE(compare(1, 0, 4)[1].passed);
}

TEST_CASE("oracle: shape arithmetic decides on shapes in the model as written too") {
  OnnxModel onnx;
  onnx.input("x", {"N", 6}).output("y").ints("zero", {}, {0}).ints("axis", {1}, {0});
  onnx.ints("rest", {2}, {2, 3});
  onnx.node("Shape", {"x"}, {"s"}).node("Gather", {"s", "zero"}, {"n"});
  onnx.node("Unsqueeze", {"n", "axis"}, {"first"});
  onnx.node("Concat", {"first", "rest"}, {"shape"}, {{"axis", int64_t{0}}});
  onnx.node("Reshape", {"x", "shape"}, {"y"});
  // As exporters write an Expand whose shape has -1 for what stays.
  onnx.ints("wanted", {4}, {-1, 2, -1, 3}).ints("four", {1}, {4}).ints("minus", {}, {-1});
  onnx.ints("one", {1}, {1}).output("z");
  onnx.node("Expand", {"one", "four"}, {"ones"}).node("Mul", {"ones", "minus"}, {"negative"});
  onnx.node("Equal", {"wanted", "negative"}, {"stays"});
  onnx.node("Where", {"stays", "ones", "wanted"}, {"to"});
  onnx.floats("data", {1, 3}, {1, 2, 3}).node("Expand", {"data", "to"}, {"z"});
  for (const int64_t n : {kOpenExtent, int64_t{4}}) {
    const Model model = modelOf(onnx, {{"x", {n, 6}}});
    const NamedTensors inputs{{"x", Tensor::of<float>({4, 6}, std::vector<float>(24, 1))}};
    const auto oracle = Oracle::evaluate(model, inputs);
    REQUIRE_MESSAGE(oracle, oracle.error().str());
    CHECK(oracle->outputs().at("y").shape == std::vector<int64_t>{4, 2, 3});
    CHECK(oracle->outputs().at("z").shape == std::vector<int64_t>{1, 2, 1, 3});
  }
}
