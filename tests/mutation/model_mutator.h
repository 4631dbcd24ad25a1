// Damaged ONNX models: as bytes, and as structures that still are ONNX.
#pragma once

#include <string>
#include <vector>

#include "tests/fuzz/random.h"
#include "tests/mutation/corpus.h"

namespace quartet::tests {

/// Bytes flipped, removed, repeated, replaced by large varints, cut off, or taken from `other`.
std::string damageBytes(std::string bytes, const std::string& other, fuzz::Random& random);

/// A model changed in one to three places: attributes, extents, element types, inputs and outputs
/// of nodes and of the graph, operators, initializers, versions, nodes added and removed.
class ModelMutator {
 public:
  /// Operators and attributes of all `seeds` are put into each of them.
  explicit ModelMutator(const std::vector<SeedModel>& seeds);

  onnx::ModelProto mutant(const onnx::ModelProto& seed, fuzz::Random& random) const;

 private:
  using Change = void (ModelMutator::*)(onnx::ModelProto&, fuzz::Random&) const;

  void changeAttribute(onnx::ModelProto& model, fuzz::Random& random) const;
  void changeAttributeSet(onnx::ModelProto& model, fuzz::Random& random) const;
  void changeExtents(onnx::ModelProto& model, fuzz::Random& random) const;
  void changeElementType(onnx::ModelProto& model, fuzz::Random& random) const;
  void changeNodeInputs(onnx::ModelProto& model, fuzz::Random& random) const;
  void changeNodeOutputs(onnx::ModelProto& model, fuzz::Random& random) const;
  void changeOperator(onnx::ModelProto& model, fuzz::Random& random) const;
  void changeInitializer(onnx::ModelProto& model, fuzz::Random& random) const;
  void changeInitializerShape(onnx::ModelProto& model, fuzz::Random& random) const;
  void changeVersions(onnx::ModelProto& model, fuzz::Random& random) const;
  void changeGraphOutputs(onnx::ModelProto& model, fuzz::Random& random) const;
  void removeNode(onnx::ModelProto& model, fuzz::Random& random) const;
  void repeatNode(onnx::ModelProto& model, fuzz::Random& random) const;
  void insertUnary(onnx::ModelProto& model, fuzz::Random& random) const;
  void appendBinary(onnx::ModelProto& model, fuzz::Random& random) const;
  void appendReduction(onnx::ModelProto& model, fuzz::Random& random) const;

  std::vector<std::string> operators_;
  std::vector<std::string> attributes_;  // names
  std::vector<std::string> strings_;     // values
};

}  // namespace quartet::tests
