#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/io/zero_copy_stream.h>

#include <algorithm>
#include <limits>

#include "base/mapped_file.h"
#include "frontend/onnx/functions.h"
#include "frontend/onnx/model.h"
#include "frontend/onnx/outline.h"
#include "frontend/onnx/proto.h"

namespace quartet::frontend {

namespace {

// Nested messages that a file may have; every subgraph takes three.
constexpr int kMaxNesting = 1000;

// Fields that are newer than Debian's onnx.proto.
constexpr int kNodeOverload = 8;
constexpr int kFunctionDefaults = 11;
constexpr int kFunctionOverload = 13;

// The contents of all fields `number` of a message that its class does not know.
std::vector<std::string> unknownFields(const google::protobuf::Message& message, int number) {
  std::vector<std::string> contents;
  const auto& fields = message.GetReflection()->GetUnknownFields(message);
  for (int i = 0; i < fields.field_count(); ++i) {
    const auto& field = fields.field(i);
    const bool delimited = field.type() == google::protobuf::UnknownField::TYPE_LENGTH_DELIMITED;
    if (field.number() == number && delimited) contents.push_back(field.length_delimited());
  }
  return contents;
}

std::string lastOf(const std::vector<std::string>& contents) {
  return contents.empty() ? "" : contents.back();
}

std::string canonicalDomain(const std::string& domain) { return domain == "ai.onnx" ? "" : domain; }

// An outline for protobuf, which wants chunks and to give back what it did not use of the last.
class OutlineStream : public google::protobuf::io::ZeroCopyInputStream {
 public:
  explicit OutlineStream(const Outline& outline) : outline_(outline) {}

  bool Next(const void** data, int* size) override {
    while (used_ == current_.size()) {
      if (next_ == outline_.parts.size()) return false;
      current_ = outline_.parts[next_++];
      used_ = 0;
    }
    *data = current_.data() + used_;
    *size = static_cast<int>(current_.size() - used_);
    count_ += *size;
    used_ = current_.size();
    return true;
  }
  void BackUp(int count) override {
    used_ -= static_cast<size_t>(count);
    count_ -= count;
  }
  bool Skip(int count) override {
    const void* data = nullptr;
    int size = 0;
    while (count > 0 && Next(&data, &size)) {
      if (size > count) BackUp(size - count);
      count -= std::min(size, count);
    }
    return count == 0;
  }
  int64_t ByteCount() const override { return count_; }

 private:
  const Outline& outline_;
  std::span<const std::byte> current_;
  size_t next_ = 0;  // the part after the current one
  size_t used_ = 0;  // bytes of the current part
  int64_t count_ = 0;
};

// What protobuf takes in one message, with room for what it reads ahead.
constexpr uint64_t kMaxOutlineBytes = std::numeric_limits<int>::max() - 64;

Result<std::shared_ptr<const onnx::ModelProto>> parse(std::span<const std::byte> bytes,
                                                      const std::string& what) {
  const auto damaged = [&] {
    return userError("not an ONNX model, truncated or damaged: protobuf cannot parse it", what,
                     "download or export the file again");
  };
  const std::optional<Outline> outline = outlineOf(bytes, kMaxNesting);
  if (!outline) return damaged();
  if (outline->bytes > kMaxOutlineBytes) {
    return userError("the model has " + std::to_string(outline->bytes) +
                         " bytes beside the raw data of its tensors, more than the 2 GiB that "
                         "protobuf can hold",
                     what, "store its weights as raw or external data");
  }
  auto proto = std::make_shared<onnx::ModelProto>();
  OutlineStream stream(*outline);
  google::protobuf::io::CodedInputStream coded(&stream);
  coded.SetTotalBytesLimit(std::numeric_limits<int>::max());
  coded.SetRecursionLimit(kMaxNesting);
  if (!proto->ParseFromCodedStream(&coded) || !coded.ConsumedEntireMessage()) return damaged();
  if (!proto->has_ir_version() && proto->opset_import_size() == 0 && !proto->has_graph()) {
    return userError("not an ONNX model: it has no version, no operator set and no graph", what,
                     "give a .onnx file");
  }
  return proto;
}

// Turns a parsed ModelProto into a Model.
class Reader {
 public:
  Reader(Source source, std::filesystem::path directory)
      : source_(std::move(source)), external_(std::move(directory)) {}

  Result<Model> read() {
    const onnx::ModelProto& proto = *source_.proto;
    model_.producer = proto.producer_name();
    model_.irVersion = proto.ir_version();
    addOpsets(proto.opset_import(), model_.opsets);
    for (const auto& function : proto.functions()) {
      model_.functions.push_back(QT_TRY(readFunction(function)));
    }
    if (!proto.has_graph()) {
      return userError("the file holds no graph", {}, "is it an ONNX model? a tensor is not one");
    }
    readGraph(proto.graph());
    if (source_.file) model_.files.push_back(source_.file);
    for (const auto& [location, file] : external_.files()) model_.files.push_back(file);
    return std::move(model_);
  }

 private:
  void readGraph(const onnx::GraphProto& graph) {
    for (const auto& value : graph.input()) model_.inputs.push_back(readValue(value));
    for (const auto& value : graph.output()) model_.outputs.push_back(readValue(value));
    for (const auto& tensor : graph.initializer()) {
      model_.initializers.emplace_back(tensor.name(), readTensor(tensor, source_, external_));
    }
    for (const auto& sparse : graph.sparse_initializer()) {
      model_.unsupported.push_back("sparse initializer '" + sparse.values().name() + "'");
    }
    Scope scope{model_.opsets, model_.nested};
    for (const auto& node : graph.node()) {
      model_.nodes.push_back(readNode(node, static_cast<int>(model_.nodes.size()), scope));
    }
  }

  using Opsets = std::map<std::string, int64_t>;

  /// Where a node stands: in the graph, or in a function.
  struct Scope {
    const Opsets& opsets;
    std::vector<Node>& nested;

    int64_t opsetOf(const std::string& domain) const {
      const auto found = opsets.find(domain);
      return found == opsets.end() ? 0 : found->second;
    }
  };

  static void addOpsets(const google::protobuf::RepeatedPtrField<onnx::OperatorSetIdProto>& imports,
                        Opsets& opsets) {
    for (const auto& entry : imports) {
      int64_t& version = opsets[canonicalDomain(entry.domain())];
      version = std::max(version, static_cast<int64_t>(entry.version()));
    }
  }

  Result<Function> readFunction(const onnx::FunctionProto& proto) {
    Function function;
    function.name = proto.name();
    function.domain = canonicalDomain(proto.domain());
    function.overload = lastOf(unknownFields(proto, kFunctionOverload));
    function.inputs.assign(proto.input().begin(), proto.input().end());
    function.outputs.assign(proto.output().begin(), proto.output().end());
    Opsets opsets;
    addOpsets(proto.opset_import(), opsets);
    opsets.insert(model_.opsets.begin(), model_.opsets.end());  // for what it does not import
    Scope scope{opsets, function.nested};
    QT_CHECK(readDefaults(proto, function, scope));
    for (const auto& node : proto.node()) {
      function.nodes.push_back(readNode(node, static_cast<int>(function.nodes.size()), scope));
    }
    return function;
  }

  /// Protobuf kept the attributes as they were: they are parsed as those of a model of their own.
  Status readDefaults(const onnx::FunctionProto& proto, Function& function, Scope& scope) {
    const std::string what = "function '" + proto.name() + "'";
    onnx::ModelProto holder;
    onnx::NodeProto& node = *holder.mutable_graph()->add_node();
    for (const std::string& serialised : unknownFields(proto, kFunctionDefaults)) {
      if (node.add_attribute()->ParseFromString(serialised)) continue;
      return userError("the default of an attribute is damaged", what, "export the model again");
    }
    const std::string bytes = holder.SerializeAsString();
    const auto span = std::as_bytes(std::span(bytes));
    const auto parsed = QT_TRY(parse(span, what));
    Reader reader({span, nullptr, parsed}, external_.directory());
    for (const auto& attribute : parsed->graph().node(0).attribute()) {
      function.defaults.insert_or_assign(attribute.name(), reader.readAttribute(attribute, scope));
    }
    for (const auto& [location, file] : reader.external_.files()) model_.files.push_back(file);
    return {};
  }

  Node readNode(const onnx::NodeProto& proto, int index, Scope& scope) {
    Node node;
    node.type = proto.op_type();
    node.name = proto.name().empty() ? node.type + "#" + std::to_string(index) : proto.name();
    node.domain = canonicalDomain(proto.domain());
    node.overload = lastOf(unknownFields(proto, kNodeOverload));
    node.opset = scope.opsetOf(node.domain);
    node.inputs.assign(proto.input().begin(), proto.input().end());
    node.outputs.assign(proto.output().begin(), proto.output().end());
    for (const auto& attribute : proto.attribute()) {
      node.attributes.insert_or_assign(attribute.name(), readAttribute(attribute, scope));
    }
    return node;
  }

  AttributeValue readAttribute(const onnx::AttributeProto& proto, Scope& scope) {
    using onnx::AttributeProto;
    if (!proto.ref_attr_name().empty()) return AttributeReference{proto.ref_attr_name()};
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
        return readTensor(proto.t(), source_, external_);
      case AttributeProto::GRAPH:
        readNested(proto.g(), scope);
        return OpaqueAttribute{"graph"};
      case AttributeProto::GRAPHS:
        for (const auto& graph : proto.graphs()) readNested(graph, scope);
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

  void readNested(const onnx::GraphProto& graph, Scope& scope) {
    for (const auto& proto : graph.node()) {
      Node node;
      node.type = proto.op_type();
      node.name = proto.name().empty() ? node.type + " (nested)" : proto.name();
      node.domain = canonicalDomain(proto.domain());
      node.overload = lastOf(unknownFields(proto, kNodeOverload));
      node.opset = scope.opsetOf(node.domain);
      scope.nested.push_back(std::move(node));
      for (const auto& attribute : proto.attribute()) {
        if (attribute.has_g()) readNested(attribute.g(), scope);
        for (const auto& inner : attribute.graphs()) readNested(inner, scope);
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

  Source source_;
  ExternalData external_;
  Model model_;
};

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
  auto proto = QT_TRY(parse(bytes, ""));
  return inlineFunctions(QT_TRY(Reader({bytes, nullptr, std::move(proto)}, directory).read()));
}

Result<Model> readModelFile(const std::filesystem::path& path,
                            const std::filesystem::path& directory) {
  silenceProtobuf();
  auto file = QT_TRY(MappedFile::open(path.string()));
  const std::span<const std::byte> bytes = file->bytes();
  auto proto = QT_TRY(parse(bytes, "file '" + path.string() + "'"));
  return inlineFunctions(
      QT_TRY(Reader({bytes, std::move(file), std::move(proto)}, directory).read()));
}

}  // namespace quartet::frontend
