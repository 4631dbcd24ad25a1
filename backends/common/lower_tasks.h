// One task set of a plan -> one kernel.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "base/result.h"
#include "hwdb/description.h"
#include "ir/module.h"

namespace quartet::common {

struct LoweredTasks {
  ir::Module kernel;
  std::vector<ir::ValueId> buffers;     // plan values, one per kernel parameter
  std::vector<std::string> parameters;  // symbols, one per launch parameter
  std::vector<ir::Dim> tiles;           // groups along each domain axis; their product is the grid
};

/// Lowers the task set `tasks` of `plan` by the device's execution hierarchy: group -> invocation
/// -> register tile -> vector lane. The tile with a non-empty Tile is the anchor: it governs the
/// loops; maps that it (or a later tile) reads are computed on demand at the points read; maps that
/// read the anchor's result are computed from its registers. `statusNode` goes into status reports.
LoweredTasks lowerTasks(const ir::Module& plan, ir::OpId tasks, const hwdb::Description& device,
                        int64_t statusNode);

/// The anchor of a task set: its one tile with a non-empty Tile.
ir::OpId anchorOf(const ir::Module& plan, ir::OpId tasks);

}  // namespace quartet::common
