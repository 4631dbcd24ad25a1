// Stores that go past the caches.
#pragma once

#include "sched/roller/axes.h"

namespace quartet::sched {

/// Marks the writes of a task set (attribute `streams`) whose buffers no cache can keep until they
/// are read, and which are stored in whole vectors that lie in lines of their own: a line that is
/// stored past the caches is not read before. Rows that share lines with others are dearer so. On
/// devices where one invocation has all lanes.
void streamWrites(ir::Module& plan, const TaskView& view, const ir::Tile& tile,
                  const hwdb::Description& device);

/// Cycles that one unit takes longer to write what no cache of its own keeps, where a register tile
/// stores vectors in rows that lie apart: parts of lines that have left that cache before the rest
/// of them is written, or rows of which none is fetched ahead. 0 where memory's bytesPerCycle is
/// not given.
double scatteredWriteCycles(const TaskView& view, const ir::Tile& tile,
                            const hwdb::Description& device);

}  // namespace quartet::sched
