// Welder: keeps intermediates on chip by joining task sets, and hands every joined set to Roller.
#pragma once

#include "sched/env.h"

namespace quartet::sched {

/// Needs: a plan whose root is a seq of task sets of one untiled tile each.
/// Gives: the plan with elementwise chains joined into the task sets that feed or read them
/// (register edges), every task set tiled by `tiles`, and a layout for every buffer. A map joins a
/// reader when that recomputes nothing dear; a reduction takes the maps on top of it into its
/// registers. Off: no joining. Source: Welder (OSDI'23), register level of the memory hierarchy.
Result<ir::Module> welder(ir::Module plan, const Budget& budget, const TileSource& tiles,
                          const Env& env);

/// The joining alone, without tiles (a plan in, a plan out): for tests.
ir::Module joinTaskSets(const ir::Module& plan, const hwdb::Description& device);

}  // namespace quartet::sched
