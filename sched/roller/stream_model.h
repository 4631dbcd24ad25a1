// What the loops around a reduction read again from outside of the innermost cache.
#pragma once

#include <map>
#include <utility>
#include <vector>

#include "sched/roller/axes.h"

namespace quartet::sched {

/// Bytes that the states of a group may take between slices of the reduction: a part of what the
/// cache behind the innermost has for one unit, and of a thread's stack.
double partialRoom(const hwdb::Description& device);

/// Register tiles of a group that goes through its reduction in slices: as many as there is room
/// for, `rows` above one another by `columns` side by side.
struct SlicedGroup {
  int64_t rows = 0;
  int64_t columns = 0;
};
/// The one that has what others read again in the fewest elements: nearly a square. There are
/// `rowTiles` by `columns` register tiles of `rows` x `width` points with states of `stateBytes`
/// bytes. Without rows: there is no room for two tiles.
SlicedGroup slicedGroup(int64_t rowTiles, int64_t columns, int64_t rows, int64_t width,
                        double stateBytes, double room);

/// For a column of vectors after the other, the loops go over all rows. Each column sweeps through
/// the operands that its lanes share; each register tile goes through the panel of those that lanes
/// read apart, and at its end through what it stores lane by lane. What the innermost cache does
/// not keep meanwhile comes from the level behind it: in whole lines, where neighbouring register
/// tiles cannot take their parts of one line from the cache. A panel can be cut into slices that
/// stay, at the price of keeping the states of a group aside between them. Free where that level's
/// bytesPerCycle is not given, and where invocations share caches.
class StreamModel {
 public:
  /// Rows lie along `rowAxis` (-1: none); `order`: of the loops.
  StreamModel(const TaskView& view, const LaneChoice& lane, int rowAxis,
              const std::vector<int>& order, const hwdb::Description& device);

  /// Cycles that the streams take in a step of the reduction, over the row axis and the lane axis,
  /// with tiles of `rows` x `vectors` (as StepModel::cycles counts).
  double cycles(int64_t rows, int64_t vectors) const;

  /// How long the slices of the reduction axes are, one after the other of which a group should go
  /// through (ir::Tile::group); empty: the whole reduction at once takes less.
  const std::vector<int64_t>& slices(int64_t rows, int64_t vectors) const;

 private:
  /// Panels of one width.
  struct Panel {
    double whole = 0;             // cycles to read one from behind the innermost cache; 0: it stays
    std::vector<int64_t> slices;  // lengths along the reduction axes, of which one stays
    double sliceCount = 1;
  };

  Panel panelOf(const std::vector<Access>& apart, const std::vector<int>& order,
                int64_t vectors) const;
  bool sliceStays(const std::vector<Access>& apart, std::vector<int64_t> lengths) const;
  /// Of all panels that the tiles of a column read, in slices or whole.
  double slicedCycles(const Panel& panel, int64_t rows, int64_t vectors) const;
  double wholeCycles(const Panel& panel, int64_t rows) const;
  SlicedGroup groupOf(int64_t rows, int64_t vectors) const;  // that goes through slices together
  double rowTiles(int64_t rows) const;                       // of a column, over all row axes
  double stateBytes(int64_t rows, int64_t vectors) const;    // of a register tile

  /// Cycles to read large operands from device memory for the first time, for a whole reduction:
  /// those of a box of points, those that lanes read apart over the lane axis, those that they
  /// share over the row axis.
  struct FarAccess {
    Access access;
    double first = 1;  // share of what is read that no point before has read
  };
  double readFirst(const Access& access, int along) const;
  /// `linesStay`: others read the rest of a line before it leaves the level behind the innermost.
  double farCycles(const std::vector<FarAccess>& accesses, const std::vector<int64_t>& lengths,
                   bool linesStay) const;
  double firstApart(int64_t vectors) const;
  double firstShared(int64_t rows, int64_t vectors) const;
  /// The level behind the innermost cache, and what that cache keeps.
  void findLevels(const hwdb::Description& device);
  double sweepCycles(int64_t rows, int64_t vectors) const;
  double sweepBytes(int64_t rows, const std::vector<int64_t>& slices) const;
  double beyondCache(double bytes) const;  // 0 if the cache keeps so much

  const TaskView& view_;
  const LaneChoice& lane_;
  int rowAxis_;
  double cacheBytes_ = 0;     // of the innermost cache, to keep what is read again
  int64_t lineBytes_ = 1;     // of that cache
  double bytesPerCycle_ = 0;  // of the level behind it; 0: free
  double partialRoom_ = 0;
  std::vector<Access> shared_;  // what lanes share in every step
  mutable std::map<std::pair<int64_t, std::vector<int64_t>>, double> sweeps_;  // by rows and slices
  std::vector<double> stores_;      // cycles of one lane's stores, of as many rows
  std::vector<Panel> panels_;       // 1, 2, ... vectors wide
  double memoryBytesPerCycle_ = 0;  // of one unit; 0: not known, free
  double farBytes_ = 0;             // operands of more come from device memory
  std::vector<FarAccess> farShared_, farApart_;
};

}  // namespace quartet::sched
