#include "sched/measured_tiles.h"

#include <algorithm>
#include <cmath>

namespace quartet::sched {

TileSource measuredTiles(TileSource tiles) {
  return [tiles = std::move(tiles)](const Region& region, const Budget& budget,
                                    const Env& env) -> Result<std::vector<Alternative>> {
    std::vector<Alternative> alternatives = QT_TRY(tiles(region, budget, env));
    if (alternatives.size() < 2) return alternatives;
    const std::vector<double> times = QT_TRY(env.measure(alternatives));
    QT_ASSERT(times.size() == alternatives.size(), "a time for each alternative");
    if (std::isinf(*std::min_element(times.begin(), times.end()))) return alternatives;
    for (size_t i = 0; i < times.size(); ++i) alternatives[i].microseconds = times[i];
    std::stable_sort(
        alternatives.begin(), alternatives.end(),
        [](const Alternative& a, const Alternative& b) { return a.microseconds < b.microseconds; });
    return alternatives;
  };
}

}  // namespace quartet::sched
