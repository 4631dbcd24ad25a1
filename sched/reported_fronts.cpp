#include "sched/reported_fronts.h"

namespace quartet::sched {

TileSource reportedFronts(TileSource tiles, TileSource fronts) {
  return [tiles = std::move(tiles), fronts = std::move(fronts)](
             const Region& region, const Budget& budget,
             const Env& env) -> Result<std::vector<Alternative>> {
    Env asked = env;
    asked.options.front = true;
    env.reportFront(QT_TRY(fronts(region, budget, asked)));
    return tiles(region, budget, env);
  };
}

}  // namespace quartet::sched
