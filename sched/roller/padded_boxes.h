// Padded boxes (ir::Tile::stage): what the guarded loads of a reduction reach from a part of a task
// is brought into the task's own memory, instead of a padded copy of the whole operand.
#pragma once

#include "sched/roller/axes.h"

namespace quartet::sched {

/// The axis that must run along lanes so that the boxes of all guarded loads can be brought; -1
/// where there is none, or no guarded load, where groups have several invocations, where a box has
/// no room in a thread's share of the caches, or where points along an axis read the same box
/// again: a copy then serves them all.
int paddedLaneAxis(const TaskView& view, const hwdb::Description& device);

/// Bytes of a task's own memory that the boxes of a tile with parts take; 0 without parts.
int64_t paddedBoxBytes(const TaskView& view, const ir::Tile& tile);

/// Cycles in which one unit fills the boxes of all parts; 0 without parts.
double paddedBoxCycles(const TaskView& view, const ir::Tile& tile, const hwdb::Description& device);

/// Sets the parts (ir::Tile::stage) of a tile with its lanes along paddedLaneAxis, and makes its
/// group consist of whole parts; nothing for other tiles. Parts are as long as the innermost cache
/// has room for, or the one behind it where those read too much of their neighbours' rows again.
void choosePaddedBoxes(const TaskView& view, const hwdb::Description& device, ir::Tile& tile);

}  // namespace quartet::sched
