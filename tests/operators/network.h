// A small ONNX model with the data of its inputs: what the tests of this folder make, check,
// shrink.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "tests/fuzz/facts.h"
#include "tests/onnx_model.h"

namespace quartet::operators {

using Ints = std::vector<int64_t>;
using fuzz::Fact;

struct Node {
  std::string type;
  std::vector<std::string> inputs;   // empty: left out
  std::vector<std::string> outputs;  // empty: left out
  std::vector<tests::NodeAttribute> attributes;
};

/// Where a value comes from.
enum class Origin { Input, Initializer, Node };

struct Value {
  Origin origin = Origin::Input;
  Fact fact;  // what the reference says
};

struct Network {
  int64_t opset = 17;
  std::map<std::string, Value> values;
  std::vector<Node> nodes;
  std::vector<std::string> outputs;
};

/// ONNX's number of an element type.
int onnxType(ir::DType dtype);

/// The model, with those inputs and initializers that a node or an output reads. Axes of inputs
/// whose extent is `open` are symbolic.
tests::OnnxModel write(const Network& network, std::optional<int64_t> open = std::nullopt);
/// One line per value that is given and per node.
std::string print(const Network& network);

}  // namespace quartet::operators
