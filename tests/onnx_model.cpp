#include "tests/onnx_model.h"

#include <onnx/onnx_pb.h>

namespace quartet::tests {

namespace {

void setType(onnx::ValueInfoProto& value, const std::string& name, int type) {
  value.set_name(name);
  value.mutable_type()->mutable_tensor_type()->set_elem_type(type);
}

struct AttributeWriter {
  onnx::AttributeProto& to;

  void operator()(int64_t value) const {
    to.set_type(onnx::AttributeProto::INT);
    to.set_i(value);
  }
  void operator()(float value) const {
    to.set_type(onnx::AttributeProto::FLOAT);
    to.set_f(value);
  }
  void operator()(const std::string& value) const {
    to.set_type(onnx::AttributeProto::STRING);
    to.set_s(value);
  }
  void operator()(const std::vector<int64_t>& values) const {
    to.set_type(onnx::AttributeProto::INTS);
    for (int64_t value : values) to.add_ints(value);
  }
  void operator()(const std::vector<float>& values) const {
    to.set_type(onnx::AttributeProto::FLOATS);
    for (float value : values) to.add_floats(value);
  }
  void operator()(const WrittenTensor& value) const {
    to.set_type(onnx::AttributeProto::TENSOR);
    to.mutable_t()->ParseFromString(value.bytes);
  }
};

onnx::TensorProto tensorOf(int type, const std::vector<int64_t>& dims) {
  onnx::TensorProto tensor;
  tensor.set_data_type(type);
  for (int64_t dim : dims) tensor.add_dims(dim);
  return tensor;
}

}  // namespace

WrittenTensor::WrittenTensor(const onnx::TensorProto& tensor) : bytes(tensor.SerializeAsString()) {}

OnnxModel::OnnxModel(int64_t opset) : proto_(std::make_unique<onnx::ModelProto>()) {
  proto_->set_ir_version(8);
  proto_->set_producer_name("test");
  proto_->add_opset_import()->set_version(opset);
  proto_->mutable_graph()->set_name("graph");
}

OnnxModel::OnnxModel(const OnnxModel& other)
    : proto_(std::make_unique<onnx::ModelProto>(*other.proto_)) {}

OnnxModel::~OnnxModel() = default;

namespace {

void setShape(onnx::ValueInfoProto& value, const std::vector<Extent>& dims) {
  auto& shape = *value.mutable_type()->mutable_tensor_type()->mutable_shape();
  for (const Extent& extent : dims) {
    auto& dim = *shape.add_dim();
    if (const auto* number = std::get_if<int64_t>(&extent)) dim.set_dim_value(*number);
    if (const auto* symbol = std::get_if<std::string>(&extent)) dim.set_dim_param(*symbol);
  }
}

}  // namespace

OnnxModel& OnnxModel::input(const std::string& name, const std::vector<Extent>& dims, int type) {
  auto& value = *proto_->mutable_graph()->add_input();
  setType(value, name, type);
  setShape(value, dims);
  return *this;
}

OnnxModel& OnnxModel::output(const std::string& name, int type) {
  setType(*proto_->mutable_graph()->add_output(), name, type);
  return *this;
}

OnnxModel& OnnxModel::output(const std::string& name, int type, const std::vector<Extent>& dims) {
  output(name, type);
  setShape(*proto_->mutable_graph()->mutable_output()->rbegin(), dims);
  return *this;
}

OnnxModel& OnnxModel::floats(const std::string& name, const std::vector<int64_t>& dims,
                             const std::vector<float>& values) {
  auto tensor = floatTensor(dims, values);
  tensor.set_name(name);
  return initializer(tensor);
}

OnnxModel& OnnxModel::weights(const std::string& name, const std::vector<int64_t>& dims,
                              float first) {
  int64_t count = 1;
  for (int64_t dim : dims) count *= dim;
  std::vector<float> values;
  for (int64_t i = 0; i < count; ++i) values.push_back(first + static_cast<float>(i) / 16);
  return floats(name, dims, values);
}

OnnxModel& OnnxModel::ints(const std::string& name, const std::vector<int64_t>& dims,
                           const std::vector<int64_t>& values) {
  auto tensor = intTensor(dims, values);
  tensor.set_name(name);
  return initializer(tensor);
}

OnnxModel& OnnxModel::external(const std::string& name, const std::vector<int64_t>& dims,
                               const std::string& location) {
  auto tensor = tensorOf(kFloat, dims);
  tensor.set_name(name);
  tensor.set_data_location(onnx::TensorProto::EXTERNAL);
  auto& entry = *tensor.add_external_data();
  entry.set_key("location");
  entry.set_value(location);
  return initializer(tensor);
}

OnnxModel& OnnxModel::initializer(const onnx::TensorProto& tensor) {
  *proto_->mutable_graph()->add_initializer() = tensor;
  return *this;
}

OnnxModel& OnnxModel::node(const std::string& type, const std::vector<std::string>& inputs,
                           const std::vector<std::string>& outputs,
                           const std::vector<NodeAttribute>& attributes, const std::string& name) {
  auto& node = *proto_->mutable_graph()->add_node();
  node.set_op_type(type);
  if (!name.empty()) {
    node.set_name(name);
  } else if (!outputs.empty()) {
    node.set_name("make_" + outputs[0]);
  }
  for (const std::string& input : inputs) node.add_input(input);
  for (const std::string& output : outputs) node.add_output(output);
  for (const auto& [key, value] : attributes) {
    auto& attribute = *node.add_attribute();
    attribute.set_name(key);
    std::visit(AttributeWriter{attribute}, value);
  }
  return *this;
}

std::string OnnxModel::bytes() const { return proto_->SerializeAsString(); }

onnx::TensorProto floatTensor(const std::vector<int64_t>& dims, const std::vector<float>& values) {
  onnx::TensorProto tensor = tensorOf(kFloat, dims);
  for (float value : values) tensor.add_float_data(value);
  return tensor;
}

onnx::TensorProto intTensor(const std::vector<int64_t>& dims, const std::vector<int64_t>& values) {
  onnx::TensorProto tensor = tensorOf(kInt64, dims);
  for (int64_t value : values) tensor.add_int64_data(value);
  return tensor;
}

}  // namespace quartet::tests
