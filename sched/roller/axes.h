// What each axis of a task set is good for: which one runs along vector lanes.
#pragma once

#include <map>
#include <vector>

#include "sched/env.h"
#include "sched/task_set.h"

namespace quartet::sched {

/// A task set as Roller sees it.
struct TaskView {
  const ir::Module* plan = nullptr;
  ir::OpId tasks;
  ir::OpId anchor;
  const ir::TensorExpr* expr = nullptr;
  std::vector<int64_t> extents;  // per axis
  std::vector<Access> accesses;
  std::vector<ir::ValueId> freeLayout;                 // buffers whose layout may be chosen
  mutable std::map<int, std::vector<int>> rowsOfLane;  // what rowAxes found, by lane axis
  mutable std::optional<int> paddedLanes;              // what paddedLaneAxis found

  int rank() const { return expr->domainRank(); }
  int axes() const { return expr->axisCount(); }
  bool reduces() const { return expr->form == ir::TensorExpr::Form::Reduce; }
  int64_t domainCount() const;
  int64_t reductionCount() const;
  /// One group makes all results of a domain point together.
  bool opaque() const { return expr->form == ir::TensorExpr::Form::Opaque; }
  bool isFree(ir::ValueId buffer) const;
  bool isConstant(ir::ValueId buffer) const;
};

TaskView viewOf(const ir::Module& plan, ir::OpId tasks, std::vector<ir::ValueId> freeLayout);

/// The axis of constant `access`'s buffer that `axis` alone indexes, step 1; -1 if there is none.
int packableAxis(const TaskView& view, const Access& access, int axis);

/// Whether a copy of an operand that is no constant may pay: it is read in the device's
/// packedCopySteps steps per element or more, by one access, without a guard.
bool repaysCopy(const TaskView& view, const Access& access, const hwdb::Description& device);

/// Whether it pays in panels with `axis` along lanes: what a step reads of it does not lie
/// together, or packedCopyStride bytes or more from what the next step reads.
bool packedByCopy(const TaskView& view, const Access& access, int axis,
                  const hwdb::Description& device);

/// Stride of `axis` in an access under its buffer's layout, within aligned blocks of `block`
/// points; nothing when unknown and the axis matters.
std::optional<int64_t> strideOf(const TaskView& view, const Access& access, int axis,
                                int64_t block = 1);

/// Does `axis` change the address of an access, within aligned blocks of `block` points? (Unknown
/// strides count as a change.)
bool varies(const TaskView& view, const Access& access, int axis, int64_t block = 1);

/// Whether all points of the other axes find the elements along `axis` at a multiple of `lanes`.
bool startsVectors(const TaskView& view, const Access& access, int axis, int64_t lanes);

/// Accesses of whole vectors that one with `axis` along lanes takes: less than one where all lanes
/// share a value, more where vectors cross cache lines, are picked out of several, or move lane by
/// lane.
double vectorAccesses(const TaskView& view, const Access& access, int axis,
                      const hwdb::Description& device);

/// Whether what `access` reads is brought into a padded box when `axis` runs along lanes.
bool inPaddedBox(const TaskView& view, const Access& access, int axis,
                 const hwdb::Description& device);

/// Whether a read that all invocations' lanes share gives several steps of the reduction at once:
/// one load of as many elements as a vector has, which lie together along `stepAxis`. Invocations
/// load so; where one task has all lanes, each step loads for itself.
bool loadsSteps(const TaskView& view, const Access& access, int laneAxis, int stepAxis,
                const hwdb::Description& device);

/// The axis that runs along lanes, and how many of them.
struct LaneChoice {
  int axis = -1;  // -1: scalar
  int64_t lanes = 1;
};

/// Choices by what the accesses cost per element, the cheapest first: contiguous ones move a vector
/// at once, invariant ones are shared, everything else is one access per lane. Those that cost at
/// most twice as much as the cheapest follow it, unless they need a copy of an operand, whose time
/// is not among the accesses; scalars where no vector is cheaper.
std::vector<LaneChoice> laneChoices(const TaskView& view, const hwdb::Description& device);

}  // namespace quartet::sched
