#include "tests/fuzz/reduce.h"

#include <algorithm>
#include <optional>
#include <ranges>
#include <set>

#include "ir/verifier.h"

namespace quartet::fuzz {

using ir::Opcode;
using ir::ValueId;

namespace {

/// What to change when a case is built anew.
struct Edit {
  std::optional<size_t> droppedOutput;
  std::map<size_t, ValueId> outputs;      // other values as outputs
  std::map<ValueId, Tensor> inputs;       // ops that become inputs with these data
  std::map<ValueId, ValueId> substitute;  // a value instead of another
  int64_t from = -1;                      // extents `from` become `to`
  int64_t to = -1;
};

/// The first elements of a tensor along every axis whose extent is cut.
Tensor cut(const Tensor& data, const Edit& edit) {
  ir::Ints shape = data->shape;
  for (int64_t& extent : shape) extent = extent == edit.from ? edit.to : extent;
  if (shape == data->shape) return data;
  const int64_t size = ir::byteSize(data->dtype);
  std::vector<std::byte> bytes;
  ir::Ints at(shape.size(), 0);
  int64_t count = 1;
  for (int64_t extent : shape) count *= extent;
  for (int64_t i = 0; i < count; ++i) {
    int64_t rest = i;
    int64_t offset = 0;
    for (size_t k = shape.size(); k-- > 0;) {
      at[k] = rest % shape[k];
      rest /= shape[k];
    }
    for (size_t k = 0; k < shape.size(); ++k) offset = offset * data->shape[k] + at[k];
    const auto first = data->bytes.begin() + offset * size;
    bytes.insert(bytes.end(), first, first + size);
  }
  return ir::makeConstant(data->dtype, shape, std::move(bytes));
}

class Rebuild {
 public:
  Rebuild(const Case& c, const Edit& edit) : old_(c), edit_(edit) {
    made_.graph = ir::Module(ir::Level::Graph, c.graph.name);
    made_.graph.symbols = c.graph.symbols;
    made_.symbols = c.symbols;
    made_.planted = c.planted;
  }

  Case run() {
    const ir::Region& top = old_.graph.region(old_.graph.top());
    const ir::Op& last = old_.graph.op(top.ops.back());
    std::vector<ValueId> wanted;
    for (size_t i = 0; i < last.operands.size(); ++i) {
      if (edit_.droppedOutput == i) continue;
      const auto other = edit_.outputs.find(i);
      wanted.push_back(other == edit_.outputs.end() ? last.operands[i] : other->second);
      made_.graph.outputs.push_back(old_.graph.outputs[i]);
    }
    for (ValueId value : wanted) need(value);
    for (size_t i = 0; i < top.parameters.size(); ++i) {
      if (needed_.contains(top.parameters[i])) addInput(top.parameters[i], old_.inputs[i]);
    }
    for (const auto& [value, data] : edit_.inputs) {
      if (needed_.contains(value)) addInput(value, data);
    }
    for (ir::OpId id : top.ops) addOp(old_.graph.op(id));
    std::vector<ValueId> outputs;
    for (ValueId value : wanted) outputs.push_back(map_.at(resolve(value)));
    made_.graph.addOp(made_.graph.top(), Opcode::Return, outputs, {});
    return std::move(made_);
  }

 private:
  ValueId resolve(ValueId value) const {
    const auto found = edit_.substitute.find(value);
    return found == edit_.substitute.end() ? value : resolve(found->second);
  }

  void need(ValueId value) {
    value = resolve(value);
    if (!needed_.insert(value).second || edit_.inputs.contains(value)) return;
    const ir::OpId definition = old_.graph.value(value).definition;
    if (!definition.valid()) return;
    for (ValueId operand : old_.graph.op(definition).operands) need(operand);
  }

  ir::Type typeOf(ValueId value) const {
    ir::Type type = old_.graph.type(value);
    for (ir::Dim& dim : type.shape) {
      if (dim == ir::Dim(edit_.from)) dim = ir::Dim(edit_.to);
    }
    return type;
  }

  void addInput(ValueId value, const Tensor& data) {
    map_[value] = made_.graph.addParameter(made_.graph.top(), typeOf(value),
                                           "x" + std::to_string(made_.inputs.size()));
    made_.inputs.push_back(cut(data, edit_));
  }

  void addOp(const ir::Op& op) {
    if (op.opcode == Opcode::Return || map_.contains(op.results[0]) ||
        !needed_.contains(op.results[0])) {
      return;
    }
    if (op.opcode == Opcode::Constant) {
      map_[op.results[0]] = made_.graph.addConstant(
          made_.graph.top(), cut(old_.graph.constantOf(op.results[0]), edit_));
      return;
    }
    std::vector<ValueId> operands;
    for (ValueId operand : op.operands) operands.push_back(map_.at(resolve(operand)));
    const ir::OpId id = made_.graph.addOp(made_.graph.top(), op.opcode, operands,
                                          {typeOf(op.results[0])}, op.attributes, {}, op.origin);
    map_[op.results[0]] = made_.graph.result(id);
  }

  const Case& old_;
  const Edit& edit_;
  Case made_;
  std::set<ValueId> needed_;
  std::map<ValueId, ValueId> map_;
};

class Reducer {
 public:
  Reducer(Case c, const std::function<bool(const Case&)>& fails)
      : best_(std::move(c)), fails_(fails) {}

  Case run() {
    while (dropOutputs() || dropSymbols() || earlierOutputs() || replaceOps() || cutExtents()) {
    }
    return std::move(best_);
  }

 private:
  bool attempt(const Edit& edit) {
    Case smaller = Rebuild(best_, edit).run();
    if (!ir::verify(smaller.graph) || !fails_(smaller)) return false;
    best_ = std::move(smaller);
    return true;
  }

  bool dropOutputs() {
    const ir::Module& graph = best_.graph;
    const size_t count = graph.outputs.size();
    for (size_t i = 0; count > 1 && i < count; ++i) {
      Edit edit;
      edit.droppedOutput = i;
      if (attempt(edit)) return true;
    }
    return false;
  }

  /// What an output is computed from becomes the output.
  bool earlierOutputs() {
    const ir::Op last = best_.graph.op(best_.graph.region(best_.graph.top()).ops.back());
    for (size_t i = 0; i < last.operands.size(); ++i) {
      const ir::OpId definition = best_.graph.value(last.operands[i]).definition;
      if (!definition.valid()) continue;
      const std::vector<ValueId> operands = best_.graph.op(definition).operands;
      for (ValueId operand : operands) {
        Edit edit;
        edit.outputs[i] = operand;
        if (attempt(edit)) return true;
      }
    }
    return false;
  }

  bool dropSymbols() {
    if (best_.symbols.empty()) return false;
    Case smaller = best_;
    for (int i = 0; i < smaller.graph.valueCount(); ++i) {
      for (ir::Dim& dim : smaller.graph.value({i}).type.shape) {
        dim = dim.substitute(best_.symbols);
      }
    }
    smaller.graph.symbols.clear();
    smaller.symbols.clear();
    if (!ir::verify(smaller.graph) || !fails_(smaller)) return false;
    best_ = std::move(smaller);
    return true;
  }

  bool replaceOps() {
    const auto ops = best_.graph.region(best_.graph.top()).ops;
    auto facts = best_.planted || !best_.symbols.empty() ? Result<std::map<ValueId, Fact>>()
                                                         : factsOf(best_.graph, best_.inputs);
    for (const ir::OpId id : std::views::reverse(ops)) {
      const ir::Op op = best_.graph.op(id);
      if (op.opcode == Opcode::Return || op.opcode == Opcode::Constant) continue;
      for (ValueId operand : op.operands) {
        if (!(best_.graph.type(operand) == best_.graph.type(op.results[0]))) continue;
        Edit edit;
        edit.substitute[op.results[0]] = operand;
        if (attempt(edit)) return true;
      }
      if (!facts || !facts->contains(op.results[0])) continue;
      Edit edit;
      edit.inputs[op.results[0]] = facts->at(op.results[0]).data;
      if (attempt(edit)) return true;
    }
    return false;
  }

  bool cutExtents() {
    std::set<int64_t, std::greater<>> extents;
    for (int i = 0; i < best_.graph.valueCount(); ++i) {
      for (const ir::Dim& dim : best_.graph.value({i}).type.shape) {
        if (dim.isConstant() && dim.value() > 1) extents.insert(dim.value());
      }
    }
    for (const auto& [symbol, value] : best_.symbols) extents.erase(value);
    for (int64_t extent : extents) {
      for (int64_t smaller : {int64_t{1}, int64_t{2}, extent / 2, extent - 1}) {
        if (smaller >= extent || smaller < 1) continue;
        Edit edit;
        edit.from = extent;
        edit.to = smaller;
        if (attempt(edit)) return true;
      }
    }
    return false;
  }

  Case best_;
  const std::function<bool(const Case&)>& fails_;
};

}  // namespace

Case reduce(Case c, const std::function<bool(const Case&)>& fails) {
  return Reducer(std::move(c), fails).run();
}

}  // namespace quartet::fuzz
