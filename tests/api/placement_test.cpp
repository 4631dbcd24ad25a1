// Models of which a device can run a part: the rest runs on the CPU, and is said to.
#include <doctest/doctest.h>

#include "tests/api/models.h"
#include "tests/skip.h"

using namespace quartet;
using namespace quartet::tests;

namespace {

/// The Vulkan devices that can run; none of them has an exponential of 64-bit floats.
std::vector<std::string> vulkanDevices() {
  std::vector<std::string> ids;
  for (const std::string& id : computingDevices()) {
    if (id.starts_with("vulkan")) ids.push_back(id);
  }
  return ids;
}

/// y = relu(float(exp(double(x)))) w + (-x) b; kept = exp(double(x)).
void writeMixed(OnnxModel& onnx) {
  onnx.input("x", {"N", 8}).weights("w", {8, 3}).weights("b", {8, 3}, -1);
  onnx.output("y", kFloat).output("kept", kDouble);
  onnx.node("Neg", {"x"}, {"n"}, {}, "negate");
  onnx.node("Cast", {"x"}, {"d"}, {{"to", int64_t{kDouble}}}, "widen");
  onnx.node("Exp", {"d"}, {"kept"}, {}, "exponential");
  onnx.node("Cast", {"kept"}, {"f"}, {{"to", int64_t{kFloat}}}, "narrow");
  onnx.node("Relu", {"f"}, {"r"}, {}, "relu").node("MatMul", {"r", "w"}, {"m"}, {}, "matmul");
  onnx.node("MatMul", {"n", "b"}, {"k"}, {}, "other").node("Add", {"m", "k"}, {"y"}, {}, "sum");
}

Session compileOn(const Model& model, const std::string& device) {
  auto session = Session::compile(model, {.device = device});
  REQUIRE_MESSAGE(session, session.error().str());
  return *session;
}

}  // namespace

TEST_CASE("placement: what a device lacks runs on the CPU, the rest on the device") {
  if (vulkanDevices().empty()) SKIP_TEST("there is no Vulkan device");
  OnnxModel onnx;
  writeMixed(onnx);
  const Model model = modelOf(onnx, {{"x", {5, 8}}});
  const NamedTensors inputs = model.makeInputs(1);
  const auto oracle = Oracle::evaluate(model, inputs);
  REQUIRE_MESSAGE(oracle, oracle.error().str());
  for (const std::string& device : vulkanDevices()) {
    INFO(device);
    const Session session = compileOn(model, device);
    CHECK(session.statistics().device == device + "+cpu");
    REQUIRE_FALSE(session.notes().empty());
    CHECK(session.notes()[0].find("placed on cpu, because " + device) != std::string::npos);
    CHECK(session.notes()[0].find("exponential") != std::string::npos);
    for (int round = 0; round < 2; ++round) {
      const auto outputs = session.run(inputs);
      REQUIRE_MESSAGE(outputs, outputs.error().str());
      for (const Comparison& one : oracle->compare(*outputs)) {
        CHECK_MESSAGE(one.passed, one.output, ": ", one.detail);
      }
    }
    const std::string text = session.explain();
    INFO(text);
    for (const std::string node : {"negate", "relu", "matmul", "other", "sum"}) {
      CHECK(text.find(device + "   " + node) != std::string::npos);
    }
    CHECK(text.find("cpu        exponential: the device has no ") != std::string::npos);
    CHECK(text.find("copies (") != std::string::npos);
    CHECK(text.find("cpu -> " + device + ": ") != std::string::npos);
    CHECK(text.find("wave 0 on ") != std::string::npos);
    CHECK(session.code().find("#version") != std::string::npos);
  }
}

TEST_CASE("placement: strict refuses, and names every node") {
  OnnxModel onnx;
  writeMixed(onnx);
  const Model model = modelOf(onnx, {{"x", {5, 8}}});
  for (const std::string& device : vulkanDevices()) {
    INFO(device);
    const auto session = Session::compile(model, {.device = device, .strict = true});
    REQUIRE_FALSE(session);
    CHECK(session.error().kind == Error::Kind::Unsupported);
    CHECK(session.error().str().find("exponential") != std::string::npos);
    CHECK(session.error().message.find("64-bit floats") != std::string::npos);
  }
}

TEST_CASE("placement: a model of which the device can run nothing runs on the CPU") {
  OnnxModel onnx;
  onnx.input("x", {4}, kDouble).output("y", kDouble).node("Exp", {"x"}, {"y"});
  const Model model = modelOf(onnx);
  for (const std::string& device : vulkanDevices()) {
    INFO(device);
    const Session session = compileOn(model, device);
    CHECK(session.statistics().device == "cpu");
    REQUIRE(session.notes().size() == 1);
    CHECK(session.notes()[0].find("placed on cpu") == 0);
    CHECK(session.run(model.makeInputs(0)));
  }
}

TEST_CASE("placement: an index out of range on either device names its node") {
  OnnxModel onnx;
  onnx.input("x", {4}).input("i", {2}, kInt64).output("y", kFloat).output("z", kDouble);
  onnx.node("Gather", {"x", "i"}, {"y"}, {}, "pick");
  onnx.node("Cast", {"x"}, {"d"}, {{"to", int64_t{kDouble}}}).node("Exp", {"d"}, {"e"});
  onnx.node("Gather", {"e", "i"}, {"z"}, {}, "pick_wide");
  const Model model = modelOf(onnx);
  NamedTensors inputs = model.makeInputs(0);
  for (const std::string& device : vulkanDevices()) {
    INFO(device);
    const Session session = compileOn(model, device);
    inputs["i"] = Tensor::of<int64_t>({2}, {3, 9});
    const auto bad = session.run(inputs);
    REQUIRE_FALSE(bad);
    CHECK(bad.error().where.find("pick") != std::string::npos);
    inputs["i"] = Tensor::of<int64_t>({2}, {3, 0});
    CHECK(session.run(inputs));
  }
}
