// Reductions in independent parts (split-K): each part is a reduction of its own, a second task set
// merges their states.
#pragma once

#include <optional>

#include "sched/task_set.h"

namespace quartet::sched {

/// Parts that a reduction's points are dealt out to, along one of its axes.
struct Split {
  int axis = 0;  // of the reduction
  int64_t parts = 1;
};

/// The axis along which a task set's reduction can be split: the outermost of several points.
/// Nothing where parts may not be merged (their order matters, they have several states, or a start
/// that would be counted once per part), or where the extent is not known.
std::optional<int> splitAxis(const ir::Module& plan, ir::OpId tasks);

/// Splits the reduction of `tasks`; `split.parts` divides the extent of the axis. A new task set in
/// front of it reduces every part into a new buffer [parts, domain...], `tasks` merges them and
/// does what comes on top.
struct SplitTasks {
  ir::OpId parts;
  ir::ValueId partial;
};
SplitTasks splitReduction(ir::Module& plan, ir::OpId tasks, const Split& split);

/// Numbers of parts worth trying: divisors of the extent that fill the units once, twice, four
/// times, with groups that are as many for each part as they are now.
std::vector<int64_t> partCounts(int64_t extent, int64_t units, int64_t groups);

}  // namespace quartet::sched
