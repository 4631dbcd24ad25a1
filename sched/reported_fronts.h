// Fronts of alternatives beside what is chosen, for reports.
#pragma once

#include "sched/env.h"

namespace quartet::sched {

/// The alternatives of `tiles`, as they are; `env.reportFront` is told first what `fronts` gives
/// for the same region with Options::front.
TileSource reportedFronts(TileSource tiles, TileSource fronts);

}  // namespace quartet::sched
