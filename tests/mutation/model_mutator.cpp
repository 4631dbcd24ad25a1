#include "tests/mutation/model_mutator.h"

#include <onnx/onnx_pb.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <set>

namespace quartet::tests {

using fuzz::Random;
using onnx::AttributeProto;
using onnx::GraphProto;
using onnx::ModelProto;
using onnx::NodeProto;
using onnx::TensorProto;

namespace {

int64_t interestingInteger(Random& random, int64_t now) {
  constexpr int64_t kMax = std::numeric_limits<int64_t>::max();
  constexpr int64_t kMin = std::numeric_limits<int64_t>::min();
  if (random.chance(0.3)) return now > kMin && now < kMax ? now + random.pick<int64_t>({-1, 1}) : 0;
  if (random.chance(0.7)) {
    return random.pick<int64_t>({-4, -3, -2, -1, 0, 1, 2, 3, 4, 5, 7, 8, 9, 15, 16, 17, 33});
  }
  return random.pick<int64_t>({kMin, kMin + 1, kMax, kMax - 1, int64_t{1} << 31,
                               (int64_t{1} << 31) - 1, -(int64_t{1} << 31), int64_t{1} << 32,
                               int64_t{1} << 40, int64_t{1} << 62, 100, 1000, 65536, 1 << 20});
}

float interestingFloat(Random& random, float now) {
  constexpr float kInfinity = std::numeric_limits<float>::infinity();
  return random.pick<float>({0, -0.0F, 1, -1, 0.5F, 2, -now, now * 2, now + 1, 1e-30F, 1e30F,
                             kInfinity, -kInfinity, std::numeric_limits<float>::quiet_NaN(),
                             std::numeric_limits<float>::max(),
                             std::numeric_limits<float>::denorm_min()});
}

NodeProto* anyNode(ModelProto& model, Random& random) {
  GraphProto& graph = *model.mutable_graph();
  if (graph.node_size() == 0) return nullptr;
  return graph.mutable_node(static_cast<int>(random.below(graph.node_size())));
}

// Names that nodes may read: also of values that come later.
std::vector<std::string> valueNames(const ModelProto& model) {
  std::vector<std::string> names;
  for (const auto& input : model.graph().input()) names.push_back(input.name());
  for (const auto& tensor : model.graph().initializer()) names.push_back(tensor.name());
  for (const auto& node : model.graph().node()) {
    names.insert(names.end(), node.output().begin(), node.output().end());
  }
  if (names.empty()) names.emplace_back("nothing");
  return names;
}

// A name that no value has yet.
std::string freshName(const ModelProto& model, Random& random) {
  const auto names = valueNames(model);
  for (;;) {
    std::string name = "mutant" + std::to_string(random.below(1 << 20));
    if (std::ranges::find(names, name) == names.end()) return name;
  }
}

template <class Values>
void changeList(Values& values, Random& random) {
  if (values.empty() || random.chance(0.2)) {
    values.Add(static_cast<typename Values::value_type>(interestingInteger(random, 0)));
  } else if (random.chance(0.2)) {
    values.RemoveLast();
  } else {
    auto& value = *values.Mutable(static_cast<int>(random.below(values.size())));
    value = static_cast<typename Values::value_type>(interestingInteger(
        random,
        static_cast<int64_t>(std::trunc(std::clamp(static_cast<double>(value), -1e9, 1e9)))));
  }
}

void addOutput(ModelProto& model, const std::string& name) {
  model.mutable_graph()->add_output()->set_name(name);
}

NodeProto& addNode(ModelProto& model, const std::string& type,
                   const std::vector<std::string>& inputs, const std::string& output) {
  NodeProto& node = *model.mutable_graph()->add_node();
  node.set_op_type(type);
  for (const std::string& input : inputs) node.add_input(input);
  node.add_output(output);
  return node;
}

}  // namespace

std::string damageBytes(std::string bytes, const std::string& other, Random& random) {
  const auto at = [&](const std::string& in) {
    return static_cast<size_t>(random.below(std::max<int64_t>(1, std::ssize(in))));
  };
  for (int64_t changes = random.between(1, 3); changes > 0 && !bytes.empty(); --changes) {
    const size_t place = at(bytes);
    // Whatever moves what follows mostly ends at the parser; so that comes less often.
    switch (random.chance(0.6) ? random.below(3) : random.between(3, 7)) {
      case 0:
        bytes[place] = static_cast<char>(random.bits());
        break;
      case 1:
        bytes[place] = static_cast<char>(bytes[place] ^ (1 << random.below(8)));
        break;
      case 2:
        bytes[place] = static_cast<char>(bytes[place] + random.pick<int>({-1, 1}));
        break;
      case 3:
        bytes.erase(place, static_cast<size_t>(random.between(1, 8)));
        break;
      case 4:
        bytes.insert(place, bytes.substr(at(bytes), static_cast<size_t>(random.between(1, 32))));
        break;
      case 5:  // a varint, such as a length or an extent, becomes large
        bytes.replace(place, 1,
                      std::string(static_cast<size_t>(random.between(1, 10)), '\xff') + '\x01');
        break;
      case 6:
        if (random.chance(0.5)) {
          bytes.resize(place);
        } else {
          bytes = bytes.substr(0, place) + other.substr(at(other));
        }
        break;
      default:
        bytes.insert(place, other.substr(at(other), static_cast<size_t>(random.between(1, 64))));
    }
  }
  return bytes;
}

ModelMutator::ModelMutator(const std::vector<SeedModel>& seeds) {
  std::set<std::string> operators;
  std::set<std::string> attributes;
  std::set<std::string> strings = {"", "nothing"};
  for (const SeedModel& seed : seeds) {
    for (const NodeProto& node : seed.model->graph().node()) {
      if (node.domain().empty()) operators.insert(node.op_type());
      for (const AttributeProto& attribute : node.attribute()) {
        attributes.insert(attribute.name());
        if (attribute.type() == AttributeProto::STRING) strings.insert(attribute.s());
      }
    }
  }
  operators_.assign(operators.begin(), operators.end());
  attributes_.assign(attributes.begin(), attributes.end());
  strings_.assign(strings.begin(), strings.end());
}

ModelProto ModelMutator::mutant(const ModelProto& seed, Random& random) const {
  // What leaves most models valid comes more often: only those are compiled and run.
  static const std::vector<Change> kChanges = {&ModelMutator::changeAttribute,
                                               &ModelMutator::changeAttribute,
                                               &ModelMutator::changeAttribute,
                                               &ModelMutator::changeAttributeSet,
                                               &ModelMutator::changeExtents,
                                               &ModelMutator::changeExtents,
                                               &ModelMutator::changeExtents,
                                               &ModelMutator::changeElementType,
                                               &ModelMutator::changeNodeInputs,
                                               &ModelMutator::changeNodeInputs,
                                               &ModelMutator::changeNodeOutputs,
                                               &ModelMutator::changeOperator,
                                               &ModelMutator::changeInitializer,
                                               &ModelMutator::changeInitializer,
                                               &ModelMutator::changeInitializerShape,
                                               &ModelMutator::changeVersions,
                                               &ModelMutator::changeGraphOutputs,
                                               &ModelMutator::removeNode,
                                               &ModelMutator::repeatNode,
                                               &ModelMutator::insertUnary,
                                               &ModelMutator::insertUnary,
                                               &ModelMutator::insertUnary,
                                               &ModelMutator::appendBinary,
                                               &ModelMutator::appendBinary,
                                               &ModelMutator::appendBinary,
                                               &ModelMutator::appendReduction,
                                               &ModelMutator::appendReduction};
  ModelProto model = seed;
  for (int64_t changes = random.between(1, 3); changes > 0; --changes) {
    (this->*random.pick(kChanges))(model, random);
  }
  return model;
}

void ModelMutator::changeAttribute(ModelProto& model, Random& random) const {
  NodeProto* node = anyNode(model, random);
  if (node == nullptr || node->attribute_size() == 0) return;
  AttributeProto& attribute =
      *node->mutable_attribute(static_cast<int>(random.below(node->attribute_size())));
  switch (attribute.type()) {
    case AttributeProto::INT:
      attribute.set_i(interestingInteger(random, attribute.i()));
      return;
    case AttributeProto::FLOAT:
      attribute.set_f(interestingFloat(random, attribute.f()));
      return;
    case AttributeProto::STRING:
      attribute.set_s(random.pick(strings_));
      return;
    case AttributeProto::INTS:
      changeList(*attribute.mutable_ints(), random);
      return;
    case AttributeProto::FLOATS:
      changeList(*attribute.mutable_floats(), random);
      return;
    case AttributeProto::TENSOR:
      changeList(*attribute.mutable_t()->mutable_dims(), random);
      return;
    default:
      attribute.set_type(AttributeProto::INT);
  }
}

void ModelMutator::changeAttributeSet(ModelProto& model, Random& random) const {
  NodeProto* node = anyNode(model, random);
  if (node == nullptr) return;
  if (node->attribute_size() > 0 && random.chance(0.5)) {
    node->mutable_attribute()->DeleteSubrange(
        static_cast<int>(random.below(node->attribute_size())), 1);
    return;
  }
  AttributeProto& attribute = *node->add_attribute();
  attribute.set_name(random.pick(attributes_));
  if (random.chance(0.5)) {
    attribute.set_type(AttributeProto::INT);
    attribute.set_i(interestingInteger(random, 1));
  } else {
    attribute.set_type(AttributeProto::INTS);
    for (int64_t i = random.below(4); i > 0; --i) attribute.add_ints(interestingInteger(random, 1));
  }
}

void ModelMutator::changeExtents(ModelProto& model, Random& random) const {
  GraphProto& graph = *model.mutable_graph();
  if (graph.input_size() == 0) return;
  auto& input = *graph.mutable_input(static_cast<int>(random.below(graph.input_size())));
  auto& shape = *input.mutable_type()->mutable_tensor_type()->mutable_shape();
  if (shape.dim_size() == 0 || random.chance(0.1)) {
    shape.add_dim()->set_dim_value(random.between(0, 5));
  } else if (random.chance(0.1)) {
    shape.mutable_dim()->RemoveLast();
  } else if (random.chance(0.03)) {
    input.mutable_type()->mutable_tensor_type()->clear_shape();
  } else {
    auto& dim = *shape.mutable_dim(static_cast<int>(random.below(shape.dim_size())));
    if (random.chance(0.15)) {
      dim.set_dim_param(random.pick<std::string>({"N", "length", "", "n + 1"}));
    } else {
      dim.set_dim_value(interestingInteger(random, dim.dim_value()));
    }
  }
}

void ModelMutator::changeElementType(ModelProto& model, Random& random) const {
  GraphProto& graph = *model.mutable_graph();
  const int type =
      static_cast<int>(random.chance(0.9) ? random.between(0, 17) : random.pick<int64_t>({-1, 99}));
  if (graph.input_size() > 0 && random.chance(0.7)) {
    graph.mutable_input(static_cast<int>(random.below(graph.input_size())))
        ->mutable_type()
        ->mutable_tensor_type()
        ->set_elem_type(type);
  } else if (graph.output_size() > 0) {
    graph.mutable_output(static_cast<int>(random.below(graph.output_size())))
        ->mutable_type()
        ->mutable_tensor_type()
        ->set_elem_type(type);
  }
}

void ModelMutator::changeNodeInputs(ModelProto& model, Random& random) const {
  NodeProto* node = anyNode(model, random);
  if (node == nullptr) return;
  const std::string name = random.chance(0.1) ? std::string() : random.pick(valueNames(model));
  if (node->input_size() == 0 || random.chance(0.1)) {
    node->add_input(name);
  } else if (random.chance(0.15)) {
    node->mutable_input()->RemoveLast();
  } else {
    node->set_input(static_cast<int>(random.below(node->input_size())), name);
  }
}

void ModelMutator::changeNodeOutputs(ModelProto& model, Random& random) const {
  NodeProto* node = anyNode(model, random);
  if (node == nullptr) return;
  if (node->output_size() == 0 || random.chance(0.5)) {
    node->add_output(random.chance(0.8) ? freshName(model, random) : std::string());
  } else if (random.chance(0.5)) {
    node->mutable_output()->RemoveLast();
  } else {
    node->set_output(static_cast<int>(random.below(node->output_size())),
                     random.pick(valueNames(model)));
  }
}

void ModelMutator::changeOperator(ModelProto& model, Random& random) const {
  NodeProto* node = anyNode(model, random);
  if (node != nullptr) node->set_op_type(random.pick(operators_));
}

void ModelMutator::changeInitializer(ModelProto& model, Random& random) const {
  GraphProto& graph = *model.mutable_graph();
  if (graph.initializer_size() == 0) return;
  TensorProto& tensor =
      *graph.mutable_initializer(static_cast<int>(random.below(graph.initializer_size())));
  if (tensor.has_raw_data() && !tensor.raw_data().empty()) {
    std::string& raw = *tensor.mutable_raw_data();
    const auto size = static_cast<int64_t>(raw.size());
    if (random.chance(0.1)) {
      raw.resize(static_cast<size_t>(random.below(size)));
    } else if (tensor.data_type() == TensorProto::INT64 && size >= 8) {
      const int64_t value = interestingInteger(random, 1);
      raw.replace(static_cast<size_t>(random.below(size / 8)) * 8, 8,
                  reinterpret_cast<const char*>(&value), 8);
    } else {
      raw[static_cast<size_t>(random.below(size))] = static_cast<char>(random.bits());
    }
  } else if (tensor.data_type() == TensorProto::INT64) {
    changeList(*tensor.mutable_int64_data(), random);
  } else if (tensor.data_type() == TensorProto::FLOAT && tensor.float_data_size() > 0) {
    const auto at = static_cast<int>(random.below(tensor.float_data_size()));
    tensor.set_float_data(at, interestingFloat(random, tensor.float_data(at)));
  }
}

void ModelMutator::changeInitializerShape(ModelProto& model, Random& random) const {
  GraphProto& graph = *model.mutable_graph();
  if (graph.initializer_size() == 0) return;
  TensorProto& tensor =
      *graph.mutable_initializer(static_cast<int>(random.below(graph.initializer_size())));
  const int dims = tensor.dims_size();
  switch (random.below(4)) {
    case 0:
      changeList(*tensor.mutable_dims(), random);
      return;
    case 1:
      tensor.set_data_type(static_cast<int>(random.between(0, 17)));
      return;
    case 2:  // as many elements
      tensor.add_dims(1);
      return;
    default:
      if (dims < 2) return;
      tensor.mutable_dims()->SwapElements(static_cast<int>(random.below(dims)),
                                          static_cast<int>(random.below(dims)));
  }
}

void ModelMutator::changeVersions(ModelProto& model, Random& random) const {
  if (model.opset_import_size() == 0 || random.chance(0.1)) {
    model.set_ir_version(random.between(0, 13));
    return;
  }
  auto& opset =
      *model.mutable_opset_import(static_cast<int>(random.below(model.opset_import_size())));
  if (random.chance(0.05)) {
    opset.set_domain(random.pick<std::string>({"", "ai.onnx", "ai.onnx.ml", "nowhere"}));
  } else {
    opset.set_version(random.chance(0.9) ? random.between(7, 24)
                                         : interestingInteger(random, opset.version()));
  }
}

void ModelMutator::changeGraphOutputs(ModelProto& model, Random& random) const {
  GraphProto& graph = *model.mutable_graph();
  const std::string name = random.pick(valueNames(model));
  if (graph.output_size() == 0 || random.chance(0.6)) {
    addOutput(model, name);
  } else if (random.chance(0.5)) {
    graph.mutable_output()->RemoveLast();
  } else {
    graph.mutable_output(static_cast<int>(random.below(graph.output_size())))->set_name(name);
  }
}

void ModelMutator::removeNode(ModelProto& model, Random& random) const {
  GraphProto& graph = *model.mutable_graph();
  if (graph.node_size() == 0) return;
  const auto at = static_cast<int>(random.below(graph.node_size()));
  const NodeProto node = graph.node(at);
  graph.mutable_node()->DeleteSubrange(at, 1);
  if (node.input_size() == 0 || node.output_size() == 0 || random.chance(0.2)) return;
  for (NodeProto& reader : *graph.mutable_node()) {
    for (std::string& input : *reader.mutable_input()) {
      if (input == node.output(0)) input = node.input(0);
    }
  }
  for (auto& output : *graph.mutable_output()) {
    if (output.name() == node.output(0)) output.set_name(node.input(0));
  }
}

void ModelMutator::repeatNode(ModelProto& model, Random& random) const {
  GraphProto& graph = *model.mutable_graph();
  if (graph.node_size() == 0) return;
  NodeProto node = graph.node(static_cast<int>(random.below(graph.node_size())));
  const bool sameNames = random.chance(0.1);
  for (std::string& output : *node.mutable_output()) {
    if (sameNames || output.empty()) continue;
    output = freshName(model, random);
    addOutput(model, output);
  }
  node.set_name(node.name() + " again");
  *graph.add_node() = node;
  if (random.chance(0.1)) graph.mutable_node()->SwapElements(0, graph.node_size() - 1);
}

void ModelMutator::insertUnary(ModelProto& model, Random& random) const {
  static const std::vector<std::string> kTypes = {
      "Neg",   "Abs",        "Relu", "Tanh",    "Exp",  "Sigmoid",   "Identity",
      "Floor", "Reciprocal", "Sqrt", "Softmax", "Cast", "Transpose", "HardSwish"};
  NodeProto* reader = anyNode(model, random);
  if (reader == nullptr || reader->input_size() == 0) return;
  const auto at = static_cast<int>(random.below(reader->input_size()));
  const std::string read = reader->input(at);
  const std::string name = freshName(model, random);
  reader->set_input(at, name);
  const std::string type = random.pick(kTypes);
  NodeProto& node = addNode(model, type, {read}, name);
  if (type == "Cast") {
    AttributeProto& to = *node.add_attribute();
    to.set_name("to");
    to.set_type(AttributeProto::INT);
    to.set_i(random.between(1, 16));
  }
  // Nodes stand in the order of the data.
  auto& nodes = *model.mutable_graph()->mutable_node();
  for (int i = nodes.size() - 1; i > 0; --i) nodes.SwapElements(i, i - 1);
  for (int i = 0; i + 1 < nodes.size(); ++i) {
    const auto& outputs = nodes.Get(i + 1).output();
    if (std::ranges::find(outputs, read) != outputs.end()) {
      for (int k = 0; k <= i; ++k) nodes.SwapElements(k, k + 1);
      break;
    }
  }
}

void ModelMutator::appendBinary(ModelProto& model, Random& random) const {
  static const std::vector<std::string> kTypes = {"Add",    "Mul",    "Sub", "Div", "Max",
                                                  "MatMul", "Concat", "Pow", "Mod", "Greater"};
  const std::string name = freshName(model, random);
  const std::vector<std::string> names = valueNames(model);
  const std::string type = random.pick(kTypes);
  NodeProto& node = addNode(model, type, {random.pick(names), random.pick(names)}, name);
  if (type == "Concat" || type == "Mod") {
    AttributeProto& attribute = *node.add_attribute();
    attribute.set_name(type == "Mod" ? "fmod" : "axis");
    attribute.set_type(AttributeProto::INT);
    attribute.set_i(random.between(-1, 1));
  }
  addOutput(model, name);
}

void ModelMutator::appendReduction(ModelProto& model, Random& random) const {
  static const std::vector<std::string> kTypes = {"ReduceMax",  "ReduceMean", "ReduceL2",
                                                  "ReduceProd", "ArgMax",     "LogSoftmax"};
  const std::string name = freshName(model, random);
  NodeProto& node = addNode(model, random.pick(kTypes), {random.pick(valueNames(model))}, name);
  if (random.chance(0.5)) {
    AttributeProto& attribute = *node.add_attribute();
    attribute.set_name(random.pick<std::string>({"keepdims", "axis"}));
    attribute.set_type(AttributeProto::INT);
    attribute.set_i(random.between(-2, 1));
  }
  addOutput(model, name);
}

}  // namespace quartet::tests
