// Measuring what Roller predicts.
#pragma once

#include "sched/env.h"

namespace quartet::sched {

/// The alternatives of `tiles`, the fastest by `env.measure` first, with their measured times; as
/// they are where there is but one, or where none runs by itself.
TileSource measuredTiles(TileSource tiles);

}  // namespace quartet::sched
