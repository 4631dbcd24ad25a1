#include "sched/roller/roller.h"

#include <algorithm>
#include <random>

#include "sched/cost/operations.h"
#include "sched/cost/traffic.h"
#include "sched/roller/merging.h"
#include "sched/roller/packing.h"
#include "sched/roller/padding.h"
#include "sched/roller/plan_cycles.h"
#include "sched/roller/shape.h"
#include "sched/roller/winograd.h"

namespace quartet::sched {

using ir::Opcode;
using ir::OpId;
using ir::ValueId;

namespace {

/// Other lanes than those whose accesses cost least are taken when their predicted time is below so
/// much of the others'.
constexpr double kClearly = 0.95;

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
  Tiling(ir::Module& plan, OpId tasks, const std::vector<ValueId>& freeLayout, const Env& env);

  const std::vector<RegisterTile>& tiles() const { return tiles_; }
  /// Completes `plan`, which is the constructor's or a copy of it, with one of the tiles and all
  /// that follows from it: layouts of free buffers and of constants, copies. The predicted time.
  double apply(ir::Module& plan, const RegisterTile& chosen, const Budget& budget,
               const Env& env) const;

 private:
  void addTiles(std::vector<RegisterTile> tiles);

  OpId tasks_;
  std::vector<ValueId> free_;
  std::vector<MergedBuffer> merged_;
  std::vector<RegisterTile> tiles_;
};

Tiling::Tiling(ir::Module& plan, OpId tasks, const std::vector<ValueId>& freeLayout, const Env& env)
    : tasks_(tasks), free_(freeLayout) {
  merged_ = mergeAxes(plan, tasks, freeLayout);
  for (const MergedBuffer& buffer : merged_) {
    const bool open = std::find(free_.begin(), free_.end(), buffer.buffer) != free_.end();
    if (open) free_.push_back(buffer.alias);
  }
  const TaskView view = viewOf(plan, tasks, free_);
  for (LaneChoice lane : laneChoices(view, env.device)) {
    if (!vectorsFitLoops(view, lane, env.device)) lane = {};
    if (lane.axis < 0 && !tiles_.empty()) continue;
    addTiles(registerTiles(view, lane, env.device));
    // Of maps, the cost of accesses is all that is known. Lanes that decide on a layout decide for
    // its readers too, whose time the models do not know.
    if (!view.reduces() || writesFree(view)) break;
  }
}

/// Those of another choice of lanes. The first stays the first unless it is clearly slower.
void Tiling::addTiles(std::vector<RegisterTile> tiles) {
  if (tiles_.empty()) {
    tiles_ = std::move(tiles);
    return;
  }
  const bool better = tiles.front().cycles < kClearly * tiles_.front().cycles;
  const RegisterTile first = better ? tiles.front() : tiles_.front();
  (better ? tiles : tiles_).erase((better ? tiles : tiles_).begin());
  tiles_.insert(tiles_.end(), tiles.begin(), tiles.end());
  std::stable_sort(tiles_.begin(), tiles_.end(), [](const RegisterTile& a, const RegisterTile& b) {
    return a.cycles < b.cycles;
  });
  tiles_.insert(tiles_.begin(), first);
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
  chooseGroupTile(view, work, budget, env.device, tile);
  packConstants(plan, view, tile, env.device);
  const std::vector<OpId> copies = packOperands(plan, view, tile, env.device);
  plan.op(view.anchor).attributes.set("tile", std::move(tile));
  for (const OpId copy : copies) {
    const Tiling copied(plan, copy, {}, env);
    microseconds += copied.apply(plan, copied.tiles().front(), budget, env);
  }
  return microseconds;
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

/// A task set by Winograd's algorithm, each of its task sets with the tile that is best for it,
/// where it is a convolution and that is clearly faster than `direct`.
std::optional<Alternative> winogradAlternative(const ir::Module& plan, OpId tasks,
                                               std::vector<ValueId> freeLayout,
                                               const Alternative& direct, const Budget& budget,
                                               const Env& env) {
  auto way = winograd(plan, tasks, env.device);
  if (!way) return std::nullopt;
  Alternative made{std::move(way->plan), 0};
  freeLayout.insert(freeLayout.end(), way->intermediates.begin(), way->intermediates.end());
  for (const OpId each : taskSets(made.plan)) {
    const Tiling tiling(made.plan, each, freeLayout, env);
    made.microseconds += tiling.apply(made.plan, tiling.tiles().front(), budget, env);
    for (const OpId id : made.plan.region(made.plan.op(each).regions[0]).ops) {
      const ir::Op& op = made.plan.op(id);
      if (op.opcode != Opcode::Write) continue;
      std::erase(freeLayout, aliasRoot(made.plan, op.operands[1]));  // its layout is chosen
    }
  }
  const bool cycles = countsCycles(env.device);
  const double time = cycles ? planCycles(made.plan, env.device) : made.microseconds;
  const double other = cycles ? planCycles(direct.plan, env.device) : direct.microseconds;
  if (!env.options.winograd && time >= kClearly * other) return std::nullopt;
  transformWeights(made.plan, way->weights);
  return made;
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
  const OpId tasks = taskSets(plan).at(0);
  if (!env.options.roller) {
    const double microseconds = scalarTaskSet(plan, tasks, env);
    return std::vector<Alternative>{{std::move(plan), microseconds}};
  }
  padOperands(plan, tasks, env.device);
  double copies = 0;
  for (const OpId each : taskSets(plan)) {
    if (each == tasks) continue;
    const Tiling tiling(plan, each, freeLayout, env);
    copies += tiling.apply(plan, tiling.tiles().front(), budget, env);
  }
  const Tiling tiling(plan, tasks, freeLayout, env);
  std::vector<Alternative> alternatives;
  for (const RegisterTile& tile : selected(tiling.tiles(), env.options)) {
    Alternative alternative{plan, copies};
    alternative.microseconds += tiling.apply(alternative.plan, tile, budget, env);
    alternatives.push_back(std::move(alternative));
  }
  if (env.options.winograd.value_or(true) && !env.options.drawTiles) {
    auto other = winogradAlternative(region.plan, tasks, freeLayout, alternatives[0], budget, env);
    if (other) {
      if (env.options.winograd) alternatives.clear();
      alternatives.insert(alternatives.begin(), std::move(*other));
      alternatives.resize(std::min(alternatives.size(),
                                   static_cast<size_t>(std::max(env.options.alternatives, 1))));
    }
  }
  return alternatives;
}

}  // namespace quartet::sched
