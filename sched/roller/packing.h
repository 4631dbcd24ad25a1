// Panels: operands laid out in the order in which a reduction streams them.
#pragma once

#include "sched/roller/axes.h"

namespace quartet::sched {

/// Lays constants out in the order in which the reduction streams them, in panels as wide as what
/// is computed at once.
void packConstants(ir::Module& plan, const TaskView& view, const ir::Tile& tile,
                   const hwdb::Description& device);

/// The axis of a buffer that is innermost in its panels, and how wide they are.
struct Panel {
  int axis = -1;  // -1: none
  int64_t width = 1;
};
struct CopiedOperand {
  const Access* access;  // of the view
  Panel panel;
};

/// The operands that pay for a copy in panels: packedByCopy, and those that lanes share if the rows
/// of a group lie so that they displace one another in the cache that should keep them from column
/// to column.
std::vector<CopiedOperand> copiedOperands(const TaskView& view, const ir::Tile& tile,
                                          const hwdb::Description& device);

/// Has them copied in front of the task set, which then reads the copies. Returns the task sets of
/// the copies, which have no tiles yet.
std::vector<ir::OpId> packOperands(ir::Module& plan, const TaskView& view, const ir::Tile& tile,
                                   const hwdb::Description& device);

}  // namespace quartet::sched
