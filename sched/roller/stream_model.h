// What the loops around a reduction read again from outside of the innermost cache.
#pragma once

#include "sched/roller/axes.h"

namespace quartet::sched {

/// For a column of vectors after the other, the loops go over all rows. Each column sweeps through
/// the operands that its lanes share; each register tile goes through the panel of those that lanes
/// read apart, and at its end through what it stores lane by lane. What the innermost cache does
/// not keep meanwhile comes from the level behind it: in whole lines, where neighbouring register
/// tiles cannot take their parts of one line from the cache. Free where that level's bytesPerCycle
/// is not given, and where invocations share caches.
class StreamModel {
 public:
  /// Rows lie along `rowAxis` (-1: none).
  StreamModel(const TaskView& view, const LaneChoice& lane, int rowAxis,
              const hwdb::Description& device);

  /// Cycles that the streams take in a step of the reduction, over the row axis and the lane axis,
  /// with tiles of `rows` x `vectors` (as StepModel::cycles counts).
  double cycles(int64_t rows, int64_t vectors) const;

 private:
  /// The level behind the innermost cache, and what that cache keeps.
  void findLevels(const hwdb::Description& device);
  double sweepBytes(const std::vector<Access>& shared, int64_t rows) const;
  double beyondCache(double bytes) const;  // 0 if the cache keeps so much

  const TaskView& view_;
  const LaneChoice& lane_;
  int rowAxis_;
  double cacheBytes_ = 0;       // of the innermost cache, to keep what is read again
  int64_t lineBytes_ = 1;       // of that cache
  double bytesPerCycle_ = 0;    // of the level behind it; 0: free
  std::vector<double> sweeps_;  // cycles of one sweep with 1, 2, ... rows per tile
  std::vector<double> stores_;  // cycles of one lane's stores, of as many rows
  std::vector<double> panels_;  // cycles of a panel 1, 2, ... vectors wide
};

}  // namespace quartet::sched
