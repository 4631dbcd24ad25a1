#include "sched/roller/roller.h"

#include <algorithm>
#include <functional>
#include <iterator>
#include <random>

#include "sched/cost/operations.h"
#include "sched/cost/traffic.h"
#include "sched/roller/dot_products.h"
#include "sched/roller/group_tile.h"
#include "sched/roller/merging.h"
#include "sched/roller/packing.h"
#include "sched/roller/padded_boxes.h"
#include "sched/roller/padding.h"
#include "sched/roller/plan_cycles.h"
#include "sched/roller/shape.h"
#include "sched/roller/splitting.h"
#include "sched/roller/step_model.h"
#include "sched/roller/streaming.h"
#include "sched/roller/winograd.h"

namespace quartet::sched {

using ir::Opcode;
using ir::OpId;
using ir::ValueId;

namespace {

/// Other lanes than those whose accesses cost least are taken when their predicted time is below so
/// much of the others'.
constexpr double kClearly = 0.95;
/// Another tile with the same lanes is, when it is below so much.
constexpr double kBetter = 0.999;

/// Units are idle for so much more than the work takes, before a reduction is split.
constexpr double kIdle = 1.25;

bool writesFree(const TaskView& view) {
  return std::any_of(view.accesses.begin(), view.accesses.end(), [&](const Access& access) {
    return access.write && view.isFree(access.buffer);
  });
}

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
  if (work.cycles > 0) attributes.set("cycles", work.cycles);
  attributes.set("microseconds", microseconds);
  return microseconds;
}

/// What a plan gets with Roller off.
double scalarTaskSet(ir::Module& plan, OpId tasks, const Env& env) {
  const TaskView view = viewOf(plan, tasks, {});
  plan.op(view.anchor).attributes.set("tile", scalarTile(view, env.device));
  return predict(plan, tasks, workOf(view, {}), env);
}

/// One task set of a plan, before its tile is chosen.
class Tiling {
 public:
  /// Merges axes.
  Tiling(ir::Module& plan, OpId tasks, const std::vector<ValueId>& freeLayout, const Budget& budget,
         const Env& env);

  /// With their groups, the one with the shortest predicted time first.
  const std::vector<RegisterTile>& tiles() const { return tiles_; }
  /// Completes `plan`, which is the constructor's or a copy of it, with one of the tiles and all
  /// that follows from it: layouts of free buffers and of constants, copies. The predicted time.
  double apply(ir::Module& plan, const RegisterTile& chosen, const Budget& budget,
               const Env& env) const;

 private:
  OpId tasks_;
  std::vector<ValueId> free_;
  std::vector<MergedBuffer> merged_;
  std::vector<RegisterTile> tiles_;
};

/// Register tiles of one choice of lanes, with their groups; the best first.
struct LaneTiles {
  std::vector<int> sums;  // of the first: in which order it adds up
  double alone = 0;       // cycles of the best, did all units always have work
  std::vector<RegisterTile> tiles;
};

/// What decides on the order in which a reduction adds up, and so on its bits: its loops, and the
/// axis whose lanes have sums of their own.
std::vector<int> sumsOf(const TaskView& view, const ir::Tile& tile) {
  std::vector<int> sums{tile.laneAxis >= view.rank() ? tile.laneAxis : -1};
  for (const int axis : tile.order) {
    if (axis >= view.rank()) sums.push_back(axis);
  }
  return sums;
}

bool byCycles(const RegisterTile& a, const RegisterTile& b) { return a.cycles < b.cycles; }

LaneTiles laneTiles(const TaskView& view, const LaneChoice& lane, const Budget& budget,
                    const Env& env) {
  LaneTiles of;
  of.tiles = registerTiles(view, lane, env.device);
  of.alone = of.tiles.front().cycles;
  of.sums = sumsOf(view, of.tiles.front().tile);
  const Work work = workOf(view, lane);
  for (RegisterTile& tile : of.tiles) {
    chooseGroupTile(view, work, budget, env.device, tile.tile);
    choosePaddedBoxes(view, env.device, tile.tile);
    tile.alone = tile.cycles;
    tile.cycles *= imbalance(view, tile.tile, budget.units);
  }
  // Units decide among tiles that give the same bits.
  auto best = of.tiles.begin();
  for (auto tile = of.tiles.begin(); tile != of.tiles.end(); ++tile) {
    if (byCycles(*tile, *best) && sumsOf(view, tile->tile) == of.sums) best = tile;
  }
  if (best->cycles < kBetter * of.tiles.front().cycles) {
    std::rotate(of.tiles.begin(), best, best + 1);
  }
  std::stable_sort(of.tiles.begin() + 1, of.tiles.end(), byCycles);
  return of;
}

/// All tiles, the best first: of the first choice of lanes, unless another is clearly faster. Where
/// that gives other bits, what decides is the same for any number of threads: not the groups.
std::vector<RegisterTile> ranked(std::vector<LaneTiles> choices) {
  size_t kind = 0;
  for (size_t i = 1; i < choices.size(); ++i) {
    if (choices[i].alone < kClearly * choices[kind].alone) kind = i;
  }
  const std::vector<int> sums = choices[kind].sums;
  std::optional<size_t> first;
  for (size_t i = 0; i < choices.size(); ++i) {
    if (choices[i].sums != sums) continue;
    const double cycles = choices[i].tiles.front().cycles;
    if (!first || cycles < kClearly * choices[*first].tiles.front().cycles) first = i;
  }
  std::swap(choices[0], choices[*first]);
  std::vector<RegisterTile> tiles;
  for (const LaneTiles& of : choices) tiles.insert(tiles.end(), of.tiles.begin(), of.tiles.end());
  std::stable_sort(tiles.begin() + 1, tiles.end(), byCycles);
  return tiles;
}

Tiling::Tiling(ir::Module& plan, OpId tasks, const std::vector<ValueId>& freeLayout,
               const Budget& budget, const Env& env)
    : tasks_(tasks), free_(freeLayout) {
  merged_ = mergeAxes(plan, tasks, freeLayout);
  for (const MergedBuffer& buffer : merged_) {
    const bool open = std::find(free_.begin(), free_.end(), buffer.buffer) != free_.end();
    if (open) free_.push_back(buffer.alias);
  }
  const TaskView view = viewOf(plan, tasks, free_);
  std::vector<LaneTiles> choices;
  for (LaneChoice lane : laneChoices(view, env.device)) {
    if (!vectorsFitLoops(view, lane, env.device)) lane = {};
    if (lane.axis < 0 && !choices.empty()) continue;
    choices.push_back(laneTiles(view, lane, budget, env));
    // Of maps, the cost of accesses is all that is known. Lanes that decide on a layout decide for
    // its readers too, whose time the models do not know.
    if (!view.reduces() || writesFree(view)) break;
  }
  tiles_ = ranked(std::move(choices));
}

double Tiling::apply(ir::Module& plan, const RegisterTile& chosen, const Budget& budget,
                     const Env& env) const {
  const TaskView view = viewOf(plan, tasks_, free_);
  ir::Tile tile = chosen.tile;
  const LaneChoice lane{tile.laneAxis, tile.lanes};
  setFreeLayouts(plan, view, lane);
  for (const MergedBuffer& buffer : merged_) {
    if (!view.isFree(buffer.alias)) continue;
    ir::Type& type = plan.value(buffer.buffer).type;
    type.layout =
        buffer.expand(plan.type(buffer.alias).layout, static_cast<int>(type.shape.size()));
  }
  Work work = workOf(view, lane);
  work.cycles = chosen.cycles;
  double microseconds = predict(plan, tasks_, work, env);
  if (chosen.alone > 0) plan.op(tasks_).attributes.set("cycles", chosen.alone);
  packConstants(plan, view, tile, env.device);
  const std::vector<OpId> copies = packOperands(plan, view, tile, env.device);
  streamWrites(plan, view, tile, env.device);
  plan.op(view.anchor).attributes.set("tile", std::move(tile));
  for (const OpId copy : copies) {
    const Tiling copied(plan, copy, {}, budget, env);
    microseconds += copied.apply(plan, copied.tiles().front(), budget, env);
  }
  return microseconds;
}

/// Tiles a task set with what is predicted to be fastest; the predicted time.
double applyBest(ir::Module& plan, OpId tasks, const std::vector<ValueId>& freeLayout,
                 const Budget& budget, const Env& env) {
  const Tiling tiling(plan, tasks, freeLayout, budget, env);
  return tiling.apply(plan, tiling.tiles().front(), budget, env);
}

/// All units of the machine, whatever threads are in use: decides where results depend on it.
Budget machineBudget(const hwdb::Description& device) {
  const hwdb::Count& machine = device.machineUnits;
  return {hwdb::given(machine) ? machine.value : device.units.value};
}

/// Cycles that one more launch costs every unit. Where results must not depend on the threads in
/// use, nor on what is measured at first use, what makes a task worth starting makes a launch worth
/// it.
double launchCycles(const hwdb::Description& device) {
  if (hwdb::given(device.gigahertz) && !hwdb::given(device.machineUnits)) {
    return device.launchMicroseconds.value * 1e3 * device.gigahertz.value;
  }
  return static_cast<double>(device.taskVectorOperations.value) / device.fmaPerCycle.value;
}

/// Numbers of parts worth trying: divisors of the extent that fill the units once, twice, four
/// times, with groups that are as many for each part as they are now.
std::vector<int64_t> partCounts(int64_t extent, int64_t units, int64_t groups) {
  std::vector<int64_t> counts;
  for (const int64_t times : {1, 2, 4}) {
    int64_t parts = std::max<int64_t>(ceilDivide(units * times, groups), 2);
    while (parts < extent && extent % parts != 0) ++parts;
    if (parts > extent || (!counts.empty() && counts.back() == parts)) continue;
    counts.push_back(parts);
  }
  return counts;
}

int64_t groupCount(const TaskView& view, const ir::Tile& tile) {
  int64_t groups = 1;
  for (int axis = 0; axis < view.rank(); ++axis) {
    const auto i = static_cast<size_t>(axis);
    groups *= ceilDivide(view.extents[i], std::max<int64_t>(tile.group[i], 1));
  }
  return std::max<int64_t>(groups, 1);
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

/// How a reduction whose groups leave units idle is best split; nothing when it takes less time as
/// it is. Sums in parts are rounded differently: what decides is the same for any number of
/// threads, and nothing is measured at first use.
std::optional<Split> bestSplit(const ir::Module& plan, OpId tasks,
                               const std::vector<ValueId>& freeLayout, const Env& env) {
  const std::optional<int> axis = splitAxis(plan, tasks);
  if (!axis) return std::nullopt;
  const Budget all = machineBudget(env.device);
  if (fillsUnits(viewOf(plan, tasks, freeLayout), all.units, env.device)) return std::nullopt;
  ir::Module whole = plan;
  const Tiling tiling(whole, tasks, freeLayout, all, env);
  const TaskView view = viewOf(whole, tasks, freeLayout);
  const RegisterTile& direct = tiling.tiles().front();
  if (direct.cycles == 0 || imbalance(view, direct.tile, all.units) < kIdle) return std::nullopt;
  const ir::OpId anchor = governingTile(plan, tasks);
  const int64_t extent =
      plan.op(anchor).attributes.expr().reduction[static_cast<size_t>(*axis)].value();
  double best = direct.cycles * kClearly;
  std::optional<Split> chosen;
  for (const int64_t parts : partCounts(extent, all.units, groupCount(view, direct.tile))) {
    const Split split{*axis, parts};
    const double cycles = splitCycles(plan, tasks, freeLayout, split, all, env);
    if (cycles >= best) continue;
    best = cycles;
    chosen = split;
  }
  return chosen;
}

/// The tiles of which alternatives are made: the best, or any, drawn without repetition.
std::vector<RegisterTile> selected(std::vector<RegisterTile> tiles, const Options& options) {
  if (options.drawTiles) {
    std::mt19937_64 random(*options.drawTiles);
    for (size_t i = tiles.size(); i > 1; --i) std::swap(tiles[i - 1], tiles[random() % i]);
  }
  const auto most = static_cast<size_t>(std::max(options.alternatives, 1));
  if (tiles.size() > most) tiles.resize(most);
  return tiles;
}

/// The task sets of a region as they are, padded, in parts where that pays.
std::vector<Alternative> directAlternatives(ir::Module plan, const std::vector<ValueId>& freeLayout,
                                            const Budget& budget, const Env& env) {
  const OpId tasks = taskSets(plan).at(0);
  padOperands(plan, tasks, env.device);
  OpId main = tasks;  // whose tiles are the alternatives, and choose these layouts
  std::vector<ValueId> freeOfMain = freeLayout;
  if (const auto split = bestSplit(plan, tasks, freeLayout, env)) {
    const SplitTasks made = splitReduction(plan, tasks, *split);
    freeOfMain.push_back(made.partial);
    main = made.parts;
  }
  double copies = 0;
  for (const OpId each : taskSets(plan)) {
    if (each == main || each == tasks) continue;
    copies += applyBest(plan, each, freeLayout, budget, env);
  }
  const Tiling tiling(plan, main, freeOfMain, budget, env);
  std::vector<Alternative> alternatives;
  for (const RegisterTile& tile : selected(tiling.tiles(), env.options)) {
    Alternative alternative{plan, copies};
    alternative.microseconds += tiling.apply(alternative.plan, tile, budget, env);
    if (main != tasks) {
      alternative.microseconds += applyBest(alternative.plan, tasks, freeLayout, budget, env);
    }
    alternatives.push_back(std::move(alternative));
  }
  return alternatives;
}

/// Another way to compute a task set than directly: several, one after the other.
struct Way {
  ir::Module plan;
  std::vector<ValueId> intermediates;  // buffers between the task sets; their layouts are open
  std::function<void(ir::Module&)> fillConstants;
  bool asked = false;  // for
};

/// The plan of another way, each of its task sets with the tile that is best for it.
Alternative tiled(const Way& way, std::vector<ValueId> freeLayout, const Budget& budget,
                  const Env& env) {
  Alternative made{way.plan, 0};
  freeLayout.insert(freeLayout.end(), way.intermediates.begin(), way.intermediates.end());
  for (const OpId each : taskSets(made.plan)) {
    made.microseconds += applyBest(made.plan, each, freeLayout, budget, env);
    for (const OpId id : made.plan.region(made.plan.op(each).regions[0]).ops) {
      const ir::Op& op = made.plan.op(id);
      if (op.opcode != Opcode::Write) continue;
      std::erase(freeLayout, aliasRoot(made.plan, op.operands[1]));  // its layout is chosen
    }
  }
  return made;
}

std::optional<Way> otherWay(const ir::Module& plan, const Env& env) {
  if (env.options.drawTiles) return std::nullopt;
  const OpId tasks = taskSets(plan).at(0);
  if (env.options.winograd.value_or(true)) {
    if (auto way = winograd(plan, tasks, env.device)) {
      return Way{std::move(way->plan), std::move(way->intermediates),
                 [weights = std::move(way->weights)](ir::Module& made) {
                   transformWeights(made, weights);
                 },
                 env.options.winograd.value_or(false)};
    }
  }
  if (auto way = dotProducts(plan, tasks, env.device)) {
    return Way{std::move(way->plan),
               {},
               [constants = std::move(way->constants)](ir::Module& made) {
                 fillConstants(made, constants);
               },
               false};
  }
  return std::nullopt;
}

/// Whether another way is clearly faster than all of `direct`. It may round differently: on a CPU,
/// neither what is measured at first use nor the threads in use may decide.
bool clearlyFaster(const Alternative& other, const Alternative& direct, const Env& env) {
  if (!countsCycles(env.device)) return other.microseconds < kClearly * direct.microseconds;
  return planCycles(other.plan, env.device) < kClearly * planCycles(direct.plan, env.device);
}

/// All ways, those that are clearly faster than others in front.
std::vector<Alternative> alternativesOf(const ir::Module& plan,
                                        const std::vector<ValueId>& freeLayout,
                                        const Budget& budget, const Env& env) {
  const std::optional<Way> way = otherWay(plan, env);
  if (!way) return directAlternatives(plan, freeLayout, budget, env);
  const bool all = env.options.alternatives > 1;
  std::vector<Alternative> direct;
  if (!way->asked) {
    const Budget machine = machineBudget(env.device);
    direct = directAlternatives(plan, freeLayout, machine, env);
    const bool wins = clearlyFaster(tiled(*way, freeLayout, machine, env), direct[0], env);
    if (machine.units != budget.units && (!wins || all)) {
      direct = directAlternatives(plan, freeLayout, budget, env);
    }
    if (!wins) return direct;
  }
  std::vector<Alternative> alternatives{tiled(*way, freeLayout, budget, env)};
  way->fillConstants(alternatives[0].plan);
  if (all) std::move(direct.begin(), direct.end(), std::back_inserter(alternatives));
  return alternatives;
}

}  // namespace

Result<std::vector<Alternative>> roller(const Region& region, const Budget& budget,
                                        const Env& env) {
  ir::Module plan = region.plan;
  std::vector<ValueId> freeLayout;
  const auto& parameters = plan.region(plan.top()).parameters;
  for (size_t i = 0; i < parameters.size(); ++i) {
    if (region.freeLayout[i]) freeLayout.push_back(parameters[i]);
  }
  if (!env.options.roller) {
    const double microseconds = scalarTaskSet(plan, taskSets(plan).at(0), env);
    return std::vector<Alternative>{{std::move(plan), microseconds}};
  }
  std::vector<Alternative> alternatives = alternativesOf(plan, freeLayout, budget, env);
  const auto most = static_cast<size_t>(std::max(env.options.alternatives, 1));
  if (alternatives.size() > most) alternatives.resize(most);
  return alternatives;
}

}  // namespace quartet::sched
