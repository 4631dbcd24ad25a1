// What a task set moves from and to device memory, by the footprint of its accesses.
#pragma once

#include "sched/task_set.h"

namespace quartet::sched {

/// A box of so many points along each axis, in the middle of the axes: away from padding.
ir::Box middleBox(const std::vector<int64_t>& extents, const std::vector<int64_t>& lengths);

/// Bytes of `access`'s buffer that it reaches from `points` of the anchor's axes, as trafficBytes
/// counts them.
double footprintBytes(const ir::Module& plan, const Access& access, const ir::Box& points);

/// Bytes of the cache lines of `lineBytes` that they lie in, under the layout of the buffer: pieces
/// that lie apart, each from any element of a line on, and with so many lines more.
double footprintLineBytes(const ir::Module& plan, const Access& access, const ir::Box& points,
                          int64_t lineBytes, double linesMore = 0);

/// Bytes: for every buffer, once what all reads of it reach over the whole of the anchor's axes
/// (`extents`), and once what the writes reach. A footprint is the box around what index maps give
/// inside their guards, and holds at most one element per evaluation of an access: a gather's is
/// what it takes, not the table. That caches may be too small to keep it is not counted.
double trafficBytes(const ir::Module& plan, const std::vector<Access>& accesses,
                    const std::vector<int64_t>& extents);

}  // namespace quartet::sched
