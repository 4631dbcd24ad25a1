// What operators become. Their values are tested against ONNX's own tests (tests/conformance); here
// are the ops they are made of, and what those tests leave out.
#include <doctest/doctest.h>

#include <limits>

#include <cmath>

#include "ir/text.h"
#include "tests/frontend/support.h"
#include "tests/golden.h"

using namespace quartet;
using namespace quartet::tests;

namespace {

using Values = std::vector<float>;

// One node on one input.
OnnxModel single(const std::string& type, const std::vector<Extent>& dims,
                 const std::vector<NodeAttribute>& attributes = {}, int64_t opset = 17) {
  OnnxModel m(opset);
  m.input("x", dims).node(type, {"x"}, {"y"}, attributes).output("y");
  return m;
}

std::string opsOfNode(const std::string& type, const std::vector<Extent>& dims,
                      const std::vector<NodeAttribute>& attributes = {}, int64_t opset = 17) {
  return opsOf(import(single(type, dims, attributes, opset)).graph);
}

void checkClose(const Values& got, const Values& expected) {
  REQUIRE(got.size() == expected.size());
  for (size_t i = 0; i < got.size(); ++i)
    CHECK(got[i] == doctest::Approx(expected[i]).epsilon(1e-5));
}

NodeAttribute axisAttribute(int64_t axis) { return {"axis", axis}; }

}  // namespace

TEST_CASE("golden: a small network") {
  OnnxModel m;
  m.input("image", {"batch", 1, 6, 6}).weights("w", {2, 1, 3, 3}).floats("b", {2}, {1, -1});
  m.node("Conv", {"image", "w", "b"}, {"c"}, {{"pads", std::vector<int64_t>{1, 1, 1, 1}}});
  m.node("Relu", {"c"}, {"r"});
  m.node("MaxPool", {"r"}, {"p"},
         {{"kernel_shape", std::vector<int64_t>{2, 2}}, {"strides", std::vector<int64_t>{2, 2}}});
  m.node("Flatten", {"p"}, {"f"}).weights("g", {3, 18}).floats("h", {3}, {0, 1, 2});
  m.node("Gemm", {"f", "g", "h"}, {"logits"}, {{"transB", int64_t{1}}});
  m.node("Softmax", {"logits"}, {"scores"}).output("scores");
  checkGolden("frontend/golden/network.ir", ir::print(import(m).graph));
  frontend::ImportOptions open;
  open.allowSymbols = true;
  open.batchDefaultsToOne = false;
  checkGolden("frontend/golden/network_symbolic.ir", ir::print(import(m, open).graph));
}

TEST_CASE("golden: attention") {
  OnnxModel m;
  m.input("x", {1, 5, 8}).weights("wq", {8, 8}).weights("wk", {8, 8}, 1).weights("wv", {8, 8}, 2);
  m.ints("split", {4}, {0, 0, 2, 4}).ints("join", {3}, {0, 0, 8}).floats("scale", {}, {2});
  const std::vector<int64_t> heads = {0, 2, 1, 3};
  for (const std::string name : {"q", "k", "v"}) {
    m.node("MatMul", {"x", "w" + name}, {name + "1"});
    m.node("Reshape", {name + "1", "split"}, {name + "2"});
  }
  m.node("Transpose", {"q2"}, {"q"}, {{"perm", heads}});
  m.node("Transpose", {"k2"}, {"k"}, {{"perm", std::vector<int64_t>{0, 2, 3, 1}}});
  m.node("Transpose", {"v2"}, {"v"}, {{"perm", heads}});
  m.node("MatMul", {"q", "k"}, {"s"}).node("Div", {"s", "scale"}, {"d"});
  m.node("Softmax", {"d"}, {"p"}, {axisAttribute(-1)}).node("MatMul", {"p", "v"}, {"o"});
  m.node("Transpose", {"o"}, {"t"}, {{"perm", heads}}).node("Reshape", {"t", "join"}, {"y"});
  m.output("y");
  checkGolden("frontend/golden/attention.ir", ir::print(import(m).graph));
}

TEST_CASE("composites become few primitives") {
  CHECK(opsOfNode("Softmax", {2, 3}) == "reduce reshape sub exp reduce reshape div");
  CHECK(opsOfNode("Softmax", {2, 3, 4}, {axisAttribute(1)}, 11) ==
        "reduce reshape sub exp reduce reshape div");
  CHECK(opsOfNode("GlobalAveragePool", {1, 2, 3, 3}) == "reduce reshape mul");
  CHECK(opsOfNode("ReduceMean", {2, 3}, {{"keepdims", int64_t{0}}}) ==
        "reduce reshape mul reshape");
  CHECK(opsOfNode("ReduceMax", {2, 1}, {{"axes", std::vector<int64_t>{1}}}) == "");
  CHECK(opsOfNode("Flatten", {2, 3, 4}) == "reshape");
  CHECK(opsOfNode("Transpose", {1, 3, 4}, {{"perm", std::vector<int64_t>{1, 0, 2}}}) == "reshape");
  CHECK(opsOfNode("HardSwish", {4}) == "mul add max min mul");
}

TEST_CASE("a constant index is a slice, a table of indices a gather") {
  const auto gather = [](const std::vector<int64_t>& dims, const std::vector<int64_t>& indices) {
    OnnxModel m;
    m.input("x", {6, 2}).ints("i", dims, indices).node("Gather", {"x", "i"}, {"y"}).output("y");
    return opsOf(import(m).graph);
  };
  CHECK(gather({}, {-1}) == "slice reshape");
  CHECK(gather({3}, {5, 3, 1}) == "slice");
  CHECK(gather({3}, {5, 3, 2}) == "gather");
  CHECK(gather({6}, {0, 1, 2, 3, 4, 5}) == "");
}

TEST_CASE("small integer powers are products") {
  const auto power = [](float exponent) {
    OnnxModel m;
    m.input("x", {3}).floats("e", {}, {exponent}).node("Pow", {"x", "e"}, {"y"}).output("y");
    return opsOf(import(m).graph);
  };
  CHECK(power(1) == "");
  CHECK(power(2) == "mul");
  CHECK(power(3) == "mul mul");
  CHECK(power(0.5) == "sqrt");
  CHECK(power(2.5) == "pow");
}

TEST_CASE("batched products drop the axes that broadcast") {
  OnnxModel m;
  m.input("a", {1, 4, 2, 3}).input("b", {5, 1, 3, 2}).node("MatMul", {"a", "b"}, {"y"});
  m.output("y");
  const auto model = import(m);
  CHECK(shapeOf(model) == "[5, 4, 2, 2]");
  CHECK(opsOf(model.graph) == "reshape reshape contract");
}

TEST_CASE("vectors in products") {
  OnnxModel m;
  m.input("a", {3}).floats("b", {3}, {1, 2, 3}).node("MatMul", {"a", "b"}, {"y"}).output("y");
  const auto model = import(m);
  CHECK(shapeOf(model) == "[]");
  CHECK(evaluate(model, {{1, 10, 100}}) == Values{321});
}

TEST_CASE("pooling with ceil_mode does not start windows in the padding") {
  // 5 elements, windows of 2, stride 2, one pad in front: starts at -1, 1, 3; a fourth would start
  // at 5, behind the input.
  const std::vector<NodeAttribute> attributes = {{"kernel_shape", std::vector<int64_t>{2}},
                                                 {"strides", std::vector<int64_t>{2}},
                                                 {"pads", std::vector<int64_t>{1, 1}},
                                                 {"ceil_mode", int64_t{1}}};
  const auto largest = import(single("MaxPool", {1, 1, 5}, attributes));
  CHECK(evaluate(largest, {{1, 5, 2, 3, 4}}) == Values{1, 5, 4});
  const auto mean = import(single("AveragePool", {1, 1, 5}, attributes));
  CHECK(evaluate(mean, {{1, 5, 2, 3, 4}}) == Values{1, 3.5, 3.5});
}

TEST_CASE("the mean over windows cut by ceil_mode counts what they hold") {
  const auto mean = import(single("AveragePool", {1, 1, 4},
                                  {{"kernel_shape", std::vector<int64_t>{3}},
                                   {"strides", std::vector<int64_t>{2}},
                                   {"ceil_mode", int64_t{1}},
                                   {"count_include_pad", int64_t{1}}}));
  CHECK(evaluate(mean, {{1, 2, 3, 5}}) == Values{2, 4});
}

TEST_CASE("the indices of a pooling") {
  OnnxModel m;
  m.input("x", {1, 2, 2, 3});
  m.node("MaxPool", {"x"}, {"v", "i"},
         {{"kernel_shape", std::vector<int64_t>{2, 2}},
          {"pads", std::vector<int64_t>{0, 0, 0, 1}},
          {"strides", std::vector<int64_t>{1, 1}}});
  m.node("Cast", {"i"}, {"y"}, {{"to", int64_t{kFloat}}}).output("y");
  const Values x = {1, 9, 2, 3, 4, 5, -6, -5, -4, -3, -2, -1};
  CHECK(evaluate(import(m), {x}) == Values{1, 1, 5, 10, 11, 11});
}

TEST_CASE("activations of later versions") {
  const Values x = {-2, -0.5, 0, 1, 3};
  Values gelu;
  Values tanh;
  Values mish;
  for (const float v : x) {
    gelu.push_back(static_cast<float>(0.5 * v * (1 + std::erf(v / std::sqrt(2.0)))));
    const double inner = std::sqrt(2 / M_PI) * (v + 0.044715 * v * v * v);
    tanh.push_back(static_cast<float>(0.5 * v * (1 + std::tanh(inner))));
    mish.push_back(static_cast<float>(v * std::tanh(std::log1p(std::exp(v)))));
  }
  checkClose(evaluate(import(single("Gelu", {5}, {}, 20)), {x}), gelu);
  const NodeAttribute approximate{"approximate", std::string("tanh")};
  checkClose(evaluate(import(single("Gelu", {5}, {approximate}, 20)), {x}), tanh);
  checkClose(evaluate(import(single("Mish", {5}, {}, 18)), {x}), mish);
}

TEST_CASE("softplus does not overflow") {
  const auto y = evaluate(import(single("Softplus", {3})), {{200, 0, -200}});
  CHECK(y[0] == 200);
  CHECK(y[1] == doctest::Approx(std::log(2.0)));
  CHECK(y[2] == doctest::Approx(0));
}

TEST_CASE("group normalization: one scale per group, since opset 21 per channel") {
  const auto normalised = [](int64_t opset, const Values& scale) {
    OnnxModel m(opset);
    m.input("x", {1, 4, 1}).floats("s", {static_cast<int64_t>(scale.size())}, scale);
    m.floats("b", {static_cast<int64_t>(scale.size())}, Values(scale.size(), 0));
    m.node("GroupNormalization", {"x", "s", "b"}, {"y"},
           {{"num_groups", int64_t{2}}, {"epsilon", 0.0f}});
    m.output("y");
    return evaluate(import(m), {{1, 3, 10, 30}});
  };
  checkClose(normalised(18, {1, 2}), {-1, 1, -2, 2});
  checkClose(normalised(21, {1, 2, 3, 4}), {-1, 2, -3, 4});
}

TEST_CASE("norms and their poolings") {
  const std::vector<NodeAttribute> attributes = {{"kernel_shape", std::vector<int64_t>{2}},
                                                 {"p", int64_t{2}}};
  checkClose(evaluate(import(single("LpPool", {1, 1, 3}, attributes)), {{3, -4, 3}}), {5, 5});
  checkClose(evaluate(import(single("GlobalLpPool", {1, 1, 3}, {{"p", int64_t{1}}})), {{3, -4, 3}}),
             {10});
  checkClose(evaluate(import(single("LpNormalization", {2, 2})), {{3, -4, 0, 0}}),
             {0.6f, -0.8f, 0, 0});
}

TEST_CASE("split into parts that are not equal, since opset 18") {
  OnnxModel m(18);
  m.input("x", {5}).node("Split", {"x"}, {"a", "b", "c"}, {{"num_outputs", int64_t{3}}});
  m.output("c");
  CHECK(evaluate(import(m), {{1, 2, 3, 4, 5}}) == Values{5});
}

TEST_CASE("pad with a list of axes, since opset 18") {
  OnnxModel m(18);
  m.input("x", {2, 2}).ints("p", {2}, {1, -1}).ints("a", {1}, {-1}).floats("v", {}, {7});
  m.node("Pad", {"x", "p", "v", "a"}, {"y"}).output("y");
  CHECK(evaluate(import(m), {{1, 2, 3, 4}}) == Values{7, 1, 7, 3});
}

TEST_CASE("pad: what is cut off is not repeated") {
  const auto padded = [](const std::string& mode, int64_t begin, int64_t end) {
    OnnxModel m(18);
    m.input("x", {4}).ints("p", {2}, {begin, end});
    m.node("Pad", {"x", "p"}, {"y"}, {{"mode", mode}}).output("y");
    return evaluate(import(m), {{1, 2, 3, 4}});
  };
  CHECK(padded("wrap", -1, 2) == Values{2, 3, 4, 2, 3});
  CHECK(padded("wrap", 2, -1) == Values{2, 3, 1, 2, 3});
  CHECK(padded("reflect", -1, 2) == Values{2, 3, 4, 3, 2});
  CHECK(padded("edge", -2, 2) == Values{3, 4, 4, 4});
  CHECK(padded("constant", -1, 1) == Values{2, 3, 4, 0});
  OnnxModel m(18);
  m.input("x", {3}).ints("p", {2}, {-1, 2});
  m.node("Pad", {"x", "p"}, {"y"}, {{"mode", std::string("reflect")}}).output("y");
  CHECK(importError(m).message == "axis 0 of extent 2 cannot be reflected over 2 positions");
}

TEST_CASE("operators of the first versions broadcast by attributes") {
  OnnxModel m(6);
  m.input("x", {2, 3, 2}).floats("b", {3}, {10, 20, 30});
  m.node("Add", {"x", "b"}, {"y"}, {{"broadcast", int64_t{1}}, axisAttribute(1)}).output("y");
  CHECK(evaluate(import(m), {Values(12, 0)}) ==
        Values{10, 10, 20, 20, 30, 30, 10, 10, 20, 20, 30, 30});
  OnnxModel without(6);
  without.input("x", {2, 3}).floats("b", {3}, {1, 2, 3}).node("Add", {"x", "b"}, {"y"});
  without.output("y");
  CHECK(importError(without).message ==
        "shapes [2, 3] and [3] differ and attribute 'broadcast' is not set");
}

TEST_CASE("einsum: ellipsis, sums, diagonals, three operands") {
  const auto einsum = [](const std::string& equation, const std::vector<Extent>& dims) {
    OnnxModel m;
    m.input("x", dims).node("Einsum", {"x", "x"}, {"y"}, {{"equation", equation}}).output("y");
    return import(m);
  };
  CHECK(opsOf(einsum("...ij,...kj->...ik", {2, 3, 4}).graph) == "contract");
  CHECK(shapeOf(einsum("...ij,...kj->...ik", {2, 3, 4})) == "[2, 3, 3]");
  CHECK(evaluate(einsum("ij,kj", {2, 2}), {{1, 2, 3, 4}}) == Values{5, 11, 11, 25});
  CHECK(evaluate(einsum("ii,jj->ij", {2, 2}), {{1, 2, 3, 4}}) == Values{1, 4, 4, 16});
  OnnxModel m;
  m.input("x", {2}).node("Einsum", {"x", "x", "x"}, {"y"},
                         {{"equation", std::string("i,j,k->kij")}});
  m.output("y");
  CHECK(evaluate(import(m), {{1, 2}}) == Values{1, 2, 2, 4, 2, 4, 4, 8});
}

TEST_CASE("resize: nearest of a whole factor, and linear with antialiasing") {
  OnnxModel m(18);
  m.input("x", {1, 1, 2}).floats("s", {3}, {1, 1, 2}).node("Resize", {"x", "", "s"}, {"y"});
  m.output("y");
  CHECK(evaluate(import(m), {{1, 2}}) == Values{1, 1, 2, 2});
  OnnxModel smooth(18);
  smooth.input("x", {4}).floats("s", {1}, {0.5});
  smooth.node("Resize", {"x", "", "s"}, {"y"},
              {{"mode", std::string("linear")}, {"antialias", int64_t{1}}});
  smooth.output("y");
  // Weights of a triangle two wide, the border repeated: (0.25 + 0.75, 0.75, 0.25) / 2, mirrored.
  checkClose(evaluate(import(smooth), {{1, 2, 3, 4}}), {3.25f / 2, 6.75f / 2});
}

TEST_CASE("the logarithm of a sum of powers of infinities is an infinity") {
  const float inf = std::numeric_limits<float>::infinity();
  OnnxModel m;
  m.input("x", {3, 2});
  m.node("ReduceLogSumExp", {"x"}, {"y"},
         {{"axes", std::vector<int64_t>{1}}, {"keepdims", int64_t{0}}});
  m.output("y");
  const Values got = evaluate(import(m), {{inf, 1, -inf, -inf, -inf, 2}});
  CHECK(got == Values{inf, -inf, 2});
}

TEST_CASE("cumulative sums are scans") {
  OnnxModel m;
  m.input("x", {4}).ints("a", {}, {0});
  m.node("CumSum", {"x", "a"}, {"y"}, {{"exclusive", int64_t{1}}, {"reverse", int64_t{1}}});
  m.output("y");
  const auto model = import(m);
  CHECK(opsOf(model.graph) == "scan");
  CHECK(evaluate(model, {{1, 2, 3, 4}}) == Values{9, 7, 4, 0});
}

TEST_CASE("the largest elements come from an order, equal ones as they stood") {
  OnnxModel m;
  m.input("x", {2, 4}).ints("k", {1}, {2});
  m.node("TopK", {"x", "k"}, {"y", "i"}, {{"axis", int64_t{0}}});
  m.output("y").output("i");
  const auto model = import(m);
  CHECK(evaluate(model, {{1, 5, 2, 7, 3, 5, 1, 8}}) == Values{3, 5, 2, 8, 1, 5, 1, 7});
  OnnxModel far;
  far.input("x", {4}).ints("k", {1}, {5});
  far.node("TopK", {"x", "k"}, {"y", "i"}).output("y");
  CHECK(importError(far).message.find("k is 5, required is 0 to 4") != std::string::npos);
}

TEST_CASE("scattered updates") {
  OnnxModel m(18);
  m.input("x", {4}).ints("i", {3}, {1, -1, 1}).floats("u", {3}, {10, 20, 30});
  m.node("ScatterElements", {"x", "i", "u"}, {"y"}).output("y");
  CHECK(evaluate(import(m), {{1, 2, 3, 4}}) == Values{1, 30, 3, 20});
  OnnxModel sum(18);
  sum.input("x", {2, 2}).ints("i", {2, 1}, {1, 1}).floats("u", {2, 2}, {1, 2, 3, 4});
  sum.node("ScatterND", {"x", "i", "u"}, {"y"}, {{"reduction", std::string("add")}}).output("y");
  CHECK(evaluate(import(sum), {{0, 0, 5, 6}}) == Values{0, 0, 9, 12});
  OnnxModel bad(18);
  bad.input("x", {2, 2}).ints("i", {1, 1}, {0}).floats("u", {2}, {1, 2});
  bad.node("ScatterND", {"x", "i", "u"}, {"y"}).output("y");
  CHECK(importError(bad).message == "updates have the shape [2], required is [1, 2]");
}

TEST_CASE("training mode is refused") {
  OnnxModel m(6);
  m.input("x", {1, 2, 2});
  for (const std::string name : {"s", "b", "m", "v"}) m.floats(name, {2}, {1, 1});
  m.node("BatchNormalization", {"x", "s", "b", "m", "v"}, {"y"}).output("y");
  CHECK(importError(m).hint == "export the model for inference");
}

TEST_CASE("a bound that Clip leaves out is the greatest finite number; NaN stays") {
  const auto infinity = std::numeric_limits<float>::infinity();
  const auto most = std::numeric_limits<float>::max();
  const Values x = {-infinity, infinity, NAN, 1, -most};
  const auto check = [&](const OnnxModel& m, const Values& expected) {
    const Values got = evaluate(import(m), {x});
    REQUIRE(got.size() == expected.size());
    for (size_t i = 0; i < got.size(); ++i) {
      CAPTURE(i);
      CHECK((std::isnan(expected[i]) ? std::isnan(got[i]) : got[i] == expected[i]));
    }
  };
  const auto clip = [](const std::vector<std::string>& inputs) {
    OnnxModel m;
    m.input("x", {5}).floats("low", {}, {0}).floats("high", {}, {6});
    m.node("Clip", inputs, {"y"}).output("y");
    return m;
  };
  check(clip({"x"}), {-most, most, NAN, 1, -most});
  check(clip({"x", "low"}), {0, most, NAN, 1, 0});
  check(clip({"x", "", "high"}), {-most, 6, NAN, 1, -most});
  check(clip({"x", "low", "high"}), {0, 6, NAN, 1, 0});
  check(single("Clip", {5}, {{"min", 0.0F}}, 6), {0, most, NAN, 1, 0});
  check(single("Clip", {5}, {{"max", 6.0F}}, 6), {-most, 6, NAN, 1, -most});

  const auto ops = [](int type, int64_t opset) {
    OnnxModel m(opset);
    m.input("x", {5}, type).node("Clip", {"x"}, {"y"}).output("y");
    return opsOf(import(m).graph);
  };
  CHECK(ops(kInt32, 17) == "");
  CHECK(ops(kDouble, 17) == "max min");
  CHECK(ops(10, 17) == "max min");
  CHECK(ops(10, 6) == "");  // f32's greatest number is f16's infinity
}

TEST_CASE("rms normalization gives the type of its scale") {
  OnnxModel m(23);
  m.input("x", {2, 3}, kDouble).floats("s", {3}, {1, 2, 3}).output("y");
  m.node("RMSNormalization", {"x", "s"}, {"y"});
  const auto model = import(m);
  CHECK(model.info.outputs[0].dtype == ir::DType::F32);
}

TEST_CASE("16-bit floats: a sum may leave their range where the result does not") {
  constexpr int64_t kCount = 4096;
  const auto result = [&](const std::string& type, const std::vector<int64_t>& dims,
                          const std::vector<NodeAttribute>& attributes, float value) {
    OnnxModel m(13);
    m.input("x", {dims.begin(), dims.end()});
    m.node("Cast", {"x"}, {"half"}, {{"to", int64_t{kFloat16}}});
    m.node(type, {"half"}, {"z"}, attributes);
    m.node("Cast", {"z"}, {"y"}, {{"to", int64_t{kFloat}}}).output("y");
    return evaluate(import(m), {std::vector<float>(kCount, value)})[0];
  };
  const std::vector<NodeAttribute> along{{"axes", std::vector<int64_t>{1}}};
  CHECK(result("ReduceMean", {1, kCount}, along, 30) == 30);
  CHECK(result("ReduceL2", {1, kCount}, along, 30) == 1920);
  CHECK(result("ReduceLogSum", {1, kCount}, along, 30) == doctest::Approx(11.719).epsilon(1e-3));
  CHECK(result("ReduceLogSumExp", {1, kCount}, along, 30) == doctest::Approx(38.318).epsilon(1e-3));
  CHECK(result("GlobalAveragePool", {1, 1, 64, 64}, {}, 30) == 30);
  CHECK(result("AveragePool", {1, 1, 64, 64}, {{"kernel_shape", std::vector<int64_t>{64, 64}}},
               30) == 30);
  CHECK(result("LpNormalization", {1, kCount}, {{"axis", int64_t{1}}}, 30) == 1.0F / 64);
}
