// Small ONNX models, made in memory.
#pragma once

#include <onnx/onnx_pb.h>

#include <cstddef>
#include <cstdint>
#include <string>
#include <variant>
#include <vector>

#include "frontend/onnx/import.h"

namespace quartet::tests {

using Extent = std::variant<int64_t, std::string>;  // a number or a symbol
using AttributeArgument = std::variant<int64_t, float, std::string, std::vector<int64_t>,
                                       std::vector<float>, onnx::TensorProto>;

struct NodeAttribute {
  std::string name;
  AttributeArgument value;
};

class ModelBuilder {
 public:
  explicit ModelBuilder(int64_t opset = 17);

  ModelBuilder& input(const std::string& name, const std::vector<Extent>& dims,
                      int type = onnx::TensorProto::FLOAT);
  /// Shape and, by default, type are left for the importer to find.
  ModelBuilder& output(const std::string& name, int type = onnx::TensorProto::UNDEFINED);
  ModelBuilder& floats(const std::string& name, const std::vector<int64_t>& dims,
                       const std::vector<float>& values);
  /// Values first, first + 1/16, first + 2/16, ...
  ModelBuilder& weights(const std::string& name, const std::vector<int64_t>& dims, float first = 0);
  ModelBuilder& ints(const std::string& name, const std::vector<int64_t>& dims,
                     const std::vector<int64_t>& values);
  ModelBuilder& initializer(const onnx::TensorProto& tensor);
  /// Named after its first output.
  ModelBuilder& node(const std::string& type, const std::vector<std::string>& inputs,
                     const std::vector<std::string>& outputs,
                     const std::vector<NodeAttribute>& attributes = {});

  onnx::ModelProto& proto() { return proto_; }
  std::vector<std::byte> bytes() const;

 private:
  onnx::ModelProto proto_;
};

onnx::TensorProto floatTensor(const std::vector<int64_t>& dims, const std::vector<float>& values);
onnx::TensorProto intTensor(const std::vector<int64_t>& dims, const std::vector<int64_t>& values);

/// Folds through the reference.
const frontend::Evaluator& referenceEvaluator();

Result<frontend::Imported> tryImport(const ModelBuilder& model,
                                     const frontend::ImportOptions& options = {});
/// Import must succeed and verify; a failed check and an empty graph otherwise.
frontend::Imported import(const ModelBuilder& model, const frontend::ImportOptions& options = {});
/// The diagnostic of an import that must fail.
Diagnostic importError(const ModelBuilder& model, const frontend::ImportOptions& options = {});

/// The names of the ops in order, without constants and return: "conv add max".
std::string opsOf(const ir::Module& graph);
/// Evaluates a graph of f32 inputs on the reference; the first output.
std::vector<float> evaluate(const frontend::Imported& model,
                            const std::vector<std::vector<float>>& inputs);
/// Shape of the first output as text: "[1, N]".
std::string shapeOf(const frontend::Imported& model);

}  // namespace quartet::tests
