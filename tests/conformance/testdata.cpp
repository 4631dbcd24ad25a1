#include "tests/conformance/testdata.h"

#include <onnx/onnx_pb.h>

#include <algorithm>
#include <fstream>
#include <map>
#include <set>

#include "frontend/onnx/registry.h"

namespace quartet::tests {
namespace {

namespace fs = std::filesystem;
using ir::DType;
using onnx::TensorProto;

template <class Message>
Result<Message> readMessage(const fs::path& file) {
  std::ifstream stream(file, std::ios::binary);
  Message message;
  if (!stream || !message.ParseFromIstream(&stream)) {
    return userError("cannot read the file", file.string());
  }
  return message;
}

const std::map<int, DType>& elementTypes() {
  static const std::map<int, DType> kTypes = {
      {TensorProto::BOOL, DType::Bool},     {TensorProto::INT8, DType::I8},
      {TensorProto::UINT8, DType::U8},      {TensorProto::INT16, DType::I16},
      {TensorProto::UINT16, DType::U16},    {TensorProto::INT32, DType::I32},
      {TensorProto::UINT32, DType::U32},    {TensorProto::INT64, DType::I64},
      {TensorProto::UINT64, DType::U64},    {TensorProto::FLOAT16, DType::F16},
      {TensorProto::BFLOAT16, DType::BF16}, {TensorProto::FLOAT, DType::F32},
      {TensorProto::DOUBLE, DType::F64}};
  return kTypes;
}

// The elements of one of the typed fields, each as a `To`.
template <class To, class Field>
std::vector<std::byte> packed(const Field& field) {
  std::vector<To> values;
  for (const auto value : field) values.push_back(static_cast<To>(value));
  const auto* first = reinterpret_cast<const std::byte*>(values.data());
  return {first, first + values.size() * sizeof(To)};
}

std::vector<std::byte> bytesOf(const TensorProto& tensor, DType dtype) {
  if (tensor.has_raw_data()) {
    const auto* first = reinterpret_cast<const std::byte*>(tensor.raw_data().data());
    return {first, first + tensor.raw_data().size()};
  }
  switch (dtype) {
    case DType::F32:
      return packed<float>(tensor.float_data());
    case DType::F64:
      return packed<double>(tensor.double_data());
    case DType::I64:
      return packed<int64_t>(tensor.int64_data());
    case DType::U64:
      return packed<uint64_t>(tensor.uint64_data());
    case DType::U32:
      return packed<uint32_t>(tensor.uint64_data());
    case DType::I32:
      return packed<int32_t>(tensor.int32_data());
    default:
      return ir::byteSize(dtype) == 2 ? packed<uint16_t>(tensor.int32_data())
                                      : packed<uint8_t>(tensor.int32_data());
  }
}

Result<Tensor> toTensor(const TensorProto& proto, const std::string& where) {
  const auto found = elementTypes().find(proto.data_type());
  if (found == elementTypes().end()) return unsupported("not a tensor of numbers", where);
  ir::Ints shape(proto.dims().begin(), proto.dims().end());
  int64_t count = 1;
  for (const int64_t extent : shape) count *= extent;
  std::vector<std::byte> bytes = bytesOf(proto, found->second);
  if (static_cast<int64_t>(bytes.size()) != count * ir::byteSize(found->second)) {
    return userError("the data does not fill the shape", where);
  }
  return ir::makeConstant(found->second, std::move(shape), std::move(bytes));
}

OnnxTestModel::Value declared(const onnx::ValueInfoProto& value) {
  const auto found = elementTypes().find(value.type().tensor_type().elem_type());
  if (found == elementTypes().end()) return {value.name(), std::nullopt};
  return {value.name(), found->second};
}

// Collects what of a graph, its subgraphs included, has no row in the registry.
class Wants {
 public:
  explicit Wants(const onnx::ModelProto& model) {
    for (const auto& set : model.opset_import()) opsets_[domainOf(set.domain())] = set.version();
    visit(model.graph());
  }
  std::vector<std::string> missing() const { return {missing_.begin(), missing_.end()}; }

 private:
  static std::string domainOf(const std::string& domain) {
    return domain == "ai.onnx" ? "" : domain;
  }

  void visit(const onnx::GraphProto& graph) {
    for (const auto& value : graph.input()) visit(value);
    for (const auto& value : graph.output()) visit(value);
    for (const auto& node : graph.node()) {
      const std::string domain = domainOf(node.domain());
      if (frontend::findOperator(domain, node.op_type(), opsets_[domain]) == nullptr) {
        missing_.insert(domain.empty() ? node.op_type() : domain + "." + node.op_type());
      }
      for (const auto& attribute : node.attribute()) {
        if (attribute.has_g()) visit(attribute.g());
        for (const auto& subgraph : attribute.graphs()) visit(subgraph);
      }
    }
  }

  void visit(const onnx::ValueInfoProto& value) {
    const onnx::TypeProto& type = value.type();
    if (!type.has_tensor_type()) {
      if (type.value_case() != onnx::TypeProto::VALUE_NOT_SET) missing_.insert("(not a tensor)");
    } else if (type.tensor_type().elem_type() == TensorProto::STRING) {
      missing_.insert("(string tensor)");
    } else if (!elementTypes().contains(type.tensor_type().elem_type())) {
      missing_.insert("(element type " + std::to_string(type.tensor_type().elem_type()) + ")");
    }
  }

  std::map<std::string, int64_t> opsets_;
  std::set<std::string> missing_;
};

}  // namespace

Tensor reinterpreted(const Tensor& tensor, DType from, DType to) {
  if (tensor->dtype != from) return tensor;
  ir::ConstantData view = *tensor;
  view.dtype = to;
  view.owner = tensor;
  return std::make_shared<const ir::ConstantData>(std::move(view));
}

std::vector<OnnxTest> listTests(const fs::path& root, const std::string& suite) {
  std::vector<OnnxTest> tests;
  if (!fs::is_directory(root / suite)) return tests;
  for (const auto& entry : fs::directory_iterator(root / suite)) {
    if (fs::exists(entry.path() / "model.onnx")) {
      tests.push_back({suite, entry.path().filename().string(), entry.path()});
    }
  }
  std::ranges::sort(tests, {}, &OnnxTest::name);
  return tests;
}

Result<OnnxTestModel> readTestModel(const OnnxTest& test) {
  const auto model = QT_TRY(readMessage<onnx::ModelProto>(test.folder / "model.onnx"));
  OnnxTestModel facts;
  std::set<std::string> initializers;
  for (const auto& tensor : model.graph().initializer()) initializers.insert(tensor.name());
  for (const auto& input : model.graph().input()) {
    if (!initializers.contains(input.name())) facts.inputs.push_back(declared(input));
  }
  for (const auto& output : model.graph().output()) facts.outputs.push_back(declared(output));
  facts.notRegistered = Wants(model).missing();
  return facts;
}

Result<std::vector<NamedTensor>> readTestTensors(const OnnxTest& test, const std::string& prefix,
                                                 const std::vector<OnnxTestModel::Value>& values) {
  std::vector<NamedTensor> tensors;
  for (size_t i = 0;; ++i) {
    const fs::path file =
        test.folder / "test_data_set_0" / (prefix + "_" + std::to_string(i) + ".pb");
    if (!fs::exists(file)) return tensors;
    if (i >= values.size()) return userError("the model has no such " + prefix, file.string());
    const auto proto = QT_TRY(readMessage<TensorProto>(file));
    Tensor tensor = QT_TRY(toTensor(proto, file.string()));
    if (prefix == "input" && values[i].dtype == DType::BF16) {
      tensor = reinterpreted(tensor, DType::U16, DType::BF16);
    }
    tensors.push_back({values[i].name, std::move(tensor)});
  }
}

}  // namespace quartet::tests
