// Roller: tiles. Task set -> task sets with rTiles at every level.
#pragma once

#include "sched/env.h"

namespace quartet::sched {

/// Needs: a region with one task set whose tiles are empty.
/// Gives: alternatives, best first: the task set with the governing tile's rTile set, layouts of
/// free buffers and of constant operands (packing) chosen with it; a reduction that reads a padded
/// operand often gets a padded copy of it as a task set of its own; a convolution may become
/// several (winograd.h). With Options::front, those of front.h. What their groups take of units
/// stands with them. Tiles obey the description's limits (registers, invocations, lanes). Off:
/// scalar tiles, row-major. Source: Roller (OSDI'22) sections 3 and 4, with the classification of
/// axes instead of operators.
Result<std::vector<Alternative>> roller(const Region& region, const Budget& budget, const Env& env);

}  // namespace quartet::sched
