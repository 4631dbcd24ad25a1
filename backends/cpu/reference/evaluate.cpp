#include "backends/cpu/reference/evaluate.h"

#include "backends/cpu/reference/ops.h"

namespace quartet::reference {
namespace {

using ir::Opcode;

std::string str(const Ints& shape) {
  std::string text = "[";
  for (const int64_t extent : shape) {
    if (text.size() > 1) text += ", ";
    text += std::to_string(extent);
  }
  return text + "]";
}

Result<Tensor> evaluateOp(const Call& call) {
  if (ir::isScalar(call.op.opcode)) return evalScalarOp(call);
  switch (call.op.opcode) {
    case Opcode::Contract:
      return evalContract(call);
    case Opcode::Conv:
      return evalConv(call);
    case Opcode::ConvTranspose:
      return evalConvTranspose(call);
    case Opcode::Window:
      return evalWindow(call);
    case Opcode::Reduce:
      return evalReduce(call);
    case Opcode::ArgReduce:
      return evalArgReduce(call);
    case Opcode::Transpose:
      return evalTranspose(call);
    case Opcode::Reshape:
      return evalReshape(call);
    case Opcode::Broadcast:
      return evalBroadcast(call);
    case Opcode::Slice:
      return evalSlice(call);
    case Opcode::Concat:
      return evalConcat(call);
    case Opcode::Pad:
      return evalPad(call);
    case Opcode::Iota:
      return evalIota(call);
    case Opcode::Gather:
      return evalGather(call);
    case Opcode::GatherElements:
      return evalGatherElements(call);
    case Opcode::GatherNd:
      return evalGatherNd(call);
    case Opcode::Scan:
      return evalScan(call);
    case Opcode::ScatterElements:
      return evalScatterElements(call);
    case Opcode::ScatterNd:
      return evalScatterNd(call);
    case Opcode::Argsort:
      return evalArgsort(call);
    default:
      return unsupported("the reference evaluates graph primitives, not '" +
                             std::string(ir::name(call.op.opcode)) + "'",
                         call.where(),
                         "evaluate the graph as it is before tensor expressions are made");
  }
}

// One evaluation of one graph.
class Evaluation {
 public:
  explicit Evaluation(const ir::Module& graph)
      : graph_(graph),
        values_(static_cast<size_t>(graph.valueCount())),
        lastUse_(static_cast<size_t>(graph.valueCount())) {
    for (const ir::OpId op : graph.region(graph.top()).ops) {
      for (const ir::ValueId operand : graph.op(op).operands) lastUse_[at(operand)] = op;
    }
  }

  Status bindInputs(const std::vector<Tensor>& inputs) {
    const std::vector<ir::ValueId>& parameters = graph_.region(graph_.top()).parameters;
    if (inputs.size() != parameters.size()) {
      return userError("the graph has " + std::to_string(parameters.size()) + " inputs, " +
                       std::to_string(inputs.size()) + " were given");
    }
    for (size_t i = 0; i < inputs.size(); ++i) {
      QT_CHECK(bindSymbols(parameters[i], *inputs[i]));
      values_[at(parameters[i])] = inputs[i];
    }
    for (size_t i = 0; i < inputs.size(); ++i) {
      const Ints shape = QT_TRY(shapeOf(parameters[i]));
      if (shape != inputs[i]->shape) {
        return userError("the shape must be " + str(shape) + ", not " + str(inputs[i]->shape),
                         "input '" + graph_.value(parameters[i]).name + "'");
      }
    }
    return {};
  }

  Result<std::vector<Tensor>> run() {
    for (const ir::OpId id : graph_.region(graph_.top()).ops) {
      const ir::Op& op = graph_.op(id);
      if (op.opcode == Opcode::Return) return collect(op);
      QT_CHECK(evaluate(op));
      for (const ir::ValueId operand : op.operands) {
        if (lastUse_[at(operand)] == id) values_[at(operand)] = nullptr;
      }
    }
    QT_ASSERT(false, "a graph without return");
  }

 private:
  static size_t at(ir::ValueId value) { return static_cast<size_t>(value.index); }

  Status bindSymbols(ir::ValueId parameter, const ir::ConstantData& input) {
    const ir::Value& value = graph_.value(parameter);
    const std::string where = "input '" + value.name + "'";
    if (value.type.dtype != input.dtype) {
      return userError("the dtype must be " + std::string(ir::name(value.type.dtype)) + ", not " +
                           std::string(ir::name(input.dtype)),
                       where);
    }
    if (value.type.shape.size() != input.shape.size()) {
      return userError("the rank must be " + std::to_string(value.type.shape.size()) + ", not " +
                           std::to_string(input.shape.size()),
                       where);
    }
    for (size_t axis = 0; axis < input.shape.size(); ++axis) {
      const ir::Dim& dim = value.type.shape[axis];
      if (dim.kind() == ir::Dim::Kind::Symbol)
        symbols_.emplace(dim.symbolName(), input.shape[axis]);
    }
    return {};
  }

  Result<Ints> shapeOf(ir::ValueId value) const {
    Ints shape;
    for (const ir::Dim& dim : graph_.type(value).shape) {
      shape.push_back(QT_TRY(dim.evaluate(symbols_)));
    }
    return shape;
  }

  Status evaluate(const ir::Op& op) {
    if (op.opcode == Opcode::Constant) {
      Tensor data = graph_.constantOf(op.results[0]);
      QT_ASSERT(data != nullptr, "a constant without data");
      values_[at(op.results[0])] = std::move(data);
      return {};
    }
    Call call{op, {}, DType::F32, {}};
    QT_ASSERT(op.results.size() == 1 || op.opcode == Opcode::Compute, "a primitive has one result");
    if (!op.results.empty()) {
      call.dtype = graph_.type(op.results[0]).dtype;
      call.shape = QT_TRY(shapeOf(op.results[0]));
    }
    call.in.reserve(op.operands.size());
    for (const ir::ValueId operand : op.operands) call.in.push_back(values_[at(operand)]);
    Tensor result = QT_TRY(evaluateOp(call));
    if (lastUse_[at(op.results[0])].valid()) values_[at(op.results[0])] = std::move(result);
    return {};
  }

  Result<std::vector<Tensor>> collect(const ir::Op& op) const {
    std::vector<Tensor> results;
    for (const ir::ValueId operand : op.operands) results.push_back(values_[at(operand)]);
    return results;
  }

  const ir::Module& graph_;
  ir::SymbolValues symbols_;
  std::vector<Tensor> values_;
  std::vector<ir::OpId> lastUse_;
};

}  // namespace

std::string Call::where() const {
  const std::string name(ir::name(op.opcode));
  return op.origin.empty() ? "op '" + name + "'"
                           : "node '" + ir::str(op.origin) + "' (" + name + ")";
}

Result<std::vector<Tensor>> evaluateGraph(const ir::Module& graph,
                                          const std::vector<Tensor>& inputs) {
  QT_ASSERT(graph.level == ir::Level::Graph, "the reference evaluates graphs");
  Evaluation evaluation(graph);
  QT_CHECK(evaluation.bindInputs(inputs));
  return evaluation.run();
}

}  // namespace quartet::reference
