#include "sched/placement.h"

#include "sched/copy_map.h"

namespace quartet::sched {

using ir::Opcode;
using ir::OpId;
using ir::ValueId;

namespace {

bool computed(const ir::Module& graph, ValueId value) {
  for (;;) {
    const OpId definition = graph.value(value).definition;
    if (!definition.valid()) return false;
    const ir::Op& op = graph.op(definition);
    if (op.opcode == Opcode::Compute) return true;
    if (op.opcode != Opcode::Reshape) return false;
    value = op.operands[0];
  }
}

/// Gives every output a computation, which can be placed.
void computeOutputs(ir::Module& graph) {
  const OpId last = graph.region(graph.top()).ops.back();
  const std::vector<ValueId> outputs = graph.op(last).operands;
  for (size_t i = 0; i < outputs.size(); ++i) {
    if (computed(graph, outputs[i])) continue;
    const ir::Type type = graph.type(outputs[i]);
    ir::Attributes attributes;
    attributes.set("expr", std::make_shared<const ir::TensorExpr>(copyOf(type)));
    const auto position = static_cast<int>(graph.region(graph.top()).ops.size()) - 1;
    const OpId copy = graph.addOp(graph.top(), Opcode::Compute, {outputs[i]}, {type},
                                  std::move(attributes), {}, {graph.outputs[i]}, position);
    graph.op(last).operands[i] = graph.result(copy);
  }
}

}  // namespace

ir::Module place(const ir::Module& graph, const std::string& device, const std::string& fallback,
                 const Capability& supports) {
  ir::Module placed = graph;
  computeOutputs(placed);
  bool all = true;
  for (OpId id : placed.region(placed.top()).ops) {
    ir::Op& op = placed.op(id);
    if (op.opcode != Opcode::Compute) continue;
    const Status supported = supports(op.attributes.expr());
    op.attributes.set("device", supported ? device : fallback);
    if (supported) continue;
    op.attributes.set("lacking", supported.error().message);
    all = false;
  }
  return all ? graph : placed;
}

std::vector<OpId> placedOn(const ir::Module& graph, const std::string& device) {
  std::vector<OpId> found;
  for (OpId id : graph.region(graph.top()).ops) {
    const ir::Attributes& attributes = graph.op(id).attributes;
    if (graph.op(id).opcode != Opcode::Compute || !attributes.has("device")) continue;
    if (attributes.get<std::string>("device") == device) found.push_back(id);
  }
  return found;
}

}  // namespace quartet::sched
