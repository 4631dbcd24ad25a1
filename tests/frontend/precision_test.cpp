// What operators compute in: values that a narrower type, or one rounding more, would change. The
// expected ones come from the operators' definitions.
#include <doctest/doctest.h>

#include "tests/frontend/support.h"

using namespace quartet;
using namespace quartet::tests;

namespace {

using Numbers = std::vector<double>;

/// One node whose first input is `x`.
struct Node {
  std::string type;
  int element = kFloat;
  std::vector<Extent> dims;
  std::vector<NodeAttribute> attributes;
  int64_t opset = 18;

  OnnxModel model() const {
    OnnxModel m(opset);
    m.input("x", dims, element);
    return m;
  }
};

}  // namespace

TEST_CASE("resize: integers are interpolated as floats, rounded to nearest and saturated") {
  const auto resized = [](int element, const std::string& mode, float scale, const Numbers& x) {
    OnnxModel m(18);
    m.input("x", {1, 1, 1, static_cast<int64_t>(x.size())}, element);
    m.floats("s", {4}, {1, 1, 1, scale});
    m.node("Resize", {"x", "", "s"}, {"y"}, {{"mode", mode}}).output("y");
    return evaluateNumbers(import(m), {x});
  };
  // Weights 1/3 and 2/3: 10, 10, 9, 8, 7, 38, 69, 100, 109, 118, 127, 84.67, 42.33, 0, 0.
  CHECK(resized(kUint8, "linear", 3, {10, 7, 100, 127, 0}) ==
        Numbers{10, 10, 9, 8, 7, 38, 69, 100, 109, 118, 127, 85, 42, 0, 0});
  // 10, 10, 4.33, -1.33, -7, -38, -69, -100, -24.33, 51.33, 127, 84.67, 42.33, 0, 0.
  CHECK(resized(kInt8, "linear", 3, {10, -7, -100, 127, 0}) ==
        Numbers{10, 10, 4, -1, -7, -38, -69, -100, -24, 51, 127, 85, 42, 0, 0});
  // 1/4 and 3/4; 0.5 and 1.5 are halfway, and go to the even neighbour.
  CHECK(resized(kUint8, "linear", 2, {0, 2, 0}) == Numbers{0, 0, 2, 2, 0, 0});
  // A cubic overshoots: -9, -27, 57.8, 197.2, 281.9, 264.0 in the middle.
  CHECK(resized(kUint8, "cubic", 2, {0, 0, 255, 255}) == Numbers{0, 0, 0, 58, 197, 255, 255, 255});
  // Beyond 2^24, where f32 has no odd numbers.
  CHECK(resized(kInt32, "linear", 2, {16777217, 16777221}) ==
        Numbers{16777217, 16777218, 16777220, 16777221});
  CHECK(resized(kInt32, "nearest", 2, {16777217, -5}) == Numbers{16777217, 16777217, -5, -5});

  OnnxModel up(9);
  up.input("x", {1, 1, 1, 2}, kInt8).floats("s", {4}, {1, 1, 1, 2});
  up.node("Upsample", {"x", "s"}, {"y"}, {{"mode", std::string("linear")}}).output("y");
  CHECK(evaluateNumbers(import(up), {{10, -7}}) == Numbers{10, 2, -7, -7});
}
