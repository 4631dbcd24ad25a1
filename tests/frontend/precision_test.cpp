// What operators compute in: values that a narrower type, or one rounding more, would change. The
// expected ones come from the operators' definitions.
#include <doctest/doctest.h>

#include <limits>

#include "tests/frontend/support.h"

using namespace quartet;
using namespace quartet::tests;

namespace {

using Numbers = std::vector<double>;

/// One node, all inputs of one element type.
struct Node {
  std::string type;
  int element = kFloat;
  std::vector<Extent> dims;  // of the first input
  std::vector<NodeAttribute> attributes;
  int64_t opset = 18;
  std::vector<std::vector<Extent>> further = {};

  Numbers result(const std::vector<Numbers>& inputs) const {
    OnnxModel m(opset);
    std::vector<std::string> names{"x"};
    m.input("x", dims, element);
    for (const auto& shape : further) {
      names.push_back("x" + std::to_string(names.size()));
      m.input(names.back(), shape, element);
    }
    m.node(type, names, {"y"}, attributes).output("y");
    return evaluateNumbers(import(m), inputs);
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

TEST_CASE("16-bit floats: an activation is rounded once") {
  struct Row {
    std::string type;
    int element;
    Numbers x;
    Numbers expected;
  };
  // Where rounding every step of the definition gives something else.
  const std::vector<Row> rows = {
      {"Mish",
       kFloat16,
       {-5.625, -2.171875, -7.0625, -3.671875},
       {-0.0202484130859375, -0.2335205078125, -0.006046295166015625, -0.0921630859375}},
      {"Mish",
       kBfloat16,
       {-6.40625, -6.875, -4.09375, -2.828125},
       {-0.01055908203125, -0.007110595703125, -0.06787109375, -0.162109375}},
      {"Gelu",
       kFloat16,
       {-0.84375, -1.578125, -1.53125, -3.0},
       {-0.168212890625, -0.09039306640625, -0.09625244140625, -0.00405120849609375}},
      {"Gelu",
       kBfloat16,
       {1.875, -1.515625, -1.4375, -0.640625},
       {1.8203125, -0.09814453125, -0.1083984375, -0.1669921875}},
      {"Softplus",
       kFloat16,
       {-7.703125, -1.390625, -5.921875, -5.015625},
       {0.0004513263702392578, 0.2222900390625, 0.0026760101318359375, 0.006610870361328125}},
      {"Softplus",
       kBfloat16,
       {-0.78125, -5.8125, -1.421875, -1.171875},
       {0.376953125, 0.00299072265625, 0.2158203125, 0.26953125}},
      {"Sigmoid",
       kFloat16,
       {-6.984375, -6.53125, 1.203125, -0.09375},
       {0.0009255409240722656, 0.0014553070068359375, 0.76904296875, 0.4765625}},
      {"Sigmoid",
       kBfloat16,
       {-7.4375, -7.15625, 1.65625, -2.640625},
       {0.00058746337890625, 0.0007781982421875, 0.83984375, 0.06640625}},
      {"Swish",
       kFloat16,
       {-0.265625, -4.0625, -5.953125, -7.0625},
       {-0.11529541015625, -0.0687255859375, -0.0154266357421875, -0.006046295166015625}},
      {"Swish",
       kBfloat16,
       {1.21875, 1.46875, -5.46875, -1.34375},
       {0.94140625, 1.1953125, -0.02294921875, -0.27734375}},
      {"HardSwish",
       kFloat16,
       {-2.640625, 1.375, 2.0, -2.609375},
       {-0.158203125, 1.0029296875, 1.6669921875, -0.169921875}},
      {"HardSwish",
       kBfloat16,
       {-2.84375, -1.140625, 0.765625, -2.375},
       {-0.07421875, -0.353515625, 0.48046875, -0.2470703125}},
      {"HardSigmoid",
       kFloat16,
       {-1.84375, -1.59375, -0.796875, -2.375},
       {0.1312255859375, 0.1812744140625, 0.340576171875, 0.024993896484375}},
      {"HardSigmoid",
       kBfloat16,
       {-1.3125, -2.21875, -2.0, -1.90625},
       {0.2373046875, 0.05615234375, 0.10009765625, 0.11865234375}},
      {"Elu",
       kFloat16,
       {-0.65625, -0.734375, -1.21875, -0.984375},
       {-0.481201171875, -0.52001953125, -0.70458984375, -0.62646484375}},
      {"Elu",
       kBfloat16,
       {-0.40625, -0.796875, -0.0625, -0.171875},
       {-0.333984375, -0.55078125, -0.060546875, -0.158203125}},
      {"Celu",
       kFloat16,
       {-0.125, -2.703125, -0.671875, -1.71875},
       {-0.11993408203125, -1.2529296875, -0.54150390625, -1.0234375}},
      {"Celu",
       kBfloat16,
       {-4.0, -2.265625, -4.53125, -1.21875},
       {-1.3984375, -1.171875, -1.4296875, -0.8359375}},
      {"Selu",
       kFloat16,
       {-0.1875, -4.296875, -5.359375, -0.96875},
       {-0.300537109375, -1.734375, -1.75, -1.0908203125}},
      {"Selu",
       kBfloat16,
       {-2.265625, 1.5, -4.1875, -4.25},
       {-1.578125, 1.578125, -1.734375, -1.734375}},
      {"Softsign",
       kBfloat16,
       {-3.015625, -3.046875, -3.984375, -7.46875},
       {-0.75, -0.75390625, -0.80078125, -0.8828125}},
      {"LeakyRelu",
       kFloat16,
       {-1.78125, -0.078125, -1.96875, -7.484375},
       {-0.0178070068359375, -0.0007810592651367188, -0.019683837890625, -0.0748291015625}},
      {"LeakyRelu",
       kBfloat16,
       {-1.375, -1.015625, -6.0625, -6.5625},
       {-0.01373291015625, -0.0101318359375, -0.060546875, -0.0654296875}},
  };
  for (const Row& row : rows) {
    CAPTURE(row.type);
    CAPTURE(row.element);
    Node node{row.type, row.element, {static_cast<int64_t>(row.x.size())}, {}, 24};
    if (row.type == "Celu") node.attributes = {{"alpha", 1.5F}};
    CHECK(node.result({row.x}) == row.expected);
  }
  // 0.3 as f16 is more than 0.3.
  const double third = 0.300048828125;
  CHECK(Node{"ThresholdedRelu", kFloat16, {1}, {{"alpha", 0.3F}}}.result({{third}}) ==
        Numbers{third});
  CHECK(Node{"Shrink", kFloat16, {2}, {{"lambd", 0.3F}, {"bias", 0.1F}}}.result({{-1, third}}) ==
        Numbers{-0.89990234375, 0.2000732421875});
}

TEST_CASE("16-bit floats: what an operator adds up stays in f32 until its end") {
  const auto half = [](const std::string& type, const std::vector<std::vector<Extent>>& shapes,
                       const std::vector<NodeAttribute>& attributes,
                       const std::vector<Numbers>& inputs) {
    Node node{type, kFloat16, shapes[0], attributes, 24};
    node.further = {shapes.begin() + 1, shapes.end()};
    return node.result(inputs);
  };
  CHECK(half("Mean", {{1}, {1}}, {}, {{60000}, {60000}}) == Numbers{60000});
  CHECK(half("Sum", {{1}, {1}, {1}}, {}, {{40000}, {40000}, {-20000}}) == Numbers{60000});
  CHECK(half("Gemm", {{1, 1}, {1, 1}, {1}}, {}, {{256}, {320}, {-32768}}) == Numbers{49152});
  CHECK(half("Gemm", {{1, 1}, {1, 1}}, {{"alpha", 0.5F}}, {{256}, {320}}) == Numbers{40960});
  CHECK(half("Conv", {{1, 1, 1}, {1, 1, 1}, {1}}, {}, {{256}, {320}, {-32768}}) == Numbers{49152});
  CHECK(half("ConvTranspose", {{1, 1, 1}, {1, 1, 1}, {1}}, {}, {{256}, {320}, {-32768}}) ==
        Numbers{49152});
  CHECK(half("Einsum", {{1}, {1}, {1}}, {{"equation", std::string("i,i,i->i")}},
             {{512}, {512}, {0.0625}}) == Numbers{16384});
  // Squares of 2^-13 are no f16.
  CHECK(half("ReduceSumSquare", {{1024}}, {}, {Numbers(1024, 0x1p-13)}) == Numbers{0x1p-16});
  CHECK(half("Pow", {{1}, {1}}, {}, {{1.71875}, {3}}) == Numbers{5.078125});
  CHECK(half("RotaryEmbedding", {{1, 1, 1, 2}, {1, 1, 1}, {1, 1, 1}}, {},
             {{40000, 32768}, {2}, {1}}) ==
        Numbers{47232, std::numeric_limits<double>::infinity()});
  // Scores of 90000 for both keys: each weighs one half.
  CHECK(half("Attention", {{1, 1, 1, 1}, {1, 1, 2, 1}, {1, 1, 2, 1}}, {{"scale", 1.0F}},
             {{300}, {300, 300}, {2, 4}}) == Numbers{3});
}

TEST_CASE("16-bit floats: norms and losses are rounded once") {
  // (1001 - 1000) * 128; 1001 * 128 is beyond f16.
  Node norm{"BatchNormalization", kFloat16, {1, 1}, {{"epsilon", 0.0F}}};
  norm.further = {{1}, {1}, {1}, {1}};
  CHECK(norm.result({{1001}, {1}, {0}, {1000}, {0x1p-14}}) == Numbers{128});
  // (-1, 0, 1) / sqrt(2 / 3) * 60000 - 40000: 33484.7, of which 33472 is the nearest f16.
  Node layer{"LayerNormalization", kFloat16, {3}, {{"epsilon", 0.0F}}};
  layer.further = {{1}, {1}};
  CHECK(layer.result({{-1, 0, 1}, {60000}, {-40000}}) ==
        Numbers{-std::numeric_limits<double>::infinity(), -40000, 33472});
  // 4096 times 30.
  OnnxModel loss(13);
  loss.input("x", {4096, 1}, kFloat16).input("t", {4096}, kInt64);
  loss.node("NegativeLogLikelihoodLoss", {"x", "t"}, {"y"}).output("y");
  CHECK(evaluateNumbers(import(loss), {Numbers(4096, -30), Numbers(4096, 0)}) == Numbers{30});
}

TEST_CASE("16-bit floats: scattered updates are rounded when all are in") {
  for (const std::string type : {"ScatterElements", "ScatterND"}) {
    OnnxModel m(18);
    m.input("x", {1}, kFloat16).input("u", {2}, kFloat16);
    m.ints("i", type == "ScatterND" ? std::vector<int64_t>{2, 1} : std::vector<int64_t>{2}, {0, 0});
    m.node(type, {"x", "i", "u"}, {"y"}, {{"reduction", std::string("add")}}).output("y");
    CHECK(evaluateNumbers(import(m), {{60000}, {20000, -40000}}) == Numbers{40000});
  }
}

TEST_CASE("floats of different types are refused as before") {
  OnnxModel m(18);
  m.input("x", {1}, kFloat16).input("z", {1}).node("Mean", {"x", "z"}, {"y"}).output("y");
  CHECK(importError(m).message == "inputs have different element types, f16 and f32");
}

TEST_CASE("integers: factors and biases with fractions") {
  const auto gemm = [](const std::vector<NodeAttribute>& attributes) {
    Node node{"Gemm", kInt32, {1, 2}, attributes};
    node.further = {{2, 1}, {1}};
    return node.result({{3, 5}, {3, 8}, {1}})[0];  // 49, 1
  };
  CHECK(gemm({}) == 50);
  CHECK(gemm({{"alpha", 0.5F}}) == 25);
  CHECK(gemm({{"alpha", 0.5F}, {"beta", 0.25F}}) == 24);  // 24.75
  CHECK(gemm({{"alpha", -0.3F}}) == -13);                 // -13.7
  CHECK(gemm({{"alpha", 2.0F}, {"beta", -3.0F}}) == 95);
  const auto shrink = [](int element, float bias, float lambda, const Numbers& x) {
    return Node{"Shrink", element, {7}, {{"bias", bias}, {"lambd", lambda}}}.result({x});
  };
  const Numbers x{-3, -2, -1, 0, 1, 2, 3};
  // -1.5, -0.5, 0, 0, 0, 0.5, 1.5
  CHECK(shrink(kInt32, 1.5F, 1.5F, x) == Numbers{-1, 0, 0, 0, 0, 0, 1});
  CHECK(shrink(kInt8, 1, 1.5F, x) == Numbers{-2, -1, 0, 0, 0, 1, 2});
  CHECK(shrink(kUint8, 0.5F, 1.5F, {0, 1, 2, 3, 4, 5, 255}) == Numbers{0, 0, 1, 2, 3, 4, 254});
  // -2 and below: x + 1; all others are above -1.5.
  CHECK(shrink(kInt32, 1, -1.5F, x) == Numbers{-2, -1, 0, 1, 2, 1, 2});
}

TEST_CASE("integers: powers with float exponents, roots and logarithms") {
  const auto power = [](int base, int exponent, double x, double y) {
    OnnxModel m(15);
    m.input("x", {1}, base).input("z", {1}, exponent).node("Pow", {"x", "z"}, {"y"}).output("y");
    return evaluateNumbers(import(m), {{x}, {y}})[0];
  };
  CHECK(power(kInt64, kFloat, 3, 33) == 5559060566555523);
  CHECK(power(kInt32, kFloat, 7, 10) == 282475249);
  CHECK(power(kInt32, kFloat16, 3, 9) == 19683);
  CHECK(power(kInt32, kFloat, 10, 0.5) == 3);
  CHECK(power(kInt64, kInt64, 3, 33) == 5559060566555523);
  const auto known = [](const std::vector<float>& exponents) {
    OnnxModel m(15);
    m.input("x", {2}, kInt64).floats("z", {2}, exponents).node("Pow", {"x", "z"}, {"y"});
    return import(m.output("y"));
  };
  CHECK(opsOf(known({33, 4}).graph) == "pow");
  CHECK(evaluateNumbers(known({33, 4}), {{3, -3}}) == Numbers{5559060566555523, 81});
  CHECK(opsOf(known({33, 0.5F}).graph) == "cast pow cast");
  CHECK(evaluateNumbers(known({33, -1}), {{3, 2}}) == Numbers{5559060566555523, 0});
  for (const int element : {kInt32, kInt64}) {
    const std::vector<NodeAttribute> along{{"axes", std::vector<int64_t>{1}},
                                           {"keepdims", int64_t{0}}};
    Node node{"ReduceLogSum", element, {2, 3}, along, 13};
    CHECK(node.result({{3, 4, 100, 1, 2, 3}}) == Numbers{4, 1});  // 4.67, 1.79
    node.type = "ReduceLogSumExp";
    CHECK(node.result({{3, 4, 100, 1, 2, 3}}) == Numbers{100, 3});  // 100.0, 3.41
    node.type = "ReduceL2";
    CHECK(node.result({{3, 4, 0, 1, 1, 1}}) == Numbers{5, 1});
  }
}

TEST_CASE("trilu: a diagonal far beyond the corners") {
  const auto kept = [](int64_t upper, int64_t k) {
    OnnxModel known(17);
    known.input("x", {2, 3}).ints("k", {}, {k});
    known.node("Trilu", {"x", "k"}, {"y"}, {{"upper", upper}}).output("y");
    OnnxModel open(17);
    open.input("x", {2, 3}).input("k", {}, kInt64);
    open.node("Trilu", {"x", "k"}, {"y"}, {{"upper", upper}}).output("y");
    const Numbers x{1, 2, 3, 4, 5, 6};
    Numbers result = evaluateNumbers(import(known), {x});
    CHECK(evaluateNumbers(import(open), {x, {static_cast<double>(k)}}) == result);
    return result;
  };
  constexpr int64_t kMost = std::numeric_limits<int64_t>::max();
  constexpr int64_t kLeast = std::numeric_limits<int64_t>::min();
  const Numbers all{1, 2, 3, 4, 5, 6};
  const Numbers none(6, 0);
  for (const int64_t far : {int64_t{3}, int64_t{4}, kMost}) {
    CHECK(kept(1, far) == none);
    CHECK(kept(0, far) == all);
  }
  for (const int64_t far : {int64_t{-2}, int64_t{-3}, kLeast}) {
    CHECK(kept(1, far) == all);
    CHECK(kept(0, far) == none);
  }
  CHECK(kept(1, 2) == Numbers{0, 0, 3, 0, 0, 0});
  CHECK(kept(0, -1) == Numbers{0, 0, 0, 4, 0, 0});
}
