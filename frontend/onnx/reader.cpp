#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/io/zero_copy_stream_impl.h>

#include <limits>

#include "base/regular_file.h"
#include "frontend/onnx/model.h"
#include "frontend/onnx/proto.h"

namespace quartet::frontend {

namespace {

// Nested messages that a file may have; every subgraph takes three.
constexpr int kMaxNesting = 1000;

std::string canonicalDomain(const std::string& domain) { return domain == "ai.onnx" ? "" : domain; }

// Turns a parsed ModelProto into a Model.
class Reader {
 public:
  Reader(std::shared_ptr<const onnx::ModelProto> proto, std::filesystem::path directory)
      : proto_(std::move(proto)), external_(std::move(directory)) {}

  Result<Model> read() {
    model_.producer = proto_->producer_name();
    model_.irVersion = proto_->ir_version();
    for (const auto& entry : proto_->opset_import()) {
      int64_t& version = model_.opsets[canonicalDomain(entry.domain())];
      version = std::max(version, static_cast<int64_t>(entry.version()));
    }
    for (const auto& function : proto_->functions()) {
      model_.unsupported.push_back("model-local function '" + function.name() + "'");
    }
    if (!proto_->has_graph()) {
      return userError("the file holds no graph", {}, "is it an ONNX model? a tensor is not one");
    }
    readGraph(proto_->graph());
    return std::move(model_);
  }

 private:
  void readGraph(const onnx::GraphProto& graph) {
    for (const auto& value : graph.input()) model_.inputs.push_back(readValue(value));
    for (const auto& value : graph.output()) model_.outputs.push_back(readValue(value));
    for (const auto& tensor : graph.initializer()) {
      model_.initializers.emplace_back(tensor.name(), readTensor(tensor, proto_, external_));
    }
    for (const auto& sparse : graph.sparse_initializer()) {
      model_.unsupported.push_back("sparse initializer '" + sparse.values().name() + "'");
    }
    for (const auto& node : graph.node()) {
      model_.nodes.push_back(readNode(node, static_cast<int>(model_.nodes.size())));
    }
  }

  Node readNode(const onnx::NodeProto& proto, int index) {
    Node node;
    node.type = proto.op_type();
    node.name = proto.name().empty() ? node.type + "#" + std::to_string(index) : proto.name();
    node.domain = canonicalDomain(proto.domain());
    node.inputs.assign(proto.input().begin(), proto.input().end());
    node.outputs.assign(proto.output().begin(), proto.output().end());
    for (const auto& attribute : proto.attribute()) {
      node.attributes.insert_or_assign(attribute.name(), readAttribute(attribute));
    }
    return node;
  }

  AttributeValue readAttribute(const onnx::AttributeProto& proto) {
    using onnx::AttributeProto;
    switch (typeOf(proto)) {
      case AttributeProto::INT:
        return static_cast<int64_t>(proto.i());
      case AttributeProto::FLOAT:
        return proto.f();
      case AttributeProto::STRING:
        return proto.s();
      case AttributeProto::INTS:
        return std::vector<int64_t>(proto.ints().begin(), proto.ints().end());
      case AttributeProto::FLOATS:
        return std::vector<float>(proto.floats().begin(), proto.floats().end());
      case AttributeProto::STRINGS:
        return std::vector<std::string>(proto.strings().begin(), proto.strings().end());
      case AttributeProto::TENSOR:
        return readTensor(proto.t(), proto_, external_);
      case AttributeProto::GRAPH:
        readNested(proto.g());
        return OpaqueAttribute{"graph"};
      case AttributeProto::GRAPHS:
        for (const auto& graph : proto.graphs()) readNested(graph);
        return OpaqueAttribute{"graphs"};
      default:
        return OpaqueAttribute{"sparse tensor, type or list"};
    }
  }

  // Files of the first versions leave the type out.
  static int typeOf(const onnx::AttributeProto& proto) {
    using onnx::AttributeProto;
    if (proto.type() != AttributeProto::UNDEFINED) return proto.type();
    if (proto.has_f()) return AttributeProto::FLOAT;
    if (proto.has_i()) return AttributeProto::INT;
    if (proto.has_s()) return AttributeProto::STRING;
    if (proto.has_t()) return AttributeProto::TENSOR;
    if (proto.has_g()) return AttributeProto::GRAPH;
    if (proto.floats_size() > 0) return AttributeProto::FLOATS;
    if (proto.ints_size() > 0) return AttributeProto::INTS;
    if (proto.strings_size() > 0) return AttributeProto::STRINGS;
    return AttributeProto::UNDEFINED;
  }

  void readNested(const onnx::GraphProto& graph) {
    for (const auto& proto : graph.node()) {
      Node node;
      node.type = proto.op_type();
      node.name = proto.name().empty() ? node.type + " (nested)" : proto.name();
      node.domain = canonicalDomain(proto.domain());
      model_.nested.push_back(std::move(node));
      for (const auto& attribute : proto.attribute()) {
        if (attribute.has_g()) readNested(attribute.g());
        for (const auto& inner : attribute.graphs()) readNested(inner);
      }
    }
  }

  static std::string kindOf(const onnx::TypeProto& type) {
    switch (type.value_case()) {
      case onnx::TypeProto::kTensorType:
        return elementTypeName(type.tensor_type().elem_type()) + " tensor";
      case onnx::TypeProto::kSequenceType:
        return "sequence";
      case onnx::TypeProto::kMapType:
        return "map";
      case onnx::TypeProto::kOptionalType:
        return "optional";
      case onnx::TypeProto::kSparseTensorType:
        return "sparse tensor";
      default:
        return "value of unknown type";
    }
  }

  static ValueInfo readValue(const onnx::ValueInfoProto& proto) {
    ValueInfo info;
    info.name = proto.name();
    info.type = kindOf(proto.type());
    if (proto.type().value_case() != onnx::TypeProto::kTensorType) return info;
    const auto& tensor = proto.type().tensor_type();
    info.dtype = elementType(tensor.elem_type());
    if (!tensor.has_shape()) return info;
    info.dims.emplace();
    for (const auto& dim : tensor.shape().dim()) {
      Dimension& out = info.dims->emplace_back();
      if (dim.has_dim_value()) out.value = dim.dim_value();
      if (dim.has_dim_param()) out.symbol = dim.dim_param();
    }
    return info;
  }

  std::shared_ptr<const onnx::ModelProto> proto_;
  ExternalData external_;
  Model model_;
};

Result<Model> readStream(google::protobuf::io::ZeroCopyInputStream& stream,
                         const std::filesystem::path& directory, const std::string& what) {
  auto proto = std::make_shared<onnx::ModelProto>();
  google::protobuf::io::CodedInputStream coded(&stream);
  coded.SetTotalBytesLimit(std::numeric_limits<int>::max());
  coded.SetRecursionLimit(kMaxNesting);
  if (!proto->ParseFromCodedStream(&coded) || !coded.ConsumedEntireMessage()) {
    return userError("not an ONNX model, truncated or damaged: protobuf cannot parse it", what,
                     "download or export the file again");
  }
  if (!proto->has_ir_version() && proto->opset_import_size() == 0 && !proto->has_graph()) {
    return userError("not an ONNX model: it has no version, no operator set and no graph", what,
                     "give a .onnx file");
  }
  return Reader(std::move(proto), directory).read();
}

// Protobuf's own complaints on stderr would repeat our diagnostic.
void silenceProtobuf() {
  static const bool done = [] {
    google::protobuf::SetLogHandler(nullptr);
    return true;
  }();
  (void)done;
}

}  // namespace

Result<Model> readModel(std::span<const std::byte> bytes, const std::filesystem::path& directory) {
  silenceProtobuf();
  if (bytes.size() > static_cast<size_t>(std::numeric_limits<int>::max())) {
    return userError("the model has " + std::to_string(bytes.size()) +
                         " bytes, more than the 2 GiB that protobuf can hold",
                     {}, "store its weights as external data");
  }
  google::protobuf::io::ArrayInputStream stream(bytes.data(), static_cast<int>(bytes.size()));
  return readStream(stream, directory, "");
}

Result<Model> readModelFile(const std::filesystem::path& file,
                            const std::filesystem::path& directory) {
  silenceProtobuf();
  const std::string what = "file '" + file.string() + "'";
  const RegularFile opened = QT_TRY(RegularFile::open(file.string()));
  google::protobuf::io::FileInputStream stream(opened.descriptor());
  if (opened.size() > std::numeric_limits<int>::max()) {
    return userError("the model has " + std::to_string(opened.size()) +
                         " bytes, more than the 2 GiB that protobuf can hold",
                     what, "store its weights as external data");
  }
  return readStream(stream, directory, what);
}

}  // namespace quartet::frontend
