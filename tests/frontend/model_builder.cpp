#include "tests/frontend/model_builder.h"

#include <doctest/doctest.h>

#include <cstring>

#include "backends/cpu/reference/evaluate.h"
#include "frontend/onnx/tensor_value.h"
#include "ir/verifier.h"

namespace quartet::tests {

namespace {

void describeTensor(onnx::ValueInfoProto& value, const std::string& name, int type) {
  value.set_name(name);
  value.mutable_type()->mutable_tensor_type()->set_elem_type(type);
}

struct SetAttribute {
  onnx::AttributeProto& proto;

  void operator()(int64_t value) const {
    proto.set_type(onnx::AttributeProto::INT);
    proto.set_i(value);
  }
  void operator()(float value) const {
    proto.set_type(onnx::AttributeProto::FLOAT);
    proto.set_f(value);
  }
  void operator()(const std::string& value) const {
    proto.set_type(onnx::AttributeProto::STRING);
    proto.set_s(value);
  }
  void operator()(const std::vector<int64_t>& values) const {
    proto.set_type(onnx::AttributeProto::INTS);
    for (const int64_t value : values) proto.add_ints(value);
  }
  void operator()(const std::vector<float>& values) const {
    proto.set_type(onnx::AttributeProto::FLOATS);
    for (const float value : values) proto.add_floats(value);
  }
  void operator()(const onnx::TensorProto& value) const {
    proto.set_type(onnx::AttributeProto::TENSOR);
    *proto.mutable_t() = value;
  }
};

}  // namespace

ModelBuilder::ModelBuilder(int64_t opset) {
  proto_.set_ir_version(8);
  proto_.set_producer_name("test");
  proto_.add_opset_import()->set_version(opset);
  proto_.mutable_graph()->set_name("graph");
}

ModelBuilder& ModelBuilder::input(const std::string& name, const std::vector<Extent>& dims,
                                  int type) {
  auto& value = *proto_.mutable_graph()->add_input();
  describeTensor(value, name, type);
  auto& shape = *value.mutable_type()->mutable_tensor_type()->mutable_shape();
  for (const Extent& extent : dims) {
    auto& dim = *shape.add_dim();
    if (const auto* number = std::get_if<int64_t>(&extent)) dim.set_dim_value(*number);
    if (const auto* symbol = std::get_if<std::string>(&extent)) dim.set_dim_param(*symbol);
  }
  return *this;
}

ModelBuilder& ModelBuilder::output(const std::string& name, int type) {
  describeTensor(*proto_.mutable_graph()->add_output(), name, type);
  return *this;
}

onnx::TensorProto floatTensor(const std::vector<int64_t>& dims, const std::vector<float>& values) {
  onnx::TensorProto tensor;
  tensor.set_data_type(onnx::TensorProto::FLOAT);
  for (const int64_t dim : dims) tensor.add_dims(dim);
  for (const float value : values) tensor.add_float_data(value);
  return tensor;
}

onnx::TensorProto intTensor(const std::vector<int64_t>& dims, const std::vector<int64_t>& values) {
  onnx::TensorProto tensor;
  tensor.set_data_type(onnx::TensorProto::INT64);
  for (const int64_t dim : dims) tensor.add_dims(dim);
  for (const int64_t value : values) tensor.add_int64_data(value);
  return tensor;
}

ModelBuilder& ModelBuilder::initializer(const onnx::TensorProto& tensor) {
  *proto_.mutable_graph()->add_initializer() = tensor;
  return *this;
}

ModelBuilder& ModelBuilder::floats(const std::string& name, const std::vector<int64_t>& dims,
                                   const std::vector<float>& values) {
  auto tensor = floatTensor(dims, values);
  tensor.set_name(name);
  return initializer(tensor);
}

ModelBuilder& ModelBuilder::weights(const std::string& name, const std::vector<int64_t>& dims,
                                    float first) {
  int64_t count = 1;
  for (const int64_t dim : dims) count *= dim;
  std::vector<float> values;
  for (int64_t i = 0; i < count; ++i) values.push_back(first + static_cast<float>(i) / 16);
  return floats(name, dims, values);
}

ModelBuilder& ModelBuilder::ints(const std::string& name, const std::vector<int64_t>& dims,
                                 const std::vector<int64_t>& values) {
  auto tensor = intTensor(dims, values);
  tensor.set_name(name);
  return initializer(tensor);
}

ModelBuilder& ModelBuilder::node(const std::string& type, const std::vector<std::string>& inputs,
                                 const std::vector<std::string>& outputs,
                                 const std::vector<NodeAttribute>& attributes) {
  auto& node = *proto_.mutable_graph()->add_node();
  node.set_op_type(type);
  if (!outputs.empty()) node.set_name("make_" + outputs[0]);
  for (const auto& name : inputs) node.add_input(name);
  for (const auto& name : outputs) node.add_output(name);
  for (const auto& [name, value] : attributes) {
    auto& attribute = *node.add_attribute();
    attribute.set_name(name);
    std::visit(SetAttribute{attribute}, value);
  }
  return *this;
}

std::vector<std::byte> ModelBuilder::bytes() const {
  const std::string text = proto_.SerializeAsString();
  std::vector<std::byte> bytes(text.size());
  std::memcpy(bytes.data(), text.data(), text.size());
  return bytes;
}

const frontend::Evaluator& referenceEvaluator() {
  static const frontend::Evaluator evaluator = [](const ir::Module& graph) {
    return reference::evaluateGraph(graph, {});
  };
  return evaluator;
}

Result<frontend::Imported> tryImport(const ModelBuilder& model,
                                     const frontend::ImportOptions& options) {
  return frontend::importModel(model.bytes(), options, referenceEvaluator());
}

frontend::Imported import(const ModelBuilder& model, const frontend::ImportOptions& options) {
  auto imported = tryImport(model, options);
  if (!imported) {
    FAIL(imported.error().str());
    return {};
  }
  const Status valid = ir::verify(imported->graph);
  if (!valid) FAIL(valid.error().str());
  return *std::move(imported);
}

Diagnostic importError(const ModelBuilder& model, const frontend::ImportOptions& options) {
  auto imported = tryImport(model, options);
  REQUIRE_FALSE(imported.has_value());
  return imported.error();
}

std::string opsOf(const ir::Module& graph) {
  std::string text;
  for (const ir::OpId id : graph.region(graph.top()).ops) {
    const ir::Opcode opcode = graph.op(id).opcode;
    if (opcode == ir::Opcode::Constant || opcode == ir::Opcode::Return) continue;
    text += (text.empty() ? "" : " ") + std::string(ir::name(opcode));
  }
  return text;
}

std::vector<float> evaluate(const frontend::Imported& model,
                            const std::vector<std::vector<float>>& inputs) {
  std::vector<frontend::Constant> arguments;
  for (size_t i = 0; i < inputs.size(); ++i) {
    const auto shape = frontend::constantShape(model.info.inputs[i].dims);
    arguments.push_back(ir::makeConstant<float>(ir::DType::F32, *shape, inputs[i]));
  }
  const auto results = reference::evaluateGraph(model.graph, arguments);
  if (!results) {
    FAIL(results.error().str());
    return {};
  }
  const auto values = (*results)[0]->as<float>();
  return {values.begin(), values.end()};
}

std::string shapeOf(const frontend::Imported& model) {
  return frontend::str(model.info.outputs[0].dims);
}

}  // namespace quartet::tests
