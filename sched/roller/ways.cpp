#include "sched/roller/ways.h"

#include <algorithm>

#include "sched/roller/dot_products.h"
#include "sched/roller/group_tile.h"
#include "sched/roller/padding.h"
#include "sched/roller/splitting.h"
#include "sched/roller/step_model.h"
#include "sched/roller/winograd.h"

namespace quartet::sched {

using ir::Opcode;
using ir::OpId;
using ir::ValueId;

Budget machineBudget(const hwdb::Description& device) {
  const hwdb::Count& machine = device.machineUnits;
  return {hwdb::given(machine) ? machine.value : device.units.value};
}

namespace {

/// Units are idle for so much more than the work takes, before a reduction is split.
constexpr double kIdle = 1.25;

/// Cycles that one more launch costs every unit. Where results must not depend on the threads in
/// use, nor on what is measured at first use, what makes a task worth starting makes a launch worth
/// it.
double launchCycles(const hwdb::Description& device) {
  if (hwdb::given(device.gigahertz) && !hwdb::given(device.machineUnits)) {
    return device.launchMicroseconds.value * 1e3 * device.gigahertz.value;
  }
  return static_cast<double>(device.taskVectorOperations.value) / device.fmaPerCycle.value;
}

/// Of all units together.
double splitCycles(ir::Module plan, OpId tasks, std::vector<ValueId> freeLayout, const Split& split,
                   const Budget& budget, const Env& env) {
  const SplitTasks made = splitReduction(plan, tasks, split);
  freeLayout.push_back(made.partial);
  const Tiling parts(plan, made.parts, freeLayout, budget, env);
  parts.apply(plan, parts.tiles().front(), budget, env);
  freeLayout.pop_back();  // its layout is chosen
  const Tiling merge(plan, tasks, freeLayout, budget, env);
  return parts.tiles().front().cycles + merge.tiles().front().cycles +
         static_cast<double>(budget.units) * launchCycles(env.device);
}

/// Whether there are points for several groups of the largest register tiles on every unit.
bool fillsUnits(const TaskView& view, int64_t units, const hwdb::Description& device) {
  const int64_t group =
      device.groupInvocations.value * kMostRows * kMostVectors * device.vectorLanes.value;
  return view.domainCount() / group >= units * device.tasksPerUnit.value;
}

/// Splits of a reduction worth trying, and the cycles that it takes as it is.
struct Splits {
  std::vector<Split> splits;  // none where no units are idle
  double direct = 0;
};
Splits splitsOf(const ir::Module& plan, OpId tasks, const std::vector<ValueId>& freeLayout,
                const Env& env) {
  const std::optional<int> axis = splitAxis(plan, tasks);
  if (!axis) return {};
  const Budget all = machineBudget(env.device);
  if (fillsUnits(viewOf(plan, tasks, freeLayout), all.units, env.device)) return {};
  ir::Module whole = plan;
  const Tiling tiling(whole, tasks, freeLayout, all, env);
  const TaskView view = tiling.view(whole);
  const RegisterTile& direct = tiling.tiles().front();
  if (direct.cycles == 0 || imbalance(view, direct.tile, all.units) < kIdle) return {};
  const OpId anchor = governingTile(plan, tasks);
  const int64_t extent =
      plan.op(anchor).attributes.expr().reduction[static_cast<size_t>(*axis)].value();
  Splits found{{}, direct.cycles};
  for (const int64_t parts : partCounts(extent, all.units, groupCount(view, direct.tile))) {
    found.splits.push_back({*axis, parts});
  }
  return found;
}

/// The best of them; nothing when the reduction takes less time as it is. Sums in parts are rounded
/// differently: what decides is the same for any number of threads, and nothing is measured at
/// first use.
std::optional<Split> bestSplit(const ir::Module& plan, OpId tasks,
                               const std::vector<ValueId>& freeLayout, const Env& env) {
  const auto [splits, direct] = splitsOf(plan, tasks, freeLayout, env);
  double best = direct * kClearly;
  std::optional<Split> chosen;
  for (const Split& split : splits) {
    const double cycles =
        splitCycles(plan, tasks, freeLayout, split, machineBudget(env.device), env);
    if (cycles >= best) continue;
    best = cycles;
    chosen = split;
  }
  return chosen;
}

Way splitWay(ir::Module plan, OpId tasks, const Split& split) {
  const SplitTasks made = splitReduction(plan, tasks, split);
  return {std::move(plan), {made.partial}, made.parts, nullptr, false};
}

/// The task set with the most steps of all points.
OpId mainOf(const ir::Module& plan) {
  OpId main;
  double most = -1;
  for (const OpId tasks : taskSets(plan)) {
    const TaskView view = viewOf(plan, tasks, {});
    const double steps =
        static_cast<double>(view.domainCount()) * static_cast<double>(view.reductionCount());
    if (steps <= most) continue;
    most = steps;
    main = tasks;
  }
  return main;
}

}  // namespace

Way directWay(ir::Module plan, const std::vector<ValueId>& freeLayout, const Env& env) {
  const OpId tasks = taskSets(plan).at(0);
  padOperands(plan, tasks, env.device);
  const std::optional<Split> split = bestSplit(plan, tasks, freeLayout, env);
  if (split) return splitWay(std::move(plan), tasks, *split);
  return {std::move(plan), {}, tasks, nullptr, false};
}

std::vector<Way> directWays(ir::Module plan, const std::vector<ValueId>& freeLayout,
                            const Env& env) {
  const OpId tasks = taskSets(plan).at(0);
  padOperands(plan, tasks, env.device);
  std::vector<Way> ways;
  for (const Split& split : splitsOf(plan, tasks, freeLayout, env).splits) {
    ways.push_back(splitWay(plan, tasks, split));
  }
  ways.push_back({std::move(plan), {}, tasks, nullptr, false});
  return ways;
}

Way matrixWay(ir::Module plan) {
  const OpId tasks = taskSets(plan).at(0);
  return {std::move(plan), {}, tasks, nullptr, false, Base::MatrixUnits};
}

std::optional<Way> otherWay(const ir::Module& plan, const Env& env) {
  const OpId tasks = taskSets(plan).at(0);
  if (env.options.winograd.value_or(true)) {
    if (auto way = winograd(plan, tasks, env.device)) {
      const OpId main = mainOf(way->plan);
      return Way{std::move(way->plan), std::move(way->intermediates), main,
                 [weights = std::move(way->weights)](ir::Module& made) {
                   transformWeights(made, weights);
                 },
                 env.options.winograd.value_or(false)};
    }
  }
  if (auto way = dotProducts(plan, tasks, env.device)) {
    const OpId main = mainOf(way->plan);
    return Way{std::move(way->plan),
               {},
               main,
               [constants = std::move(way->constants)](ir::Module& made) {
                 fillConstants(made, constants);
               },
               false};
  }
  return std::nullopt;
}

namespace {

/// Takes the buffers that a tiled task set writes out of those with an open layout.
void closeLayouts(const ir::Module& plan, OpId tasks, std::vector<ValueId>& freeLayout) {
  for (const OpId id : plan.region(plan.op(tasks).regions[0]).ops) {
    const ir::Op& op = plan.op(id);
    if (op.opcode == Opcode::Write) std::erase(freeLayout, aliasRoot(plan, op.operands[1]));
  }
}

}  // namespace

std::vector<Alternative> completed(const Way& way, std::vector<ValueId> freeLayout,
                                   const ChooseTiles& choose, const Budget& budget,
                                   const Env& env) {
  freeLayout.insert(freeLayout.end(), way.intermediates.begin(), way.intermediates.end());
  const auto tileBest = [&](Alternative& made, OpId tasks, std::vector<ValueId>& open) {
    made.microseconds += applyBest(made.plan, tasks, open, budget, env);
    closeLayouts(made.plan, tasks, open);
  };
  Alternative start{way.plan, 0};
  const std::vector<OpId> sets = taskSets(way.plan);
  const auto main = std::find(sets.begin(), sets.end(), way.main);
  for (auto each = sets.begin(); each != main; ++each) tileBest(start, *each, freeLayout);
  const Tiling tiling(start.plan, way.main, freeLayout, budget, env, way.base);
  std::vector<Alternative> alternatives;
  for (const RegisterTile& tile : choose(tiling, start.plan)) {
    Alternative made = start;
    made.microseconds += tiling.apply(made.plan, tile, budget, env);
    std::vector<ValueId> open = freeLayout;
    closeLayouts(made.plan, way.main, open);
    for (auto each = main + 1; each != sets.end(); ++each) tileBest(made, *each, open);
    alternatives.push_back(std::move(made));
  }
  return alternatives;
}

}  // namespace quartet::sched
