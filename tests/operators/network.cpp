#include "tests/operators/network.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <onnx/onnx_pb.h>

#include <set>

#include "frontend/onnx/element_type.h"

namespace quartet::operators {

namespace {

std::set<std::string> namesRead(const Network& network) {
  std::set<std::string> read(network.outputs.begin(), network.outputs.end());
  for (const Node& node : network.nodes) read.insert(node.inputs.begin(), node.inputs.end());
  return read;
}

onnx::TensorProto protoOf(const std::string& name, const ir::ConstantData& data) {
  onnx::TensorProto proto;
  proto.set_name(name);
  proto.set_data_type(onnxType(data.dtype));
  for (const int64_t extent : data.shape) proto.add_dims(extent);
  proto.set_raw_data(
      std::string(reinterpret_cast<const char*>(data.bytes.data()), data.bytes.size()));
  return proto;
}

struct AttributePrinter {
  std::string operator()(const std::string& text) const { return "'" + text + "'"; }
  std::string operator()(const tests::WrittenTensor& tensor) const {
    onnx::TensorProto proto;
    proto.ParseFromString(tensor.bytes);
    return proto.ShortDebugString();
  }
  template <class T>
  std::string operator()(const T& value) const {
    return fmt::format("{}", value);
  }
};

}  // namespace

int onnxType(ir::DType dtype) {
  int type = 1;
  while (frontend::elementType(type) != dtype) ++type;
  return type;
}

tests::OnnxModel write(const Network& network, std::optional<int64_t> open) {
  tests::OnnxModel model(network.opset);
  for (const std::string& name : namesRead(network)) {
    const auto found = network.values.find(name);
    if (found == network.values.end() || found->second.origin == Origin::Node) continue;
    const ir::ConstantData& data = *found->second.fact.data;
    if (found->second.origin == Origin::Initializer) {
      model.initializer(protoOf(name, data));
    } else {
      std::vector<tests::Extent> dims(data.shape.begin(), data.shape.end());
      for (tests::Extent& dim : dims) {
        if (open && dim == tests::Extent(*open)) dim = "n";
      }
      model.input(name, dims, onnxType(data.dtype));
    }
  }
  for (const Node& node : network.nodes) {
    model.node(node.type, node.inputs, node.outputs, node.attributes, "make_" + node.outputs[0]);
  }
  for (const std::string& name : network.outputs) model.output(name);
  return model;
}

std::string print(const Network& network) {
  constexpr size_t kMostElements = 64;
  std::string text = fmt::format("opset {}\n", network.opset);
  for (const std::string& name : namesRead(network)) {
    const auto found = network.values.find(name);
    if (found == network.values.end() || found->second.origin == Origin::Node) continue;
    const ir::ConstantData& data = *found->second.fact.data;
    std::vector<double> elements = fuzz::toDoubles(data);
    const bool cut = elements.size() > kMostElements;
    if (cut) elements.resize(kMostElements);
    text += fmt::format("{} {}: {}{} = {}{}\n",
                        found->second.origin == Origin::Input ? "input" : "initializer", name,
                        ir::name(data.dtype), data.shape, elements, cut ? " ..." : "");
  }
  for (const Node& node : network.nodes) {
    text += fmt::format("{} = {}({})", fmt::join(node.outputs, ", "), node.type,
                        fmt::join(node.inputs, ", "));
    for (const auto& [name, value] : node.attributes) {
      text += " " + name + "=" + std::visit(AttributePrinter{}, value);
    }
    text += "\n";
  }
  return text + fmt::format("return {}\n", fmt::join(network.outputs, ", "));
}

}  // namespace quartet::operators
