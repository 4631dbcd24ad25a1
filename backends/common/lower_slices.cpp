// Reductions that are sliced: every column of register tiles goes through one slice of the
// reduction after the other, and keeps what its points have so far in private memory meanwhile.
#include "backends/common/storage.h"
#include "backends/common/task_lowering.h"

namespace quartet::common {

using ir::Opcode;
using ir::ValueId;

/// Slices of all reduction axes together; 1: the reduction is not sliced.
int64_t TaskLowering::sliceCount() const {
  if (expr_.form != ir::TensorExpr::Form::Reduce || device_.groupInvocations.value > 1 ||
      tile_.laneAxis < 0 || reductionLanes()) {
    return 1;
  }
  int64_t count = 1;
  for (size_t axis = rank(); axis < rank() + expr_.reduction.size(); ++axis)
    count *= slicesOf(axis);
  return count;
}

/// Of one reduction axis.
int64_t TaskLowering::slicesOf(size_t axis) const {
  const auto extent = expr_.reduction[axis - rank()].constant();
  return extent && *extent > 0 ? *extent / group(axis) : 1;
}

/// The number of loops over domain axes around a column of register tiles, that over the lane axis
/// among them.
size_t TaskLowering::columnDepth() const {
  size_t depth = 0;
  for (const int axis : tile_.order) {
    if (static_cast<size_t>(axis) >= rank()) continue;
    ++depth;
    if (axis == tile_.laneAxis) break;
  }
  return depth;
}

/// One vector for each state of every vector of a column's points.
void TaskLowering::declarePartialStates() {
  if (sliceCount() == 1) return;
  int64_t vectors = reg(static_cast<size_t>(tile_.laneAxis)) / tile_.lanes;
  size_t depth = 0;
  for (const int axis : tile_.order) {
    if (static_cast<size_t>(axis) >= rank() || depth++ < columnDepth()) continue;
    columnAxes_.push_back(static_cast<size_t>(axis));
    vectors *= group(static_cast<size_t>(axis));
  }
  constexpr int64_t kMostVectors = (1 << 20) / 64;  // they lie on a thread's stack
  QT_ASSERT(vectors <= kMostVectors, "the states of a column between slices of its reduction");
  for (const ir::Expr& init : expr_.init) {
    partial_.push_back(builder_.var(computeType(init.dtype()), math_.lanes(), {ir::Dim(vectors)}));
  }
}

void TaskLowering::loopOverSlices(const std::vector<Linear>& base, std::vector<Linear>& origin) {
  const int64_t count = sliceCount();
  columnBase_ = base;
  const auto lane = static_cast<size_t>(tile_.laneAxis);
  columnBase_[lane] = origin[lane];
  loop(Linear::of(0), Linear::of(count), 1, {0, count - 1}, [&](const Linear& slice) {
    slice_ = slice;
    loopOverRegisterTiles(columnDepth(), base, origin);
  });
  slice_.reset();
}

/// Where the states of a point's vector are kept.
ValueId TaskLowering::partialIndex(const Point& point) {
  Linear index = Linear::of(0);
  for (const size_t axis : columnAxes_) {
    index = index * group(axis) + (point.axes[axis] - columnBase_[axis]);
  }
  const auto lane = static_cast<size_t>(tile_.laneAxis);
  Linear along = point.axes[lane] - columnBase_[lane];
  along.lane = 0;
  const int64_t vectors = reg(lane) / tile_.lanes;
  return math_.materialize(index * vectors + math_.floorDiv(along, Linear::of(tile_.lanes)));
}

/// Where in the reduction a slice begins along an axis: the innermost sliced axis varies fastest.
Linear TaskLowering::sliceStart(size_t axis) {
  if (!slice_) return Linear::of(0);
  Linear rest = *slice_;
  int64_t left = sliceCount();
  for (const int each : tile_.order) {
    const auto i = static_cast<size_t>(each);
    if (i < rank()) continue;
    left /= slicesOf(i);
    const Linear index = math_.floorDiv(rest, Linear::of(left));
    if (i == axis) return index * group(i);
    rest = left == 1 ? Linear::of(0) : math_.mod(rest, Linear::of(left));
  }
  return Linear::of(0);
}

ValueId TaskLowering::sliceIs(int64_t number) {
  return math_.compare(Opcode::Eq, *slice_, Linear::of(number));
}

}  // namespace quartet::common
