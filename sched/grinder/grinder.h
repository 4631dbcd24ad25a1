// Grinder: control flow and placement. Graph -> plan.
#pragma once

#include "sched/env.h"

namespace quartet::sched {

/// Needs: a graph whose computing ops are tensor expressions (ir::express).
/// Gives: a plan with one task set per tensor expression, in the graph's order, every value in a
/// buffer of its own; each straight-line region is handed to `scheduler`.
/// Reshapes become index maps of their readers where that keeps the maps affine, otherwise buffer
/// aliases. An output that is an input, a constant or another output gets a copying task set.
Result<ir::Module> grinder(const ir::Module& graph, const RegionScheduler& scheduler,
                           const Env& env);

}  // namespace quartet::sched
