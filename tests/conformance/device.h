// What runs the tests.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "frontend/onnx/import.h"
#include "tests/conformance/testdata.h"

namespace quartet::tests {

/// Imports a model with the shapes of `inputs` and runs it: the outputs in the order of
/// `outputNames`. An input whose value must be known at import (a target shape, axes) is bound to
/// its tensor then.
using RunModel = std::function<Result<std::vector<Tensor>>(
    const std::filesystem::path& model, const std::vector<NamedTensor>& inputs,
    const std::vector<std::string>& outputNames)>;

struct ConformanceDevice {
  std::string name;  // as in expected_failures.txt
  RunModel run;
};

/// The oracle: the frontend's graph, op by op.
ConformanceDevice referenceDevice();
/// A device of the public API, compiled for through all stages. `selector`: part of its name, or
/// its id. `strict`: nothing may be placed on another device.
ConformanceDevice compiledDevice(std::string name, const std::string& selector, bool strict);

/// A test's model with the shapes of its inputs, and with those inputs bound that must be.
Result<frontend::Imported> importForTest(const std::filesystem::path& model,
                                         const std::vector<NamedTensor>& inputs);

/// The index of the input that an import error asks to be bound, or -1: the error says that
/// something "comes from '<input>'" and must be known.
int inputToBind(const Diagnostic& error, const std::vector<NamedTensor>& inputs);

}  // namespace quartet::tests
