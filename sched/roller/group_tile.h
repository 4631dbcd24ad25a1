// The group level of rTiles: what one task, or the invocations of one group, compute.
#pragma once

#include "sched/roller/axes.h"

namespace quartet::sched {

/// Completes `tile` with the group level: enough groups for the units, invocations filled.
void chooseGroupTile(const TaskView& view, const Work& work, const Budget& budget,
                     const hwdb::Description& device, ir::Tile& tile);

/// The tile with other groups that it may have, from many small ones to few large ones: by powers
/// of two of invocations, or of register tiles for each of them, and of tasks. What is staged stays
/// so. `chosen`: by chooseGroupTile.
std::vector<ir::Tile> groupTiles(const TaskView& view, const Work& work, const Budget& budget,
                                 const hwdb::Description& device, const ir::Tile& chosen);

/// Groups of all points.
int64_t groupCount(const TaskView& view, const ir::Tile& tile);

/// Bytes of workgroup memory that a group takes for what its slices read; 0 where nothing is
/// staged.
int64_t workgroupBytes(const TaskView& view, const ir::Tile& tile, const hwdb::Description& device);

/// Bytes of a task's own memory that the states of its points take between slices; 0 without.
int64_t partialStateBytes(const TaskView& view, const ir::Tile& tile,
                          const hwdb::Description& device);

/// The time that the busiest of `units` is busy with the groups of a tile, over the time that each
/// were if the work could be dealt out evenly; groups that the domain's edges cut fill gaps first.
double imbalance(const TaskView& view, const ir::Tile& tile, int64_t units);

}  // namespace quartet::sched
