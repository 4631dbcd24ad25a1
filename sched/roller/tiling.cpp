#include "sched/roller/tiling.h"

#include <algorithm>

#include "sched/cost/operations.h"
#include "sched/cost/traffic.h"
#include "sched/roller/group_tile.h"
#include "sched/roller/matrix_units.h"
#include "sched/roller/packing.h"
#include "sched/roller/padded_boxes.h"
#include "sched/roller/streaming.h"

namespace quartet::sched {

using ir::Opcode;
using ir::OpId;
using ir::ValueId;

namespace {

/// Another tile with the same lanes is taken when its predicted time is below so much of that of
/// the first.
constexpr double kBetter = 0.999;

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

/// What the task set is expected to cost stands with it, for reports and for the runtime.
double predict(ir::Module& plan, OpId tasks, const Work& work, const RegisterTile& tile,
               const Budget& budget, const Env& env) {
  const double microseconds = timeOf(work, tile, budget, env);
  const double cycles = tile.alone > 0 ? tile.alone : tile.cycles;
  ir::Attributes& attributes = plan.op(tasks).attributes;
  attributes.set("flops", work.flops);
  attributes.set("bytes", work.bytes);
  if (cycles > 0) attributes.set("cycles", cycles);
  if (tile.gigaflops > 0) attributes.set("gigaflops", tile.gigaflops);
  attributes.set("microseconds", microseconds);
  return microseconds;
}

}  // namespace

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

double besideSteps(const TaskView& view, const ir::Tile& tile, const hwdb::Description& device) {
  if (!view.reduces()) return 0;
  return paddedBoxCycles(view, tile, device) + scatteredWriteCycles(view, tile, device);
}

double timeOf(Work work, const RegisterTile& tile, const Budget& budget, const Env& env) {
  work.cycles = tile.cycles;
  work.gigaflops = tile.gigaflops;
  work.flops *= tile.stretch;
  work.bytes *= tile.stretch;
  work.units = budget.units;
  return env.cost(work, env.device);
}

double scalarTaskSet(ir::Module& plan, OpId tasks, const Budget& budget, const Env& env) {
  const TaskView view = viewOf(plan, tasks, {});
  plan.op(view.anchor).attributes.set("tile", scalarTile(view, env.device));
  return predict(plan, tasks, workOf(view, {}), {}, budget, env);
}

namespace {

/// Register tiles of one choice of lanes, with their groups; the best first.
struct LaneTiles {
  std::vector<int> sums;  // of the first: in which order it adds up
  double alone = 0;       // cycles of the best, did all units always have work
  std::vector<RegisterTile> tiles;
};

/// What decides on the order in which a reduction adds up, and so on its bits: its loops, the axis
/// whose lanes have sums of their own, and whether the innermost loop is unrolled whole: then
/// compilers know what the first step adds to, and may contract the sum of the first two products
/// either way.
std::vector<int> sumsOf(const TaskView& view, const ir::Tile& tile) {
  std::vector<int> sums{tile.laneAxis >= view.rank() ? tile.laneAxis : -1};
  for (const int axis : tile.order) {
    if (axis >= view.rank()) sums.push_back(axis);
  }
  if (!view.reduces()) return sums;
  const auto innermost = static_cast<size_t>(sums.back());
  sums.push_back(sums.size() > 1 && tile.reg[innermost] >= view.extents[innermost] ? 1 : 0);
  return sums;
}

bool byCycles(const RegisterTile& a, const RegisterTile& b) { return a.cycles < b.cycles; }

LaneTiles laneTiles(const TaskView& view, const LaneChoice& lane, const Budget& budget,
                    const Env& env) {
  LaneTiles of;
  of.tiles = registerTiles(view, lane, env.device);
  const Work work = workOf(view, lane);
  for (RegisterTile& tile : of.tiles) {
    chooseGroupTile(view, work, budget, env.device, tile.tile);
    choosePaddedBoxes(view, env.device, tile.tile);
    tile.alone = tile.cycles + besideSteps(view, tile.tile, env.device);
    tile.cycles = tile.alone * imbalance(view, tile.tile, budget.units);
  }
  // What the models of a reduction's steps do not count may make another one the best.
  auto first = of.tiles.begin();
  for (auto tile = of.tiles.begin(); tile != of.tiles.end(); ++tile) {
    if (tile->alone < kBetter * first->alone) first = tile;
  }
  std::rotate(of.tiles.begin(), first, first + 1);
  of.alone = of.tiles.front().alone;
  of.sums = sumsOf(view, of.tiles.front().tile);
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

}  // namespace

Tiling::Tiling(ir::Module& plan, OpId tasks, const std::vector<ValueId>& freeLayout,
               const Budget& budget, const Env& env, Base base)
    : tasks_(tasks), free_(freeLayout) {
  merged_ = mergeAxes(plan, tasks, freeLayout);
  for (const MergedBuffer& buffer : merged_) {
    const bool open = std::find(free_.begin(), free_.end(), buffer.buffer) != free_.end();
    if (open) free_.push_back(buffer.alias);
  }
  const TaskView view = viewOf(plan, tasks, free_);
  if (base == Base::MatrixUnits) {
    tiles_ = matrixTiles(view, budget, env.device);
    return;
  }
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
  const TaskView view = this->view(plan);
  ir::Tile tile = chosen.tile;
  const LaneChoice lane{tile.laneAxis, tile.lanes};
  setFreeLayouts(plan, view, lane);
  for (const MergedBuffer& buffer : merged_) {
    if (!view.isFree(buffer.alias)) continue;
    ir::Type& type = plan.value(buffer.buffer).type;
    type.layout =
        buffer.expand(plan.type(buffer.alias).layout, static_cast<int>(type.shape.size()));
  }
  double microseconds = predict(plan, tasks_, workOf(view, lane), chosen, budget, env);
  std::vector<OpId> copies;
  if (tile.unit.empty()) {  // whose slices are brought from wherever operands lie
    packConstants(plan, view, tile, env.device);
    copies = packOperands(plan, view, tile, env.device);
    streamWrites(plan, view, tile, env.device);
  }
  plan.op(view.anchor).attributes.set("tile", std::move(tile));
  for (const OpId copy : copies) {
    const Tiling copied(plan, copy, {}, budget, env);
    microseconds += copied.apply(plan, copied.tiles().front(), budget, env);
  }
  return microseconds;
}

double applyBest(ir::Module& plan, OpId tasks, const std::vector<ValueId>& freeLayout,
                 const Budget& budget, const Env& env) {
  const Tiling tiling(plan, tasks, freeLayout, budget, env);
  return tiling.apply(plan, tiling.tiles().front(), budget, env);
}

}  // namespace quartet::sched
