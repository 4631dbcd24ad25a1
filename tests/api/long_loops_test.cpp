// Kernels whose invocations loop for long: some drivers end loops after 65,535 iterations, without
// a word.
#include <doctest/doctest.h>

#include "tests/api/models.h"
#include "tests/skip.h"

using namespace quartet;
using namespace quartet::tests;

namespace {

/// The outputs of every device agree with the reference's.
void checkEverywhere(const Model& model, const NamedTensors& inputs) {
  const auto oracle = Oracle::evaluate(model, inputs);
  REQUIRE_MESSAGE(oracle, oracle.error().str());
  onEveryDevice(model, inputs, [&](const NamedTensors& outputs) {
    for (const Comparison& one : oracle->compare(outputs)) {
      CHECK_MESSAGE(one.passed, one.output, ": ", one.detail);
    }
  });
}

/// Integers have sums that nothing rounds.
Model sumOf(int64_t rows, int64_t columns) {
  OnnxModel onnx;
  onnx.input("x", {rows, columns}, kInt32).ints("axes", {1}, {1});
  onnx.output("y", kInt32).node("ReduceSum", {"x", "axes"}, {"y"});
  return modelOf(onnx);
}

}  // namespace

TEST_CASE("long loops: sums, short of 65,535 steps and beyond") {
  for (const int64_t columns : {32000, 65521, 65536, 70001, 300000}) {
    CAPTURE(columns);
    const Model model = sumOf(3, columns);
    checkEverywhere(model, model.makeInputs(1));
  }
}

TEST_CASE("long loops: rows that an edge cuts, one after another") {
  for (const int64_t rows : {1, 7, 15}) {
    CAPTURE(rows);
    OnnxModel onnx;
    onnx.input("x", {rows, 20000}).input("w", {20000, 9}).output("y", kFloat);
    onnx.node("MatMul", {"x", "w"}, {"y"});
    const Model model = modelOf(onnx);
    checkEverywhere(model, model.makeInputs(2));
  }
}

TEST_CASE("long loops: running sums, orders, updates in place") {
  OnnxModel onnx;
  onnx.input("x", {70000}, kInt32).output("y", kInt32).ints("axis", {}, {0});
  onnx.node("CumSum", {"x", "axis"}, {"y"});
  const Model sums = modelOf(onnx);
  checkEverywhere(sums, sums.makeInputs(3));

  OnnxModel top;
  top.input("x", {40000}).ints("k", {1}, {5}).output("v", kFloat).output("i", kInt64);
  top.node("TopK", {"x", "k"}, {"v", "i"});
  const Model order = modelOf(top);
  checkEverywhere(order, order.makeInputs(4));

  OnnxModel scatter;
  scatter.input("x", {9}, kInt32).input("i", {70000}, kInt64).input("u", {70000}, kInt32);
  scatter.output("y", kInt32);
  scatter.node("ScatterElements", {"x", "i", "u"}, {"y"}, {{"reduction", std::string("add")}});
  const Model updates = modelOf(scatter);
  NamedTensors inputs = updates.makeInputs(5);
  std::vector<int64_t> indices(70000);
  for (size_t i = 0; i < indices.size(); ++i) indices[i] = static_cast<int64_t>(i * 7 % 9);
  inputs["i"] = Tensor::of<int64_t>({70000}, indices);
  checkEverywhere(updates, inputs);
}

TEST_CASE("long loops: remainders of floats, which are loops themselves") {
  OnnxModel onnx;
  onnx.input("x", {4, 3000}).input("d", {3000}).output("y", kFloat).ints("axes", {1}, {1});
  onnx.node("Mod", {"x", "d"}, {"m"}, {{"fmod", int64_t{1}}});
  onnx.node("ReduceMax", {"m", "axes"}, {"y"});
  const Model model = modelOf(onnx);
  NamedTensors inputs = model.makeInputs(6);
  // Quotients with as many digits as there can be.
  const std::vector<float> dividends(12000, 3e38F);
  std::vector<float> divisors(3000);
  for (size_t i = 0; i < divisors.size(); ++i) divisors[i] = 1e-37F * static_cast<float>(i + 3);
  inputs["x"] = Tensor::of<float>({4, 3000}, dividends);
  inputs["d"] = Tensor::of<float>({3000}, divisors);
  checkEverywhere(model, inputs);
}

TEST_CASE("long loops: an open extent is as long as a run makes it") {
  OnnxModel onnx;
  onnx.input("x", {"N", "L"}, kInt32).output("y", kInt32).ints("axes", {1}, {1});
  onnx.node("Neg", {"x"}, {"n"}).node("ReduceSum", {"n", "axes"}, {"y"});
  auto model = Model::parse(onnx.bytes(), {{"x", {kOpenExtent, kOpenExtent}}});
  REQUIRE_MESSAGE(model, model.error().str());
  for (const std::string& device : computingDevices()) {
    INFO(device);
    const auto session = Session::compile(*model, {.device = device});
    REQUIRE_MESSAGE(session, session.error().str());
    for (const int64_t length : {9, 100000, 300}) {
      const Tensor ones = Tensor::of<int32_t>({2, length}, std::vector<int32_t>(2 * length, 1));
      const auto outputs = session->run({{"x", ones}});
      REQUIRE_MESSAGE(outputs, outputs.error().str());
      const auto* sums = outputs->at("y").data<int32_t>();
      CHECK(sums[0] == -length);
      CHECK(sums[1] == -length);
    }
  }
}
