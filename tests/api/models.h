// Models that several tests use.
#pragma once

#include <doctest/doctest.h>

#include <string>

#include "quartet/quartet.h"
#include "tests/onnx_model.h"

namespace quartet::tests {

inline Model modelOf(const OnnxModel& onnx, const Model::Shapes& shapes = {}) {
  auto model = Model::parse(onnx.bytes(), shapes);
  REQUIRE_MESSAGE(model, model.error().str());
  return *model;
}

/// y = relu(x w + b), on x: f32[N, 3].
inline void writeLayer(OnnxModel& onnx) {
  onnx.input("x", {"N", 3}).output("y", kFloat);
  onnx.floats("w", {3, 2}, {1, -1, 2, 0, 3, 1}).floats("b", {2}, {0.5F, -0.5F});
  onnx.node("MatMul", {"x", "w"}, {"m"}).node("Add", {"m", "b"}, {"a"}).node("Relu", {"a"}, {"y"});
}

/// Devices that compute and can run.
inline std::vector<std::string> computingDevices() {
  const auto found = devices();
  REQUIRE_MESSAGE(found, found.error().str());
  std::vector<std::string> ids;
  for (const DeviceInfo& device : *found) {
    if (device.kind != DeviceInfo::Kind::Null && !device.compileOnly) ids.push_back(device.id);
  }
  return ids;
}

/// Compiles and runs a model on every device that computes: check(outputs) for each.
template <class Check>
void onEveryDevice(const Model& model, const NamedTensors& inputs, const Check& check) {
  for (const std::string& device : computingDevices()) {
    INFO(device);
    const auto session = Session::compile(model, {.device = device});
    REQUIRE_MESSAGE(session, session.error().str());
    const auto outputs = session->run(inputs);
    REQUIRE_MESSAGE(outputs, outputs.error().str());
    check(*outputs);
  }
}

inline std::vector<float> floats(const Tensor& tensor) {
  return {tensor.data<float>(), tensor.data<float>() + tensor.elementCount()};
}

}  // namespace quartet::tests
