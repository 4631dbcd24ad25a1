// Operators whose right answers are written down here: the reference shares the importer with the
// other devices, so that an operator which is imported wrongly is wrong everywhere.
#include <doctest/doctest.h>

#include <cmath>
#include <limits>

#include "tests/api/models.h"

using namespace quartet;
using namespace quartet::tests;

namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();

void checkFloats(const Tensor& got, const std::vector<float>& want) {
  REQUIRE(got.elementCount() == static_cast<int64_t>(want.size()));
  for (size_t i = 0; i < want.size(); ++i) {
    CAPTURE(i);
    if (std::isinf(want[i])) {
      CHECK(floats(got)[i] == want[i]);
    } else {
      CHECK(floats(got)[i] == doctest::Approx(want[i]).epsilon(1e-5));
    }
  }
}

/// check(output of that name) on every device.
template <class Check>
void checkOutput(const OnnxModel& onnx, const NamedTensors& inputs, const std::string& output,
                 const Check& check) {
  onEveryDevice(modelOf(onnx), inputs,
                [&](const NamedTensors& outputs) { check(outputs.at(output)); });
}

/// y = (x W) op c op c ...
OnnxModel product(const std::vector<float>& weights,
                  const std::vector<std::pair<std::string, float>>& after) {
  OnnxModel m;
  m.input("x", {2, 2}).floats("w", {2, 2}, weights);
  m.node("MatMul", {"x", "w"}, {"y0"});
  for (size_t i = 0; i < after.size(); ++i) {
    const std::string c = "c" + std::to_string(i);
    m.floats(c, {}, {after[i].second});
    m.node(after[i].first, {"y" + std::to_string(i), c}, {"y" + std::to_string(i + 1)});
  }
  m.output("y" + std::to_string(after.size()), kFloat);
  return m;
}

}  // namespace

TEST_CASE("numbers: rounding by a large constant that is added and taken away") {
  constexpr float kMagic = 12582912;  // 1.5 * 2^23
  const OnnxModel m = product({1, 0, 0, 1}, {{"Add", kMagic}, {"Sub", kMagic}});
  const NamedTensors inputs{{"x", Tensor::of<float>({2, 2}, {0.4F, 1.6F, -2.7F, 5})}};
  checkOutput(m, inputs, "y2", [](const Tensor& y) { checkFloats(y, {0, 2, -3, 5}); });
}

TEST_CASE("numbers: factors that weights cannot take") {
  const auto inputs = [](float first) {
    return NamedTensors{{"x", Tensor::of<float>({2, 2}, {first, first, first, first})}};
  };
  SUBCASE("beyond the largest number") {
    const OnnxModel m = product({1e10F, 0, 0, 1e10F}, {{"Mul", 1e30F}});
    checkOutput(m, inputs(1e-20F), "y1", [](const Tensor& y) {
      checkFloats(y, {1e20F, 1e20F, 1e20F, 1e20F});
    });
  }
  SUBCASE("below the smallest with all its bits") {
    const OnnxModel m = product({1e-20F, 0, 0, 1e-20F}, {{"Mul", 1.2345e-20F}});
    checkOutput(m, inputs(1e30F), "y1", [](const Tensor& y) {
      checkFloats(y, {1.2345e-10F, 1.2345e-10F, 1.2345e-10F, 1.2345e-10F});
    });
  }
  SUBCASE("a division by zero") {
    const OnnxModel m = product({1, 0, 0, 1}, {{"Div", 0}});
    checkOutput(m, inputs(2), "y1", [](const Tensor& y) {
      checkFloats(y, {kInfinity, kInfinity, kInfinity, kInfinity});
    });
  }
}

// Padding is less than any element, and never the first of the largest.
TEST_CASE("numbers: positions of a maximum that is the lowest number") {
  OnnxModel m;
  m.input("x", {1, 1, 3, 3}).output("y", kFloat).output("i", kInt64);
  m.node("MaxPool", {"x"}, {"y", "i"},
         {{"kernel_shape", std::vector<int64_t>{3, 3}},
          {"pads", std::vector<int64_t>{1, 1, 1, 1}},
          {"strides", std::vector<int64_t>{2, 2}}});
  const NamedTensors inputs{
      {"x", Tensor::of<float>({1, 1, 3, 3}, std::vector<float>(9, -kInfinity))}};
  checkOutput(m, inputs, "i", [](const Tensor& i) {
    const std::vector<int64_t> got(i.data<int64_t>(), i.data<int64_t>() + i.elementCount());
    CHECK(got == std::vector<int64_t>{0, 1, 3, 4});
  });
  checkOutput(m, inputs, "y",
              [](const Tensor& y) { checkFloats(y, std::vector<float>(4, -kInfinity)); });
}

TEST_CASE("numbers: what a loss ignores may be impossible") {
  OnnxModel m;
  m.input("x", {3, 2}).input("t", {3}, kInt64).output("y", kFloat);
  m.node("NegativeLogLikelihoodLoss", {"x", "t"}, {"y"}, {{"ignore_index", int64_t{7}}});
  const NamedTensors inputs{
      {"x", Tensor::of<float>({3, 2}, {-kInfinity, 0, -1, -3, -kInfinity, -5})},
      {"t", Tensor::of<int64_t>({3}, {7, 0, 1})}};
  checkOutput(m, inputs, "y", [](const Tensor& y) { checkFloats(y, {3}); });
}
