#include "tests/fuzz/builder.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "ir/scalar_eval.h"
#include "ir/verifier.h"

namespace quartet::fuzz {

namespace {

constexpr int64_t kMostElements = 3000;
constexpr double kMostWork = 60000;  // points of all domains and reductions of a graph

ir::Scalar anyScalar(Random& random, DType dtype, Fill fill) {
  if (!ir::isFloat(dtype)) {
    const bool isSigned = ir::isSigned(dtype);
    int64_t value = random.between(isSigned ? -8 : 0, 8);
    if (fill == Fill::Uniform) value = static_cast<int64_t>(random.bits());
    if (fill == Fill::Positive) value = random.between(1, 8);
    if (dtype == DType::Bool) value = random.below(2);
    return ir::intScalar(ir::wrapInteger(dtype, value));
  }
  double value = static_cast<double>(random.between(-32, 32)) / 8;
  if (fill == Fill::Uniform) value = random.uniform() * 2 - 1;
  if (fill == Fill::Positive) value = 0.5 + random.uniform() * 1.5;
  if (fill == Fill::Special && random.chance(0.1)) {
    const double infinity = std::numeric_limits<double>::infinity();
    value = random.pick<double>({infinity, -infinity, std::nan(""), -0.0});
  }
  return ir::floatScalar(ir::roundFloat(dtype, value));
}

std::vector<ir::Dim> dims(const Ints& shape) { return {shape.begin(), shape.end()}; }

double workOf(const ir::Module& graph, const ir::Op& op, const Ints& result) {
  double work = static_cast<double>(elements(result));
  for (ValueId operand : op.operands) {
    double read = 1;
    for (const ir::Dim& dim : graph.type(operand).shape) read *= static_cast<double>(dim.value());
    work = std::max(work, read);
  }
  if (op.opcode == Opcode::Contract) {
    double points = 1;
    std::map<int64_t, int64_t> extents;
    for (size_t side = 0; side < 2; ++side) {
      const auto& labels = op.attributes.ints(side == 0 ? "lhs" : "rhs");
      for (size_t i = 0; i < labels.size(); ++i) {
        extents[labels[i]] = graph.type(op.operands[side]).shape[i].value();
      }
    }
    for (const auto& [label, extent] : extents) points *= static_cast<double>(extent);
    work = std::max(work, points);
  }
  if (op.opcode == Opcode::Conv || op.opcode == Opcode::ConvTranspose) {
    const auto& w = graph.type(op.operands[1]).shape;
    double taps = 1;
    for (size_t i = 1; i < w.size(); ++i) taps *= static_cast<double>(w[i].value());
    work = static_cast<double>(elements(result)) * std::max(taps, 1.0);
  }
  if (op.opcode == Opcode::Window) {
    for (int64_t extent : op.attributes.ints("window")) work *= static_cast<double>(extent);
  }
  return work;
}

}  // namespace

int64_t elements(const Ints& shape) {
  int64_t count = 1;
  for (int64_t extent : shape) count *= extent;
  return count;
}

GraphBuilder::GraphBuilder(uint64_t seed) : random_(seed), graph_(ir::Level::Graph, "fuzz") {}

ValueId GraphBuilder::any() { return random_.chance(0.5) ? values_.back() : random_.pick(values_); }

ValueId GraphBuilder::leaf(DType dtype, const Ints& shape, Fill fill, double constantShare) {
  const auto size = static_cast<size_t>(ir::byteSize(dtype));
  std::vector<std::byte> bytes(static_cast<size_t>(elements(shape)) * size);
  for (size_t at = 0; at < bytes.size(); at += size) {
    ir::writeScalar(dtype, anyScalar(random_, dtype, fill), &bytes[at]);
  }
  return leaf(ir::makeConstant(dtype, shape, std::move(bytes)), constantShare);
}

ValueId GraphBuilder::leaf(Tensor data, double constantShare) {
  constexpr size_t kMostInputs = 5;
  ValueId value;
  if (inputs_.size() >= kMostInputs || random_.chance(constantShare)) {
    value = graph_.addConstant(graph_.top(), data);
  } else {
    value = graph_.addParameter(graph_.top(), ir::Type::tensor(data->dtype, dims(data->shape)),
                                "x" + std::to_string(inputs_.size()));
    inputs_.push_back(data);
  }
  facts_[value] = inputFact(std::move(data));
  values_.push_back(value);
  return value;
}

Fill GraphBuilder::anyFill() {
  return random_.chance(0.5)    ? Fill::Grid
         : random_.chance(0.6)  ? Fill::Uniform
         : random_.chance(0.85) ? Fill::Positive
                                : Fill::Special;
}

int64_t GraphBuilder::extent() {
  if (random_.chance(0.008)) return 0;
  if (random_.chance(0.6)) return random_.between(1, 6);
  return random_.pick<int64_t>({7, 8, 11, 13, 15, 16, 17, 31, 32, 33, 48, 65});
}

Ints GraphBuilder::anyShape(size_t rank) {
  Ints shape(rank);
  do {
    for (int64_t& one : shape) one = extent();
  } while (elements(shape) > kMostElements / 2);
  return shape;
}

DType GraphBuilder::anyDType() {
  if (random_.chance(0.65)) return DType::F32;
  if (random_.chance(0.4)) return random_.chance(0.5) ? DType::I64 : DType::I32;
  return random_.pick<DType>({DType::F16, DType::F16, DType::F64, DType::BF16, DType::Bool,
                              DType::Bool, DType::U8, DType::U8, DType::I8, DType::I16, DType::U16,
                              DType::U32, DType::U64});
}

ir::OpId GraphBuilder::append(Opcode op, std::vector<ValueId> operands, DType dtype,
                              const Ints& shape, ir::Attributes attributes) {
  return graph_.addOp(graph_.top(), op, std::move(operands), {ir::Type::tensor(dtype, dims(shape))},
                      std::move(attributes), {},
                      {std::string(ir::name(op)) + std::to_string(ops_)});
}

std::optional<ValueId> GraphBuilder::add(Opcode op, std::vector<ValueId> operands, DType dtype,
                                         const Ints& shape, ir::Attributes attributes) {
  for (int64_t one : shape) {
    if (one < 0) return std::nullopt;
  }
  if (elements(shape) > kMostElements || shape.size() > 6) return std::nullopt;
  const ir::OpId id = append(op, std::move(operands), dtype, shape, std::move(attributes));
  const double work = workOf(graph_, graph_.op(id), shape);
  std::vector<const Fact*> facts;
  for (ValueId operand : graph_.op(id).operands) facts.push_back(&facts_.at(operand));
  Result<Fact> fact = unsupported("too much work");
  if (work_ + work <= kMostWork) fact = factOf(graph_, id, facts);
  if (!fact) {
    graph_.region(graph_.top()).ops.pop_back();
    return std::nullopt;
  }
  work_ += work;
  ++ops_;
  for (ValueId operand : graph_.op(id).operands) ++uses_[operand];
  const ValueId result = graph_.result(id);
  facts_[result] = *std::move(fact);
  values_.push_back(result);
  return result;
}

bool GraphBuilder::plant(Opcode op, std::vector<ValueId> operands, DType dtype, const Ints& shape,
                         ir::Attributes attributes) {
  const ir::OpId id = append(op, std::move(operands), dtype, shape, std::move(attributes));
  std::vector<const Fact*> facts;
  for (ValueId operand : graph_.op(id).operands) facts.push_back(&facts_.at(operand));
  const Result<Fact> fact = factOf(graph_, id, facts);
  if (fact || fact.error().kind != Diagnostic::Kind::User) {
    graph_.region(graph_.top()).ops.pop_back();
    return false;
  }
  for (ValueId operand : graph_.op(id).operands) ++uses_[operand];
  planted_ = graph_.result(id);
  return true;
}

/// One extent of the inputs becomes a symbol wherever it occurs, if the graph is still sound.
void GraphBuilder::makeSymbolic(Case& c) {
  std::vector<int64_t> candidates;
  for (const Tensor& input : c.inputs) {
    if (!input->shape.empty() && input->shape[0] > 1) candidates.push_back(input->shape[0]);
  }
  if (candidates.empty()) return;
  const int64_t chosen = random_.pick(candidates);
  ir::Module symbolic = c.graph;
  symbolic.symbols["N"] = {1, 128, 1};
  for (int i = 0; i < symbolic.valueCount(); ++i) {
    ir::Value& value = symbolic.value({i});
    if (value.definition.valid() && symbolic.op(value.definition).opcode == Opcode::Constant) {
      continue;
    }
    if (!value.type.shape.empty() && value.type.shape[0] == ir::Dim(chosen)) {
      value.type.shape[0] = ir::Dim::symbol("N");
    }
  }
  if (!ir::verify(symbolic)) return;
  c.graph = std::move(symbolic);
  c.symbols["N"] = chosen;
}

Case GraphBuilder::finish() {
  std::vector<ValueId> outputs;
  for (ValueId value : values_) {
    const ir::OpId definition = graph_.value(value).definition;
    const bool computed = definition.valid() && graph_.op(definition).opcode != Opcode::Constant;
    if (computed ? uses_[value] == 0 || random_.chance(0.1) : random_.chance(0.02)) {
      outputs.push_back(value);
    }
  }
  if (planted_.valid()) outputs.push_back(planted_);
  if (outputs.empty()) outputs.push_back(values_.back());
  random_.shuffle(outputs);
  if (random_.chance(0.03)) outputs.push_back(outputs[0]);
  graph_.addOp(graph_.top(), Opcode::Return, outputs, {});
  for (size_t i = 0; i < outputs.size(); ++i) graph_.outputs.push_back("y" + std::to_string(i));
  Case c{std::move(graph_), std::move(inputs_), {}, planted_.valid()};
  if (random_.chance(0.15)) makeSymbolic(c);
  return c;
}

}  // namespace quartet::fuzz
