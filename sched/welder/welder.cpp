#include "sched/welder/welder.h"

#include <algorithm>
#include <map>

#include "sched/fragment.h"
#include "sched/task_set.h"

namespace quartet::sched {

using ir::Opcode;
using ir::OpId;
using ir::ValueId;

namespace {

/// Whether a task set writes its results row-major whatever its lanes: they are no domain points.
bool placesResults(const ir::Module& plan, OpId tasks) {
  const ir::TensorExpr& expr = plan.op(governingTile(plan, tasks)).attributes.expr();
  return expr.writesEachStep() || expr.form == ir::TensorExpr::Form::Opaque;
}

/// Buffers whose layout is still open: made by the plan, not aliased, of two axes or more, written
/// by domain points.
std::vector<bool> openLayouts(const ir::Module& plan) {
  std::vector<bool> open(static_cast<size_t>(plan.valueCount()), false);
  for (OpId id : plan.region(plan.top()).ops) {
    const ir::Op& op = plan.op(id);
    if (op.opcode != Opcode::Buffer) continue;
    if (op.operands.empty()) {
      open[static_cast<size_t>(op.results[0].index)] = plan.type(op.results[0]).shape.size() > 1;
    } else {
      open[static_cast<size_t>(aliasRoot(plan, op.operands[0]).index)] = false;
    }
  }
  for (OpId tasks : taskSets(plan)) {
    if (!placesResults(plan, tasks)) continue;
    for (OpId id : plan.region(plan.op(tasks).regions[0]).ops) {
      const ir::Op& op = plan.op(id);
      if (op.opcode == Opcode::Write) open[static_cast<size_t>(op.operands[1].index)] = false;
    }
  }
  return open;
}

}  // namespace

Result<ir::Module> welder(ir::Module plan, const Budget& budget, const TileSource& tiles,
                          const Env& env) {
  if (env.options.welder) plan = joinTaskSets(plan, env.device);
  std::vector<bool> open = openLayouts(plan);

  ir::Module out(ir::Level::Plan, plan.name);
  out.symbols = plan.symbols;
  out.outputs = plan.outputs;
  std::map<ValueId, ValueId> buffers;
  for (ValueId parameter : plan.region(plan.top()).parameters) {
    buffers[parameter] =
        out.addParameter(out.top(), plan.type(parameter), plan.value(parameter).name);
  }
  for (OpId id : plan.region(plan.top()).ops) {
    const ir::Op& op = plan.op(id);
    if (op.opcode != Opcode::Buffer) continue;
    std::vector<ValueId> operands;
    for (ValueId operand : op.operands) {
      if (!buffers.contains(operand)) {  // an alias of a constant
        const ir::Op& constant = plan.op(plan.value(operand).definition);
        buffers[operand] = out.result(
            out.addOp(out.top(), Opcode::Constant, {}, {plan.type(operand)}, constant.attributes));
        const std::string& hash = constant.attributes.get<std::string>("hash");
        out.constants[hash] = plan.constants.at(hash);
      }
      operands.push_back(buffers.at(operand));
    }
    const OpId made = out.addOp(out.top(), Opcode::Buffer, std::move(operands),
                                {plan.type(op.results[0])}, op.attributes, {}, op.origin);
    buffers[op.results[0]] = out.result(made);
    out.value(out.result(made)).name = plan.value(op.results[0]).name;
  }

  const ir::RegionId body = out.addRegion();
  for (OpId tasks : taskSets(plan)) {
    std::vector<ValueId> outer;
    const Region region = extract(plan, tasks, open, outer);
    std::vector<Alternative> alternatives = QT_TRY(tiles(region, budget, env));
    QT_ASSERT(!alternatives.empty(), "no way to compute a task set");
    const auto best = std::min_element(
        alternatives.begin(), alternatives.end(),
        [](const Alternative& a, const Alternative& b) { return a.microseconds < b.microseconds; });
    // What the tiles decided about layouts holds for all later readers.
    const auto& parameters = best->plan.region(best->plan.top()).parameters;
    std::vector<ValueId> places;
    for (size_t i = 0; i < outer.size(); ++i) {
      plan.value(outer[i]).type.layout = best->plan.type(parameters[i]).layout;
      open[static_cast<size_t>(outer[i].index)] = false;
      places.push_back(buffers.at(outer[i]));
      out.value(places.back()).type.layout = plan.type(outer[i]).layout;
    }
    splice(best->plan, out, body, places, plan.op(tasks).attributes.get<std::string>("name"));
  }
  out.addOp(out.top(), Opcode::Seq, {}, {}, {}, {body});
  out.addOp(out.top(), Opcode::Return, {}, {});
  return out;
}

}  // namespace quartet::sched
