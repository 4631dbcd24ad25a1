// The alternatives among which time is traded for what units are taken for.
#pragma once

#include <array>
#include <vector>

#include "sched/roller/tiling.h"

namespace quartet::sched {

/// What alternatives are compared by, less is better in each: time, unit time, bytes of workgroup
/// and of private memory, registers. Unit times count in steps of some hundredths, as well as they
/// are predicted; of resources, the next power of two does: beside a group that takes half, a unit
/// has room for others.
using Measures = std::array<double, 5>;
Measures measuresOf(const Alternative& alternative);

/// The numbers of those than which no other is at least as good in everything, by time, then by
/// what follows it; of equal ones, the first.
std::vector<size_t> paretoFront(const std::vector<Measures>& all);

/// The tiles of a task set of `plan`, each with the groups that it may have (group_tile.h). With
/// groups that leave more units idle than those that chooseGroupTile gives it, it waits for memory
/// longer by as much.
std::vector<RegisterTile> candidateTiles(const Tiling& tiling, const ir::Module& plan,
                                         const Budget& budget, const Env& env);
/// Those of which some plan may be a member of the front: of tiles that ask for the same layouts
/// and copies of the plan's other buffers, those than which no other is at least as good.
std::vector<RegisterTile> frontTiles(const Tiling& tiling, const ir::Module& plan,
                                     const Budget& budget, const Env& env);

/// Needs: `plan` with one task set, not tiled; `freeLayout`: its parameters whose layout may be
/// chosen. Gives: the Pareto front of all ways to compute it (ways.h), of the tiles of each way's
/// main task set and of the groups of each tile, the fastest first. The fastest takes no more time
/// than what Roller chooses otherwise. Results of members may differ in bits: they add up in
/// different orders. With fewer units (Budget), times are those of as many, and bandwidth is the
/// device's. Source: Rammer (OSDI'20), whose selection of rKernels is between the fastest of an
/// operator and the one with the least product of time and tasks.
std::vector<Alternative> front(const ir::Module& plan, const std::vector<ir::ValueId>& freeLayout,
                               const Budget& budget, const Env& env);

}  // namespace quartet::sched
