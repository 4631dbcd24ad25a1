// One task set of a plan -> one kernel.
#pragma once

#include <set>
#include <string>
#include <vector>

#include "backends/common/evaluator.h"
#include "base/result.h"
#include "hwdb/description.h"
#include "ir/module.h"

namespace quartet::common {

struct LoweredTasks {
  ir::Module kernel;
  std::vector<ir::ValueId> buffers;  // plan values, one per kernel parameter
  // Launch parameters: the values of these symbols; then, with windowed buffers, the number of the
  // first group, and for each windowed buffer in order the start of its window in aligned units.
  std::vector<std::string> symbols;
  std::vector<ir::ValueId> windowed;
  std::vector<ir::Dim> tiles;     // groups along each domain axis; their product is the grid
  std::vector<ReportSite> sites;  // what may report, by number
  std::vector<int> order;         // domain axes, the one that varies slowest among groups first
};

/// Lowers the task set `tasks` of `plan` by the device's execution hierarchy: group -> invocation
/// -> register tile -> vector lane. The tile with a non-empty Tile is the anchor: it governs the
/// loops; maps that it (or a later tile) reads are computed on demand at the points read; maps that
/// read the anchor's result are computed from its registers. Status reports carry numbers of
/// `sites`, counted from `firstSite`. Buffers in `windowed` are bound in part: a launch parameter
/// says from where.
LoweredTasks lowerTasks(const ir::Module& plan, ir::OpId tasks, const hwdb::Description& device,
                        int64_t firstSite, const std::set<ir::ValueId>& windowed = {});

/// Elements in a window's aligned unit.
int64_t windowUnit(ir::DType storage, const hwdb::Description& device);

/// The anchor of a task set: its one tile with a non-empty Tile.
ir::OpId anchorOf(const ir::Module& plan, ir::OpId tasks);

}  // namespace quartet::common
