// Rammer: packs independent task sets into waves.
#pragma once

#include "sched/env.h"

namespace quartet::sched {

/// Needs: a plan whose root is a seq of task sets with tiles.
/// Gives: the same task sets as a seq of `par` at stream level, each one launch: a task set stands
/// in the first wave after everything that it depends on (true, anti and output dependences through
/// buffers, aliases included). Off: one task set per wave, in program order.
Result<ir::Module> rammer(ir::Module plan, const Budget& budget, const Env& env);

}  // namespace quartet::sched
