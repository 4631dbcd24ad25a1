// ONNX's backend tests as they lie on disk: folders of a model and serialised tensors.
#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "ir/module.h"

namespace quartet::tests {

using Tensor = std::shared_ptr<const ir::ConstantData>;

struct NamedTensor {
  std::string name;
  Tensor tensor;
};

/// One test: <root>/<suite>/<name>/model.onnx and its first test_data_set.
struct OnnxTest {
  std::string suite;
  std::string name;
  std::filesystem::path folder;
};

/// What a test's model asks for.
struct OnnxTestModel {
  struct Value {
    std::string name;
    std::optional<ir::DType> dtype;  // as declared
  };
  std::vector<Value> inputs;  // without initializers, in the model's order
  std::vector<Value> outputs;
  /// Operators without a row in the registry ("Loop", "ai.onnx.ml.Scaler") and kinds of values that
  /// are not tensors of numbers ("string tensors"); sorted, each once. Empty: the test must pass.
  std::vector<std::string> notRegistered;
};

/// The same bits as another dtype of the same size, if the tensor has dtype `from`.
Tensor reinterpreted(const Tensor& tensor, ir::DType from, ir::DType to);

/// All tests of a suite, sorted by name; empty when the folder is missing.
std::vector<OnnxTest> listTests(const std::filesystem::path& root, const std::string& suite);
Result<OnnxTestModel> readTestModel(const OnnxTest& test);
/// The tensors <prefix>_0.pb, <prefix>_1.pb, ... of the test's data set ("input", "output"), named
/// by `values`. The data sets hold bf16 as u16: inputs become bf16 where the model declares it;
/// expected outputs stay u16, since ONNX's runner compares the bits as numbers.
Result<std::vector<NamedTensor>> readTestTensors(const OnnxTest& test, const std::string& prefix,
                                                 const std::vector<OnnxTestModel::Value>& values);

}  // namespace quartet::tests
