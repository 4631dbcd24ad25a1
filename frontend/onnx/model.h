// An ONNX model as plain structs, free of protobuf: what the reader makes and the importer reads.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "base/result.h"
#include "frontend/onnx/import.h"
#include "ir/module.h"

namespace quartet::frontend {

/// A tensor that cannot be read keeps its error until somebody needs it, so that unsupported
/// operators are reported first.
using TensorResult = Result<Constant>;

/// The content of an attribute that holds graphs, sequences or types: nothing that is supported
/// reads them.
struct OpaqueAttribute {
  std::string kind;
};

/// In the body of a function: the value is that of the call's attribute of this name.
struct AttributeReference {
  std::string name;
};

using AttributeValue =
    std::variant<int64_t, float, std::string, std::vector<int64_t>, std::vector<float>,
                 std::vector<std::string>, TensorResult, OpaqueAttribute, AttributeReference>;
using Attributes = std::map<std::string, AttributeValue, std::less<>>;

struct Node {
  std::string name;  // as in the model, or "Type#index"
  std::string type;
  std::string domain;    // "" for ONNX's own
  std::string overload;  // tells functions of one name apart; mostly ""
  int64_t opset = 0;     // version of the domain where the node stands; 0: not imported
  std::vector<std::string> inputs;
  std::vector<std::string> outputs;
  Attributes attributes;
};

/// A model-local function: nodes that a node of its domain and name stands for.
struct Function {
  std::string name;
  std::string domain;
  std::string overload;
  std::vector<std::string> inputs;
  std::vector<std::string> outputs;
  Attributes defaults;  // of attributes that a call may leave out
  std::vector<Node> nodes;
  std::vector<Node> nested;  // as in Model
};

/// A declared dimension: a value, a symbol, or neither (unknown).
struct Dimension {
  std::optional<int64_t> value;
  std::string symbol;
};

struct ValueInfo {
  std::string name;
  std::string type;  // "f32", or the ONNX name of a type that is not supported ("string tensor")
  std::optional<ir::DType> dtype;  // of a tensor of a supported element type
  std::optional<std::vector<Dimension>> dims;
};

struct Model {
  std::string producer;
  int64_t irVersion = 0;
  std::map<std::string, int64_t> opsets;
  std::vector<Node> nodes;
  std::vector<Function> functions;  // none once they are inlined
  std::vector<std::pair<std::string, TensorResult>> initializers;
  std::vector<ValueInfo> inputs;
  std::vector<ValueInfo> outputs;
  /// Operators inside subgraphs (bodies of If, Loop, ...), which are supported only if these are.
  std::vector<Node> nested;
  /// Features outside of nodes that are not supported: "sparse initializer 'w'".
  std::vector<std::string> unsupported;
  /// Where data lies that was not copied.
  std::vector<std::shared_ptr<const MappedFile>> files;
};

/// Parses a serialised ModelProto and inlines its functions. `directory` is where external data
/// lies. Constants refer to files, which stay mapped as long as they live, and copy what they need
/// of `bytes`.
Result<Model> readModel(std::span<const std::byte> bytes, const std::filesystem::path& directory);
Result<Model> readModelFile(const std::filesystem::path& file,
                            const std::filesystem::path& directory);

}  // namespace quartet::frontend
