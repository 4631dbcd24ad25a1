#include "sched/roller/roller.h"

#include <algorithm>
#include <iterator>
#include <random>

#include "sched/roller/front.h"
#include "sched/roller/plan_cycles.h"
#include "sched/roller/resources.h"
#include "sched/roller/ways.h"

namespace quartet::sched {

using ir::ValueId;

namespace {

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
  const auto choose = [&](const Tiling& tiling, const ir::Module&) {
    return selected(tiling.tiles(), env.options);
  };
  return completed(directWay(std::move(plan), freeLayout, env), freeLayout, choose, budget, env);
}

/// The plan of a way, each of its task sets with the tile that is best for it.
Alternative bestOf(const Way& way, const std::vector<ValueId>& freeLayout, const Budget& budget,
                   const Env& env) {
  const auto choose = [](const Tiling& tiling, const ir::Module&) {
    return std::vector<RegisterTile>{tiling.tiles().front()};
  };
  return std::move(completed(way, freeLayout, choose, budget, env).front());
}

/// Whether another way is clearly faster than all of `direct`. It may round differently: on a CPU,
/// neither what is measured at first use nor the threads in use may decide.
bool clearlyFaster(const Alternative& other, const Alternative& direct, const Env& env) {
  if (!countsCycles(env.device)) return other.microseconds < kClearly * direct.microseconds;
  return planCycles(other.plan, env.device) < kClearly * planCycles(direct.plan, env.device);
}

/// The task set of a region by the device's matrix units; none where no unit fits.
std::vector<Alternative> byMatrixUnits(const ir::Module& plan,
                                       const std::vector<ValueId>& freeLayout, const Budget& budget,
                                       const Env& env) {
  if (env.options.drawTiles) return {};
  const auto choose = [&](const Tiling& tiling, const ir::Module&) {
    return selected(tiling.tiles(), env.options);
  };
  return completed(matrixWay(plan), freeLayout, choose, budget, env);
}

/// Without matrix units: those that are clearly faster than others in front.
std::vector<Alternative> byVectors(const ir::Module& plan, const std::vector<ValueId>& freeLayout,
                                   const Budget& budget, const Env& env) {
  const std::optional<Way> way = env.options.drawTiles ? std::nullopt : otherWay(plan, env);
  if (!way) return directAlternatives(plan, freeLayout, budget, env);
  const bool all = env.options.alternatives > 1;
  std::vector<Alternative> direct;
  if (!way->asked) {
    const Budget machine = machineBudget(env.device);
    direct = directAlternatives(plan, freeLayout, machine, env);
    const bool wins = clearlyFaster(bestOf(*way, freeLayout, machine, env), direct[0], env);
    if (machine.units != budget.units && (!wins || all)) {
      direct = directAlternatives(plan, freeLayout, budget, env);
    }
    if (!wins) return direct;
  }
  std::vector<Alternative> alternatives{bestOf(*way, freeLayout, budget, env)};
  way->fillConstants(alternatives[0].plan);
  if (all) std::move(direct.begin(), direct.end(), std::back_inserter(alternatives));
  return alternatives;
}

/// All ways, those that are clearly faster than others in front.
std::vector<Alternative> alternativesOf(const ir::Module& plan,
                                        const std::vector<ValueId>& freeLayout,
                                        const Budget& budget, const Env& env) {
  std::vector<Alternative> first = byVectors(plan, freeLayout, budget, env);
  std::vector<Alternative> second = byMatrixUnits(plan, freeLayout, budget, env);
  if (second.empty()) return first;
  if (second[0].microseconds < kClearly * first[0].microseconds) std::swap(first, second);
  std::move(second.begin(), second.end(), std::back_inserter(first));
  return first;
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
  std::vector<Alternative> alternatives;
  if (!env.options.roller) {
    const double microseconds = scalarTaskSet(plan, taskSets(plan).at(0), budget, env);
    alternatives.push_back({std::move(plan), microseconds});
  } else if (env.options.front) {
    return front(plan, freeLayout, budget, env);
  } else {
    alternatives = alternativesOf(plan, freeLayout, budget, env);
    const auto most = static_cast<size_t>(std::max(env.options.alternatives, 1));
    if (alternatives.size() > most) alternatives.resize(most);
  }
  for (Alternative& alternative : alternatives) setDemand(alternative, budget, env);
  return alternatives;
}

}  // namespace quartet::sched
