// Shapes of rTiles: register tile, loop order.
#pragma once

#include "sched/roller/axes.h"

namespace quartet::sched {

/// Whether kernels that compute one vector at a time keep to the device's loop iterations; single
/// points always do, or the device does not support the expression.
bool vectorsFitLoops(const TaskView& view, const LaneChoice& lane, const hwdb::Description& device);

/// A tile without its group level but for slices of the reduction: registers, the unrolling of the
/// innermost reduction axis, the order of loops.
struct RegisterTile {
  ir::Tile tile;
  /// That its main loops are predicted to take of one unit, for all of the task set. 0: not known.
  double cycles = 0;
  double alone = 0;      // once `cycles` counts units that its groups leave idle: without them
  double gigaflops = 0;  // of the matrix unit that the tile is made of; 0: none
  /// What it waits for memory, over what it waits with the groups that are chosen for it.
  double stretch = 1;
};

/// The register tiles within the register budget, those with the shortest predicted time first; one
/// at least.
std::vector<RegisterTile> registerTiles(const TaskView& view, const LaneChoice& lane,
                                        const hwdb::Description& device);

/// 32-bit registers of an invocation (on a CPU: vector registers times lanes) that a reduction's
/// register tile takes, as counted against the device's budget: all states, one tuple on its way to
/// replace another, the vectors that a step loads; of an invocation, addresses and counters too.
int64_t tileRegisters(const TaskView& view, const ir::Tile& tile, const hwdb::Description& device);

/// Axes whose points share all vectors that are loaded at each reduction step: the rows of a
/// contraction. Empty when there is nothing to reuse.
const std::vector<int>& rowAxes(const TaskView& view, const LaneChoice& lane);

/// Extents of a tile: an empty axis still has a tile of one.
std::vector<int64_t> positive(std::vector<int64_t> extents);

/// Scalar tiles, one group per row of the innermost domain axis: what a plan gets with Roller off.
ir::Tile scalarTile(const TaskView& view, const hwdb::Description& device);

}  // namespace quartet::sched
