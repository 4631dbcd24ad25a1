#include "sched/roller/roller.h"

#include <algorithm>

#include "sched/cost/operations.h"
#include "sched/cost/traffic.h"
#include "sched/roller/merging.h"
#include "sched/roller/packing.h"
#include "sched/roller/padding.h"
#include "sched/roller/shape.h"

namespace quartet::sched {

using ir::Opcode;
using ir::OpId;
using ir::ValueId;

namespace {

/// Gives the free buffers that a task set writes the layout in which its lanes are contiguous.
void setFreeLayouts(ir::Module& plan, const TaskView& view, const LaneChoice& lane) {
  for (const Access& access : view.accesses) {
    if (!access.write || !view.isFree(access.buffer)) continue;
    ir::Layout layout;
    if (lane.axis >= 0 && lane.axis + 1 < view.rank()) {
      std::vector<int> order;
      for (int axis = 0; axis < view.rank(); ++axis) {
        if (axis != lane.axis) order.push_back(axis);
      }
      order.push_back(lane.axis);
      layout = ir::Layout::permutation(order);
    }
    plan.value(access.buffer).type.layout = layout;
  }
}

Work workOf(const TaskView& view, const LaneChoice& lane) {
  Work work;
  const auto points = static_cast<double>(view.domainCount());
  const auto steps = static_cast<double>(view.reductionCount());
  for (OpId id : view.plan->region(view.plan->op(view.tasks).regions[0]).ops) {
    const ir::Op& op = view.plan->op(id);
    if (op.opcode == Opcode::Tile)
      work.flops += operationsOf(op.attributes.expr(), view.plan->symbols);
  }
  work.bytes = trafficBytes(*view.plan, view.accesses, view.extents);
  double accesses = 0;
  for (const Access& access : view.accesses) {
    accesses += access.perPoint ? points : points * steps;
  }
  work.vectorOperations = std::max(accesses, points * steps) / static_cast<double>(lane.lanes);
  return work;
}

/// What the task set is expected to cost stands with it, for reports and for the runtime.
double predict(ir::Module& plan, OpId tasks, const Work& work, const Env& env) {
  const double microseconds = env.cost(work, env.device);
  ir::Attributes& attributes = plan.op(tasks).attributes;
  attributes.set("flops", work.flops);
  attributes.set("bytes", work.bytes);
  attributes.set("microseconds", microseconds);
  return microseconds;
}

/// What a plan gets with Roller off.
double scalarTaskSet(ir::Module& plan, OpId tasks, const Env& env) {
  const TaskView view = viewOf(plan, tasks, {});
  plan.op(view.anchor).attributes.set("tile", scalarTile(view, env.device));
  return predict(plan, tasks, workOf(view, {}), env);
}

/// Chooses everything for one task set of `plan`; returns its predicted time.
double tileTaskSet(ir::Module& plan, OpId tasks, const std::vector<ValueId>& freeLayout,
                   const Budget& budget, const Env& env) {
  const std::vector<MergedBuffer> merged = mergeAxes(plan, tasks, freeLayout);
  std::vector<ValueId> free = freeLayout;
  for (const MergedBuffer& buffer : merged) {
    const bool open = std::find(free.begin(), free.end(), buffer.buffer) != free.end();
    if (open) free.push_back(buffer.alias);
  }
  const TaskView view = viewOf(plan, tasks, std::move(free));
  LaneChoice lane = chooseLanes(view, env.device);
  if (!vectorsFitLoops(view, lane, env.device)) lane = {};
  setFreeLayouts(plan, view, lane);
  for (const MergedBuffer& buffer : merged) {
    if (!view.isFree(buffer.alias)) continue;
    ir::Type& type = plan.value(buffer.buffer).type;
    type.layout =
        buffer.expand(plan.type(buffer.alias).layout, static_cast<int>(type.shape.size()));
  }
  ir::Tile tile = chooseRegisterTile(view, lane, env.device);
  const Work work = workOf(view, lane);
  double microseconds = predict(plan, tasks, work, env);
  chooseGroupTile(view, work, budget, env.device, tile);
  packConstants(plan, view, tile, env.device);
  const std::vector<OpId> copies = packOperands(plan, view, tile, env.device);
  plan.op(view.anchor).attributes.set("tile", std::move(tile));
  for (const OpId copy : copies) microseconds += tileTaskSet(plan, copy, {}, budget, env);
  return microseconds;
}

}  // namespace

Result<std::vector<Alternative>> roller(const Region& region, const Budget& budget,
                                        const Env& env) {
  Alternative alternative{region.plan, 0};
  ir::Module& plan = alternative.plan;
  std::vector<ValueId> freeLayout;
  const auto& parameters = plan.region(plan.top()).parameters;
  for (size_t i = 0; i < parameters.size(); ++i) {
    if (region.freeLayout[i]) freeLayout.push_back(parameters[i]);
  }
  const OpId tasks = taskSets(plan).at(0);
  if (!env.options.roller) {
    alternative.microseconds = scalarTaskSet(plan, tasks, env);
    return std::vector<Alternative>{std::move(alternative)};
  }
  padOperands(plan, tasks, env.device);
  for (OpId each : taskSets(plan)) {
    alternative.microseconds += tileTaskSet(plan, each, freeLayout, budget, env);
  }
  return std::vector<Alternative>{std::move(alternative)};
}

}  // namespace quartet::sched
