// What the loops around a reduction read again from outside of the innermost cache.
#pragma once

#include "sched/roller/axes.h"

namespace quartet::sched {

/// For a column of vectors after the other, the loops go over all rows. Each column sweeps through
/// the operands that its lanes share (`rows`); each register tile goes through the panel of those
/// that lanes read apart. What the innermost cache does not keep meanwhile comes from the level
/// behind it. Free where that level's bytesPerCycle is not given, and where invocations share
/// caches.
class StreamModel {
 public:
  StreamModel(const TaskView& view, const LaneChoice& lane, const hwdb::Description& device);

  /// Cycles that the streams take in a step of the reduction, over the row axis and the lane axis,
  /// with tiles of `rows` x `vectors` (as StepModel::cycles counts).
  double cycles(int rowAxis, int64_t rows, int64_t vectors) const;

 private:
  /// Bytes of the operands that vary along the lane axis, or of the others, from a box of points
  /// in the middle of the axes: `extents` long.
  double bytes(bool alongLanes, const std::vector<int64_t>& extents) const;
  double beyondCache(double bytes) const;  // 0 if the cache keeps so much

  const TaskView& view_;
  const LaneChoice& lane_;
  double cacheBytes_ = 0;       // of the innermost cache, to keep what is read again
  double bytesPerCycle_ = 0;    // of the level behind it; 0: free
  double allRows_ = 1;          // of all row axes
  double sweep_ = 0;            // cycles of one sweep through all rows
  std::vector<double> panels_;  // cycles of a panel 1, 2, ... vectors wide
};

}  // namespace quartet::sched
