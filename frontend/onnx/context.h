// What a builder sees of the node that it builds.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "frontend/onnx/emitter.h"
#include "frontend/onnx/model.h"

namespace quartet::frontend {

class Context {
 public:
  /// `opset`: the version of the node's domain; `inputs`: one per input of the node, null when left
  /// out.
  Context(const Node& node, int64_t opset, Emitter& emitter, std::vector<const Tensor*> inputs);

  const Node& node;
  const int64_t opset;
  Emitter& e;

  // ---- Inputs ----
  int inputCount() const { return static_cast<int>(inputs_.size()); }
  bool has(int i) const { return i < inputCount() && inputs_[static_cast<size_t>(i)] != nullptr; }
  /// Input `i`, which the registry requires.
  const Tensor& in(int i) const;
  /// All inputs that are given.
  std::vector<Tensor> allInputs() const;
  /// The elements of an input that must be known at import: `what` says what they are for.
  Result<ir::Dims> contents(int i, std::string_view what) const;
  Result<std::vector<int64_t>> integers(int i, std::string_view what) const;
  Result<std::vector<double>> numbers(int i, std::string_view what) const;

  // ---- Attributes; a wrong type is an error that `status` reports ----
  bool hasAttribute(std::string_view name) const { return node.attributes.contains(name); }
  int64_t integer(std::string_view name, int64_t otherwise) const;
  double number(std::string_view name, double otherwise) const;
  std::string text(std::string_view name, std::string otherwise) const;
  std::vector<int64_t> integers(std::string_view name, std::vector<int64_t> otherwise) const;
  std::vector<double> numbers(std::string_view name, std::vector<double> otherwise) const;
  Status require(std::string_view attribute) const;
  Result<Constant> tensor(std::string_view name) const;

  // ---- Outputs ----
  bool wants(int i) const;
  void set(int i, Tensor tensor);
  const std::map<int, Tensor>& outputs() const { return outputs_; }

  // ---- Checks ----
  /// An axis as 0 <= axis < rank.
  Result<int> axis(int64_t value, int rank) const;
  /// Sorted axes, each once; `axes` empty: all.
  Result<std::vector<int>> axes(const std::vector<int64_t>& axes, int rank) const;
  Status sameDType(const std::vector<Tensor>& tensors) const;
  /// Inputs of i8 or u8, each by itself.
  Status bytes(const std::vector<int>& inputs) const;
  Status broadcastable(const std::vector<Tensor>& tensors) const;
  /// A table of these extents is small enough to be computed at import; `what` names it.
  Status tableFits(const std::vector<int64_t>& extents, std::string_view what) const;
  Status rankAtLeast(int i, int rank) const;
  Status rankIs(int i, int rank) const;
  /// `axes` with their names for messages: extents that must agree.
  Status agree(const ir::Dim& a, const ir::Dim& b, std::string_view what) const;

  tl::unexpected<Diagnostic> fail(std::string message, std::string hint = {}) const;
  tl::unexpected<Diagnostic> failUnsupported(std::string message, std::string hint = {}) const;
  /// "node 'conv1' (Conv, opset 11)"
  std::string where() const;
  /// The first attribute of a wrong type.
  const Status& status() const { return status_; }

 private:
  template <class T>
  const T* attribute(std::string_view name, const char* type) const;
  tl::unexpected<Diagnostic> notKnown(int i, std::string_view what) const;

  std::vector<const Tensor*> inputs_;
  std::map<int, Tensor> outputs_;
  mutable Status status_;
};

std::string whereNode(const Node& node, int64_t opset);

}  // namespace quartet::frontend
