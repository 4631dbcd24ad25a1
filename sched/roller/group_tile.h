// The group level of rTiles: what one task, or the invocations of one group, compute.
#pragma once

#include "sched/roller/axes.h"

namespace quartet::sched {

/// Completes `tile` with the group level: enough groups for the units, invocations filled.
void chooseGroupTile(const TaskView& view, const Work& work, const Budget& budget,
                     const hwdb::Description& device, ir::Tile& tile);

/// Groups of all points.
int64_t groupCount(const TaskView& view, const ir::Tile& tile);

/// The time that the busiest of `units` is busy with the groups of a tile, over the time that each
/// were if the work could be dealt out evenly; groups that the domain's edges cut fill gaps first.
double imbalance(const TaskView& view, const ir::Tile& tile, int64_t units);

}  // namespace quartet::sched
