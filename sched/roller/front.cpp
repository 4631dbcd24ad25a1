#include "sched/roller/front.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <numeric>

#include "sched/roller/group_tile.h"
#include "sched/roller/packing.h"
#include "sched/roller/padded_boxes.h"
#include "sched/roller/resources.h"
#include "sched/roller/ways.h"

namespace quartet::sched {

namespace {

/// The next number of so many binary digits.
double roundUp(double value, int digits) {
  int exponent = 0;
  const double fraction = std::frexp(value, &exponent);
  return std::ldexp(std::ceil(std::ldexp(fraction, digits)), exponent - digits);
}

Measures measuresOf(double microseconds, double unitMicroseconds, const Resources& resources) {
  constexpr int kUnitTimeDigits = 6;
  const auto power = [](int64_t amount) { return roundUp(static_cast<double>(amount), 1); };
  return {microseconds, roundUp(unitMicroseconds, kUnitTimeDigits), power(resources.workgroupBytes),
          power(resources.privateBytes), power(resources.registers)};
}

bool asGood(const Measures& a, const Measures& b) {
  return std::equal(a.begin(), a.end(), b.begin(), std::less_equal<>());
}

/// What the rest of a plan sees of a tile: lanes decide on layouts, panels on copies.
std::vector<int64_t> seenOf(const TaskView& view, const ir::Tile& tile,
                            const hwdb::Description& device) {
  std::vector<int64_t> seen{tile.laneAxis};
  const std::vector<CopiedOperand> copied = copiedOperands(view, tile, device);
  if (copied.empty()) return seen;
  for (const auto& [access, panel] : copied) {
    seen.insert(seen.end(), {access->buffer.index, panel.axis, panel.width});
  }
  seen.insert(seen.end(), tile.order.begin(), tile.order.end());
  return seen;
}

}  // namespace

Measures measuresOf(const Alternative& alternative) {
  return measuresOf(alternative.microseconds, alternative.unitMicroseconds, alternative.resources);
}

std::vector<size_t> paretoFront(const std::vector<Measures>& all) {
  std::vector<size_t> order(all.size());
  std::iota(order.begin(), order.end(), 0);
  std::stable_sort(order.begin(), order.end(), [&](size_t a, size_t b) { return all[a] < all[b]; });
  std::vector<size_t> members;
  for (const size_t one : order) {  // what is at least as good comes before
    const bool beaten = std::any_of(members.begin(), members.end(),
                                    [&](size_t member) { return asGood(all[member], all[one]); });
    if (!beaten) members.push_back(one);
  }
  return members;
}

namespace {

/// What a task set computes and moves, by the lanes of its tiles.
class WorkByLanes {
 public:
  explicit WorkByLanes(const TaskView& view) : view_(view) {}
  const Work& of(const ir::Tile& tile) {
    const auto [known, isNew] = known_.try_emplace({tile.laneAxis, tile.lanes});
    if (isNew) known->second = workOf(view_, {tile.laneAxis, tile.lanes});
    return known->second;
  }

 private:
  const TaskView& view_;
  std::map<std::pair<int, int64_t>, Work> known_;
};

}  // namespace

std::vector<RegisterTile> candidateTiles(const Tiling& tiling, const ir::Module& plan,
                                         const Budget& budget, const Env& env) {
  const TaskView view = tiling.view(plan);
  WorkByLanes works(view);
  std::vector<RegisterTile> candidates;
  for (const RegisterTile& chosen : tiling.tiles()) {
    candidates.push_back(chosen);
    if (!chosen.tile.unit.empty()) continue;  // tiles of matrix units come with all their groups
    const double idle = imbalance(view, chosen.tile, budget.units);
    const Work& work = works.of(chosen.tile);
    for (ir::Tile& tile : groupTiles(view, work, budget, env.device, chosen.tile)) {
      choosePaddedBoxes(view, env.device, tile);
      if (tile == chosen.tile) continue;
      const double more = imbalance(view, tile, budget.units);
      RegisterTile candidate = chosen;
      candidate.tile = std::move(tile);
      candidate.cycles = chosen.alone * more;
      candidate.stretch = std::max(more / idle, 1.0);
      candidates.push_back(std::move(candidate));
    }
  }
  return candidates;
}

std::vector<RegisterTile> frontTiles(const Tiling& tiling, const ir::Module& plan,
                                     const Budget& budget, const Env& env) {
  const TaskView view = tiling.view(plan);
  const std::vector<RegisterTile> candidates = candidateTiles(tiling, plan, budget, env);
  WorkByLanes works(view);
  DemandModel model(view, budget, env);
  std::vector<Measures> measures;
  std::map<std::vector<int64_t>, std::vector<size_t>> alike;
  for (const RegisterTile& tile : candidates) {
    alike[seenOf(view, tile.tile, env.device)].push_back(measures.size());
    Work work = works.of(tile.tile);
    const double microseconds = timeOf(work, tile, budget, env);
    work.cycles = tile.alone;
    work.gigaflops = tile.gigaflops;
    const Demand demand = model.of(tile.tile, work, microseconds);
    measures.push_back(measuresOf(microseconds, demand.unitMicroseconds, demand.resources));
  }
  std::vector<RegisterTile> tiles;
  for (const auto& [seen, numbers] : alike) {
    std::vector<Measures> own;
    for (const size_t number : numbers) own.push_back(measures[number]);
    for (const size_t member : paretoFront(own)) tiles.push_back(candidates[numbers[member]]);
  }
  return tiles;
}

std::vector<Alternative> front(const ir::Module& plan, const std::vector<ir::ValueId>& freeLayout,
                               const Budget& budget, const Env& env) {
  std::vector<Way> ways;
  if (auto other = otherWay(plan, env)) ways.push_back(*std::move(other));
  if (ways.empty() || !ways[0].asked) {
    for (Way& way : directWays(plan, freeLayout, env)) ways.push_back(std::move(way));
    ways.push_back(matrixWay(plan));
  }
  const auto choose = [&](const Tiling& tiling, const ir::Module& at) {
    return frontTiles(tiling, at, budget, env);
  };
  std::vector<Alternative> candidates;
  std::vector<const Way*> origins;
  std::vector<Measures> measures;
  for (const Way& way : ways) {
    for (Alternative& made : completed(way, freeLayout, choose, budget, env)) {
      setDemand(made, budget, env);
      measures.push_back(measuresOf(made));
      candidates.push_back(std::move(made));
      origins.push_back(&way);
    }
  }
  std::vector<Alternative> members;
  std::map<const Way*, ir::ConstantPool> filled;
  for (const size_t number : paretoFront(measures)) {
    members.push_back(std::move(candidates[number]));
    const Way& way = *origins[number];
    if (!way.fillConstants) continue;
    ir::Module& made = members.back().plan;
    const auto [found, isNew] = filled.try_emplace(&way);
    if (isNew) way.fillConstants(made);
    if (isNew) found->second = made.constants;
    for (auto& [hash, data] : made.constants) {
      const auto known = found->second.find(hash);
      if (known != found->second.end()) data = known->second;
    }
  }
  return members;
}

}  // namespace quartet::sched
