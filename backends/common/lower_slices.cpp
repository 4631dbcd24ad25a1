// Reductions that are sliced: a group goes through one slice of the reduction after the other, and
// keeps what its points have so far in private memory meanwhile. What a slice reads is read again
// by all register tiles of the group while it stays in the caches (Goto and van de Geijn, Anatomy
// of High-Performance Matrix Multiplication, 2008).
#include "backends/common/storage.h"
#include "backends/common/task_lowering.h"

namespace quartet::common {

using ir::Opcode;
using ir::ValueId;

/// Slices of all reduction axes together; 1: the reduction is not sliced.
int64_t TaskLowering::sliceCount() const {
  if (expr_.form != ir::TensorExpr::Form::Reduce || tile_.laneAxis < 0 || reductionLanes())
    return 1;
  int64_t count = 1;
  for (size_t axis = rank(); axis < rank() + expr_.reduction.size(); ++axis)
    count *= slicesOf(axis);
  return count;
}

/// Of one reduction axis; the last may be shorter.
int64_t TaskLowering::slicesOf(size_t axis) const {
  const auto extent = expr_.reduction[axis - rank()].constant();
  return extent && *extent > 0 ? (*extent + group(axis) - 1) / group(axis) : 1;
}

/// Register tiles of a group along the lane axis.
int64_t TaskLowering::columns() const {
  const auto lane = static_cast<size_t>(tile_.laneAxis);
  return (group(lane) + reg(lane) - 1) / reg(lane);
}

/// One vector for each state of every vector of a group's points.
void TaskLowering::declarePartialStates() {
  if (sliceCount() == 1 || device_.groupInvocations.value > 1) return;
  int64_t vectors = 1;
  for (size_t axis = 0; axis < rank(); ++axis) {
    vectors *= isLane(axis) ? columns() * reg(axis) / tile_.lanes : group(axis);
  }
  constexpr int64_t kMostVectors = (1 << 20) / 64;  // they lie on a thread's stack
  QT_ASSERT(vectors <= kMostVectors, "the states of a group between slices of its reduction");
  for (const ir::Expr& init : expr_.init) {
    partial_.push_back(builder_.var(computeType(init.dtype()), math_.lanes(), {ir::Dim(vectors)}));
  }
}

void TaskLowering::loopOverSlices(const std::vector<Linear>& base, std::vector<Linear>& origin) {
  const int64_t count = sliceCount();
  groupBase_ = base;
  declareAhead();
  loop(Linear::of(0), Linear::of(count), 1, {0, count - 1}, [&](const Linear& slice) {
    slice_ = slice;
    lookAhead();
    loopOverRegisterTiles(0, base, tile_.group, origin);
  });
  slice_.reset();
}

/// Where the states of a point's vector are kept: those of a column of register tiles together, in
/// the order of its rows.
ValueId TaskLowering::partialIndex(const Point& point) {
  const auto lane = static_cast<size_t>(tile_.laneAxis);
  Linear along = point.axes[lane] - groupBase_[lane];
  along.lane = 0;
  const Linear width = Linear::of(reg(lane));
  Linear index = Linear::of(0);
  for (const int each : tile_.order) {
    const auto axis = static_cast<size_t>(each);
    if (axis >= rank()) continue;
    index = isLane(axis) ? index * columns() + math_.floorDiv(along, width)
                         : index * group(axis) + (point.axes[axis] - groupBase_[axis]);
  }
  const int64_t vectors = reg(lane) / tile_.lanes;
  const Linear vector = math_.floorDiv(math_.mod(along, width), Linear::of(tile_.lanes));
  return math_.materialize(index * vectors + vector);
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
