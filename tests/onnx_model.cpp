#include "tests/onnx_model.h"

#include <onnx/onnx_pb.h>

namespace quartet::tests {

struct OnnxModel::Proto {
  onnx::ModelProto model;
  onnx::GraphProto& graph() { return *model.mutable_graph(); }
};

namespace {

void setValue(onnx::ValueInfoProto& value, const std::string& name, int type,
              const std::vector<std::string>& dims) {
  value.set_name(name);
  auto* tensor = value.mutable_type()->mutable_tensor_type();
  tensor->set_elem_type(type);
  tensor->mutable_shape();
  for (const std::string& dim : dims) {
    auto* extent = tensor->mutable_shape()->add_dim();
    const bool number = !dim.empty() && (dim[0] == '-' || (dim[0] >= '0' && dim[0] <= '9'));
    if (number) {
      extent->set_dim_value(std::stoll(dim));
    } else {
      extent->set_dim_param(dim);
    }
  }
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
};

}  // namespace

OnnxModel::OnnxModel(int64_t opset) : proto_(std::make_unique<Proto>()) {
  proto_->model.set_ir_version(8);
  proto_->model.add_opset_import()->set_version(opset);
  proto_->graph().set_name("test");
}

OnnxModel::~OnnxModel() = default;

OnnxModel& OnnxModel::input(const std::string& name, int type,
                            const std::vector<std::string>& dims) {
  setValue(*proto_->graph().add_input(), name, type, dims);
  return *this;
}

OnnxModel& OnnxModel::output(const std::string& name, int type,
                             const std::vector<std::string>& dims) {
  setValue(*proto_->graph().add_output(), name, type, dims);
  return *this;
}

OnnxModel& OnnxModel::node(const std::string& op, const std::vector<std::string>& inputs,
                           const std::vector<std::string>& outputs,
                           const std::map<std::string, OnnxAttribute>& attributes,
                           const std::string& name) {
  onnx::NodeProto& node = *proto_->graph().add_node();
  node.set_op_type(op);
  node.set_name(name);
  for (const std::string& input : inputs) node.add_input(input);
  for (const std::string& output : outputs) node.add_output(output);
  for (const auto& [key, value] : attributes) {
    onnx::AttributeProto& attribute = *node.add_attribute();
    attribute.set_name(key);
    std::visit(AttributeWriter{attribute}, value);
  }
  return *this;
}

OnnxModel& OnnxModel::floats(const std::string& name, const std::vector<int64_t>& dims,
                             const std::vector<float>& values) {
  onnx::TensorProto& tensor = *proto_->graph().add_initializer();
  tensor.set_name(name);
  tensor.set_data_type(kFloat);
  for (int64_t dim : dims) tensor.add_dims(dim);
  for (float value : values) tensor.add_float_data(value);
  return *this;
}

OnnxModel& OnnxModel::ints(const std::string& name, const std::vector<int64_t>& dims,
                           const std::vector<int64_t>& values) {
  onnx::TensorProto& tensor = *proto_->graph().add_initializer();
  tensor.set_name(name);
  tensor.set_data_type(kInt64);
  for (int64_t dim : dims) tensor.add_dims(dim);
  for (int64_t value : values) tensor.add_int64_data(value);
  return *this;
}

OnnxModel& OnnxModel::external(const std::string& name, const std::vector<int64_t>& dims,
                               const std::string& location) {
  onnx::TensorProto& tensor = *proto_->graph().add_initializer();
  tensor.set_name(name);
  tensor.set_data_type(kFloat);
  for (int64_t dim : dims) tensor.add_dims(dim);
  tensor.set_data_location(onnx::TensorProto::EXTERNAL);
  auto* entry = tensor.add_external_data();
  entry->set_key("location");
  entry->set_value(location);
  return *this;
}

std::string OnnxModel::bytes() const { return proto_->model.SerializeAsString(); }

}  // namespace quartet::tests
