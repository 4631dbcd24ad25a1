// Model-local functions.
#include <doctest/doctest.h>
#include <onnx/onnx_pb.h>

#include <fstream>
#include <functional>

#include "frontend/onnx/model.h"
#include "tests/frontend/support.h"
#include "tests/temporary_folder.h"

using namespace quartet;
using namespace quartet::tests;

namespace {

using Names = std::vector<std::string>;

onnx::NodeProto& addNode(google::protobuf::RepeatedPtrField<onnx::NodeProto>& nodes,
                         const std::string& type, const Names& inputs, const Names& outputs,
                         const std::string& domain = "") {
  onnx::NodeProto& node = *nodes.Add();
  node.set_op_type(type);
  node.set_domain(domain);
  for (const std::string& input : inputs) node.add_input(input);
  for (const std::string& output : outputs) node.add_output(output);
  return node;
}

/// A field that Debian's onnx.proto does not have yet.
void addUnknown(google::protobuf::Message& message, int number, const std::string& contents) {
  const google::protobuf::Reflection* reflection = message.GetReflection();
  reflection->MutableUnknownFields(&message)->AddLengthDelimited(number, contents);
}

/// A function of domain "my" that imports opset 17 and "my" itself.
class FunctionBuilder {
 public:
  FunctionBuilder(OnnxModel& model, const std::string& name, const Names& inputs,
                  const Names& outputs)
      : proto_(*model.proto().add_functions()) {
    proto_.set_name(name);
    proto_.set_domain("my");
    for (const std::string& input : inputs) proto_.add_input(input);
    for (const std::string& output : outputs) proto_.add_output(output);
    proto_.add_opset_import()->set_version(17);
  }

  FunctionBuilder& node(const std::string& type, const Names& inputs, const Names& outputs,
                        const std::string& domain = "") {
    last_ = &addNode(*proto_.mutable_node(), type, inputs, outputs, domain);
    return *this;
  }
  FunctionBuilder& reference(const std::string& attribute, const std::string& of) {
    onnx::AttributeProto& added = *last_->add_attribute();
    added.set_name(attribute);
    added.set_ref_attr_name(of);
    added.set_type(onnx::AttributeProto::FLOAT);
    return *this;
  }
  /// FunctionProto.attribute_proto, which Debian's onnx.proto does not have yet.
  FunctionBuilder& byDefault(const std::string& attribute, float value) {
    onnx::AttributeProto added;
    added.set_name(attribute);
    added.set_type(onnx::AttributeProto::FLOAT);
    added.set_f(value);
    return unknown(11, added.SerializeAsString());
  }
  FunctionBuilder& overload(const std::string& name) { return unknown(13, name); }

  FunctionBuilder& unknown(int number, const std::string& contents) {
    addUnknown(proto_, number, contents);
    return *this;
  }

  onnx::FunctionProto& proto() { return proto_; }

 private:
  onnx::FunctionProto& proto_;
  onnx::NodeProto* last_ = nullptr;
};

OnnxModel modelOf(const std::string& input = "x") {
  OnnxModel m;
  onnx::OperatorSetIdProto& own = *m.proto().add_opset_import();
  own.set_domain("my");
  own.set_version(1);
  m.input(input, {2});
  return m;
}

onnx::NodeProto& call(OnnxModel& m, const std::string& function, const Names& inputs,
                      const Names& outputs, const std::string& name = "call") {
  onnx::NodeProto& node =
      addNode(*m.proto().mutable_graph()->mutable_node(), function, inputs, outputs, "my");
  node.set_name(name);
  return node;
}

void setFloat(onnx::NodeProto& node, const std::string& name, float value) {
  onnx::AttributeProto& attribute = *node.add_attribute();
  attribute.set_name(name);
  attribute.set_type(onnx::AttributeProto::FLOAT);
  attribute.set_f(value);
}

/// A model that calls `f`, the only function, on x for y.
OnnxModel callOf(const std::function<void(FunctionBuilder&)>& fill) {
  OnnxModel m = modelOf();
  FunctionBuilder f(m, "f", {"a"}, {"b"});
  fill(f);
  call(m, "f", {"x"}, {"y"});
  m.output("y");
  return m;
}

bool contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

}  // namespace

TEST_CASE("function: a call stands for the function's nodes, however deep") {
  OnnxModel m = modelOf();
  FunctionBuilder(m, "twice", {"a"}, {"b"}).node("Add", {"a", "a"}, {"b"});
  FunctionBuilder(m, "f", {"a", "b"}, {"c"})
      .node("twice", {"a"}, {"t"}, "my")
      .node("Sub", {"t", "b"}, {"c"});
  call(m, "f", {"x", "x"}, {"u"}, "one");
  call(m, "f", {"u", "x"}, {"y"}, "two");
  m.output("y");
  const auto model = import(m);
  CHECK(evaluate(model, {{3, -5}}) == std::vector<float>{3, -5});  // 2 (2 x - x) - x
  bool named = false;
  for (const ir::OpId id : model.graph.region(model.graph.top()).ops) {
    for (const std::string& node : model.graph.op(id).origin) named |= node == "two/twice#0/Add#0";
  }
  CHECK(named);
}

TEST_CASE("function: attributes are the call's, else the function's, else the operator's own") {
  const auto leaky = [](bool withDefault, bool given) {
    OnnxModel m = modelOf();
    FunctionBuilder f(m, "f", {"a"}, {"b"});
    f.node("LeakyRelu", {"a"}, {"b"}).reference("alpha", "slope");
    if (withDefault) f.byDefault("slope", 0.25F);
    onnx::NodeProto& node = call(m, "f", {"x"}, {"y"});
    if (given) setFloat(node, "slope", 0.5F);
    m.output("y");
    return evaluate(import(m), {{4, -4}});
  };
  CHECK(leaky(true, true) == std::vector<float>{4, -2});
  CHECK(leaky(true, false) == std::vector<float>{4, -1});
  CHECK(leaky(false, true) == std::vector<float>{4, -2});
  CHECK(leaky(false, false) == std::vector<float>{4, -4 * 0.01F});
}

TEST_CASE("function: a default that is a tensor; one that is damaged") {
  const auto constant = [](const std::string& serialised) {
    return callOf([&](FunctionBuilder& f) {
      f.node("Constant", {}, {"c"}).reference("value", "offset");
      f.node("Add", {"a", "c"}, {"b"}).unknown(11, serialised);
    });
  };
  onnx::AttributeProto offset;
  offset.set_name("offset");
  offset.set_type(onnx::AttributeProto::TENSOR);
  *offset.mutable_t() = floatTensor({2}, {1, 2});
  CHECK(evaluate(import(constant(offset.SerializeAsString())), {{0, 0}}) ==
        std::vector<float>{1, 2});
  const float raw[] = {3, 4};
  offset.mutable_t()->clear_float_data();
  offset.mutable_t()->set_raw_data(raw, sizeof(raw));
  CHECK(evaluate(import(constant(offset.SerializeAsString())), {{0, 0}}) ==
        std::vector<float>{3, 4});
  const Diagnostic error = importError(constant("\x2a\x7f"));
  CHECK(error.message == "the default of an attribute is damaged");
  CHECK(error.where == "function 'f'");
}

TEST_CASE("function: a default in external data is looked for beside the model") {
  const TemporaryFolder folder;
  const float values[] = {5, 6};
  std::ofstream(folder.path("offset.bin"), std::ios::binary)
      .write(reinterpret_cast<const char*>(values), sizeof(values));
  onnx::AttributeProto offset;
  offset.set_name("offset");
  offset.set_type(onnx::AttributeProto::TENSOR);
  onnx::TensorProto& tensor = *offset.mutable_t();
  tensor = floatTensor({2}, {});
  tensor.set_data_location(onnx::TensorProto::EXTERNAL);
  onnx::StringStringEntryProto& location = *tensor.add_external_data();
  location.set_key("location");
  location.set_value("offset.bin");
  const OnnxModel m = callOf([&](FunctionBuilder& f) {
    f.node("Constant", {}, {"c"}).reference("value", "offset");
    f.node("Add", {"a", "c"}, {"b"}).unknown(11, offset.SerializeAsString());
  });
  frontend::ImportOptions options;
  options.directory = folder.path();
  CHECK(evaluate(import(m, options), {{1, 1}}) == std::vector<float>{6, 7});
}

TEST_CASE("function: an attribute is handed on to a function inside") {
  OnnxModel m = modelOf();
  FunctionBuilder(m, "inner", {"a"}, {"b"}).node("LeakyRelu", {"a"}, {"b"}).reference("alpha", "s");
  FunctionBuilder(m, "outer", {"a"}, {"b"}).node("inner", {"a"}, {"b"}, "my").reference("s", "t");
  setFloat(call(m, "outer", {"x"}, {"y"}), "t", 0.5F);
  m.output("y");
  CHECK(evaluate(import(m), {{4, -4}}) == std::vector<float>{4, -2});
}

TEST_CASE("function: names of its values meet none of the graph's") {
  OnnxModel m = modelOf("call/t");
  FunctionBuilder(m, "f", {"a"}, {"b"}).node("Neg", {"a"}, {"t"}).node("Exp", {"t"}, {"b"});
  call(m, "f", {"call/t"}, {"y"});
  call(m, "f", {"y"}, {"z"});  // of the same name as the first
  m.output("z");
  CHECK(evaluate(import(m), {{0, 0}})[0] == doctest::Approx(0.3678794));
}

TEST_CASE("function: inputs left out, outputs left out, outputs that are inputs") {
  OnnxModel m = modelOf();
  FunctionBuilder(m, "f", {"a", "low", "high"}, {"b", "a", "unused"})
      .node("Clip", {"a", "low", "high"}, {"b"})
      .node("Neg", {"a"}, {"unused"});
  m.floats("one", {}, {1});
  call(m, "f", {"x", "", "one"}, {"u", "v"});
  m.node("Sub", {"u", "v"}, {"y"}).output("y");
  CHECK(evaluate(import(m), {{3, -5}}) == std::vector<float>{-2, 0});
}

TEST_CASE("function: it goes before an operator of its name; overloads are told apart") {
  OnnxModel m = modelOf();
  FunctionBuilder(m, "Relu", {"a"}, {"b"}).node("Neg", {"a"}, {"b"}).proto().set_domain("");
  FunctionBuilder(m, "f", {"a"}, {"b"}).node("Relu", {"a"}, {"b"}).overload("one");
  FunctionBuilder(m, "f", {"a"}, {"b"}).node("Abs", {"a"}, {"b"}).overload("two");
  onnx::NodeProto& node = call(m, "f", {"x"}, {"u"});
  addUnknown(node, 8, "two");
  m.node("Relu", {"u"}, {"y"}).output("y");
  CHECK(evaluate(import(m), {{3, -5}}) == std::vector<float>{-3, -5});
}

TEST_CASE("function: copies that inlining makes are not taken by a function of their name") {
  OnnxModel m = modelOf();
  FunctionBuilder(m, "Identity", {"a"}, {"b"}).node("Neg", {"a"}, {"b"}).proto().set_domain("");
  FunctionBuilder(m, "f", {"a"}, {"a"});
  call(m, "f", {"x"}, {"y"});
  m.output("y");
  CHECK(evaluate(import(m), {{3, -5}}) == std::vector<float>{3, -5});
}

TEST_CASE("function: what is not supported in it is reported with the calls that lead there") {
  const Diagnostic error = importError(callOf(
      [](FunctionBuilder& f) { f.node("Mystery", {"a"}, {"t"}).node("Relu", {"t"}, {"b"}); }));
  CHECK(error.kind == Diagnostic::Kind::Unsupported);
  REQUIRE(error.notes.size() == 1);
  CHECK(error.notes[0] == "Mystery (opset 17): 1 node: 'call/Mystery#0'");

  const Diagnostic version = importError(callOf([](FunctionBuilder& f) {
    f.node("Relu", {"a"}, {"b"}).proto().mutable_opset_import(0)->set_version(1000);
  }));
  CHECK(contains(version.message, "the model uses opset 1000"));

  const Diagnostic undefined =
      importError(callOf([](FunctionBuilder& f) { f.node("Relu", {"nothing"}, {"b"}); }));
  CHECK(contains(undefined.message, "'call/nothing' is defined nowhere"));
}

TEST_CASE("function: damaged ones are user errors") {
  const Diagnostic loop =
      importError(callOf([](FunctionBuilder& f) { f.node("f", {"a"}, {"b"}, "my"); }));
  CHECK(loop.message == "function 'my.f' calls itself");
  CHECK(loop.where == "node 'call/f#0' (my.f)");

  OnnxModel twice = callOf([](FunctionBuilder& f) { f.node("Relu", {"a"}, {"b"}); });
  FunctionBuilder(twice, "f", {"a"}, {"b"});
  CHECK(importError(twice).message == "function 'my.f' is defined twice");

  OnnxModel many = callOf([](FunctionBuilder& f) { f.node("Relu", {"a"}, {"b"}); });
  many.proto().mutable_graph()->mutable_node(0)->add_input("x");
  CHECK(importError(many).message == "the call has 2 inputs, function 'my.f' has 1");

  const auto importErrorOf = [](const std::function<void(FunctionBuilder&)>& fill) {
    const Diagnostic error = importError(callOf(fill));
    return error.message + ": " + error.where;
  };
  CHECK(importErrorOf([](FunctionBuilder& f) { f.proto().add_input("a"); }) ==
        "the name 'a' is defined twice: inputs of function 'my.f'");
  CHECK(importErrorOf([](FunctionBuilder& f) {
          f.node("Relu", {"a"}, {"b"}).node("Neg", {"b"}, {"c"}).node("Exp", {"b"}, {"c"});
        }) == "the name 'c' is defined twice: node 'Exp#2' (Exp) of function 'my.f'");
  CHECK(importErrorOf([](FunctionBuilder& f) { f.node("Relu", {"a"}, {"c"}); }) ==
        "output 'b' is defined nowhere: function 'my.f'");
}

TEST_CASE("function: an input that a call leaves out is not written instead") {
  OnnxModel m = modelOf();
  FunctionBuilder(m, "f", {"a", "low"}, {"b"})
      .node("Neg", {"a"}, {"low"})
      .node("Add", {"a", "low"}, {"b"});
  call(m, "f", {"x"}, {"y"});
  m.output("y");
  const Diagnostic error = importError(m);
  CHECK(error.message == "the name 'low' is defined twice");
  CHECK(error.where == "node 'Neg#0' (Neg) of function 'my.f'");
}

TEST_CASE("function: attributes that refer to others where no call can give them") {
  OnnxModel m = modelOf();
  m.node("LeakyRelu", {"x"}, {"y"}).output("y");
  onnx::AttributeProto alpha;
  alpha.set_name("alpha");
  alpha.set_type(onnx::AttributeProto::FLOAT);
  alpha.set_ref_attr_name("slope");
  *m.proto().mutable_graph()->mutable_node(0)->add_attribute() = alpha;
  const std::string message =
      "attribute 'alpha' refers to attribute 'slope' of a function, which only nodes of a function "
      "may";
  CHECK(importError(m).message == message);
  CHECK(importError(m).where == "node 'make_y' (LeakyRelu)");
  const Diagnostic error = importError(callOf([&](FunctionBuilder& f) {
    f.node("LeakyRelu", {"a"}, {"b"}).reference("alpha", "alpha");
    f.unknown(11, alpha.SerializeAsString());
  }));
  CHECK(error.message == message);
  CHECK(error.where == "defaults of function 'my.f'");
}

TEST_CASE("function: many calls of one name") {
  // Each takes another name for what is inside; numbers tell them apart, not ever longer names.
  OnnxModel m = modelOf();
  FunctionBuilder(m, "f", {"a"}, {"b"}).node("Neg", {"a"}, {"t"}).node("Neg", {"t"}, {"b"});
  std::string last = "x";
  constexpr int kCalls = 3000;
  for (int i = 0; i < kCalls; ++i) {
    const std::string next = "v" + std::to_string(i);
    call(m, "f", {last}, {next});
    last = next;
  }
  const std::string bytes = m.bytes();
  const auto model = frontend::readModel(std::as_bytes(std::span(bytes)), {});
  REQUIRE(model);
  REQUIRE(model->nodes.size() == 2 * kCalls);
  size_t longest = 0;
  for (const frontend::Node& node : model->nodes) {
    longest = std::max(longest, node.outputs[0].size());
  }
  CHECK(longest == std::string("call/t'2999").size());
}

TEST_CASE("function: calls that double at every level end with an error, not with the memory") {
  OnnxModel m = modelOf();
  constexpr int kLevels = 60;
  FunctionBuilder(m, "f0", {"a"}, {"a"});
  for (int i = 1; i < kLevels; ++i) {
    const std::string inner = "f" + std::to_string(i - 1);
    FunctionBuilder(m, "f" + std::to_string(i), {"a"}, {"b"})
        .node(inner, {"a"}, {"t"}, "my")
        .node(inner, {"t"}, {"b"}, "my");
  }
  call(m, "f" + std::to_string(kLevels - 1), {"x"}, {"y"});
  m.output("y");
  CHECK(contains(importError(m).message, "its functions, inlined, have more than 256 MiB"));

  OnnxModel deep = modelOf();
  FunctionBuilder(deep, "f0", {"a"}, {"a"});
  for (int i = 1; i < 1000; ++i) {
    FunctionBuilder(deep, "f" + std::to_string(i), {"a"}, {"b"})
        .node("f" + std::to_string(i - 1), {"a"}, {"b"}, "my");
  }
  call(deep, "f999", {"x"}, {"y"});
  deep.output("y");
  CHECK(contains(importError(deep).message, "to a depth of more than"));
}

TEST_CASE("function: long names are counted with every call they are repeated in") {
  OnnxModel m = modelOf();
  constexpr int kLevels = 150;
  const std::string name(1000, 'n');
  FunctionBuilder(m, "f0", {"a"}, {"b"}).node("Neg", {"a"}, {"b"});
  for (int i = 1; i < kLevels; ++i) {
    FunctionBuilder f(m, "f" + std::to_string(i), {"a"}, {"b"});
    const std::string inner = "f" + std::to_string(i - 1);
    f.node(inner, {"a"}, {"t"}, "my").node(inner, {"t"}, {"b"}, "my");
    for (onnx::NodeProto& node : *f.proto().mutable_node()) node.set_name(name);
  }
  call(m, "f" + std::to_string(kLevels - 1), {"x"}, {"y"});
  m.output("y");
  CHECK(contains(importError(m).message, "its functions, inlined, have more than 256 MiB"));
}

TEST_CASE("function: attributes are counted with every call, graphs inside only once") {
  OnnxModel m = modelOf();
  FunctionBuilder f(m, "f", {"a"}, {"b"});
  f.node("Mystery", {"a"}, {"b"});
  onnx::AttributeProto& list = *f.proto().mutable_node(0)->add_attribute();
  list.set_name("list");
  list.set_type(onnx::AttributeProto::INTS);
  for (int i = 0; i < 1 << 16; ++i) list.add_ints(i);
  onnx::AttributeProto& body = *f.proto().mutable_node(0)->add_attribute();
  body.set_name("body");
  body.set_type(onnx::AttributeProto::GRAPH);
  addNode(*body.mutable_g()->mutable_node(), "Enigma", {"a"}, {"c"});
  const auto withCalls = [&](int calls) {
    OnnxModel copy = m;
    for (int i = 0; i < calls; ++i) call(copy, "f", {"x"}, {"y" + std::to_string(i)});
    copy.output("y0");
    const std::string bytes = copy.bytes();
    return frontend::readModel(std::as_bytes(std::span(bytes)), {});
  };
  const auto few = withCalls(100);
  REQUIRE(few);
  CHECK(few->nested.size() == 1);
  const auto many = withCalls(1000);  // 512 KiB each
  REQUIRE(!many);
  CHECK(contains(many.error().message, "its functions, inlined, have more than 256 MiB"));
}
