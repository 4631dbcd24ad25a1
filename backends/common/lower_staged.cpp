// Reductions in slices on devices whose groups have several invocations: what a slice reads of the
// operands is brought into workgroup memory by all invocations together; each keeps the states of
// its register tile from slice to slice.
#include <algorithm>
#include <numeric>

#include "backends/common/storage.h"
#include "backends/common/task_lowering.h"

namespace quartet::common {

using ir::Expr;
using ir::Opcode;
using ir::ValueId;

bool TaskLowering::staged() const { return !stages_.empty(); }

/// Of one load from a buffer. Nothing where what is read is no box.
std::optional<StagedOperand> TaskLowering::boxOf(const Expr& load) {
  const ValueId buffer = plan_.op(anchor_).operands[static_cast<size_t>(load.number())];
  if (plan_.type(buffer).kind != ir::Type::Kind::Buffer) return std::nullopt;
  std::vector<int64_t> lengths;
  for (size_t axis = 0; axis < rank() + expr_.reduction.size(); ++axis) {
    lengths.push_back(stageLength(axis));
  }
  auto box = ir::stageBox(load.args(), lengths, tile_.laneAxis);
  if (!box) return std::nullopt;
  StagedOperand stage;
  stage.load = load;
  stage.box = std::move(*box);
  return stage;
}

/// Points along an axis of which a group's slice, or a part of the group, reads.
int64_t TaskLowering::stageLength(size_t axis) const {
  if (!tile_.stage.empty()) return tile_.stage[axis];
  return axis < rank() ? tileCounts()[axis] * reg(axis) : group(axis);
}

/// All that the steps read is staged, or nothing: points beyond the domain read it too.
void TaskLowering::declareStages() {
  if (device_.groupInvocations.value == 1 || sliceCount() == 1 || !tile_.unit.empty()) return;
  if (!ir::distinctLoads(expr_.init).empty()) return;
  std::vector<StagedOperand> stages;
  for (const Expr& load : ir::distinctLoads(expr_.element)) {
    auto stage = boxOf(load);
    if (!stage || load.guarded()) return;
    stages.push_back(std::move(*stage));
  }
  for (StagedOperand& stage : stages) {
    const ValueId buffer = plan_.op(anchor_).operands[static_cast<size_t>(stage.load.number())];
    stage.array = builder_.shared(computeType(plan_.type(buffer).dtype), stage.box.elements);
  }
  stages_ = std::move(stages);
}

/// Brings a box into workgroup memory: elements that lie behind one another in the buffer by
/// invocations that follow one another. What lies outside of the buffer is 0, and no result's.
void TaskLowering::fillStage(const StagedOperand& stage) {
  const ValueId operand = plan_.op(anchor_).operands[static_cast<size_t>(stage.load.number())];
  const KernelBufferUse& buffer = buffers_.at(operand);
  const ir::Layout& layout = buffer.type.layout;
  std::vector<size_t> order(stage.box.extents.size());  // of indices, outermost in the buffer first
  std::iota(order.begin(), order.end(), 0);
  if (!layout.rowMajor()) {
    std::vector<size_t> depth(order.size());
    for (size_t i = 0; i < layout.axes.size(); ++i) {
      depth[static_cast<size_t>(layout.axes[i].axis)] = i;
    }
    std::ranges::stable_sort(order, {}, [&](size_t k) { return depth[k]; });
  }
  int64_t elements = 1;
  for (const int64_t extent : stage.box.extents) elements *= extent;
  const int64_t invocations = device_.groupInvocations.value;
  loop(Linear::of(builder_.localId()), Linear::of(elements), invocations, {0, elements - 1},
       [&](const Linear& number) {
         Linear rest = number;
         Linear at;
         std::vector<Linear> indices(order.size());
         Point point;
         for (size_t i = order.size(); i-- > 0;) {
           const size_t k = order[i];
           const Linear along = math_.mod(rest, Linear::of(stage.box.extents[k]));
           rest = math_.floorDiv(rest, Linear::of(stage.box.extents[k]));
           indices[k] = stage.origin[k] + along;
           at = at + along * stage.box.strides[k];
           requireInside(indices[k], extents_.of(buffer.type.shape[k]), point);
         }
         math_.setLanes(1);
         const ValueId value = evaluator_.loadBuffer(buffer, indices, point);
         builder_.store(stage.array, math_.materialize(at), value);
         math_.setLanes(static_cast<int>(tile_.lanes));
       });
}

void TaskLowering::requireInside(const Linear& index, const Linear& extent, Point& point) {
  for (const ValueId condition : {math_.compare(Opcode::Ge, index, Linear::of(0)),
                                  math_.compare(Opcode::Lt, index, extent)}) {
    if (builder_.intLiteral(condition) == 1) continue;
    point.mask =
        point.mask.valid() ? builder_.apply(Opcode::And, {point.mask, condition}) : condition;
  }
}

/// Where along an index the box begins that a slice, or a part of the group, reaches.
Linear TaskLowering::boxOrigin(const Expr& index) {
  const auto form = ir::affineForm(index, static_cast<int>(rank() + expr_.reduction.size()));
  Linear origin = Linear::of(form->constant);
  for (size_t axis = 0; axis < form->coefficients.size(); ++axis) {
    const int64_t step = form->coefficients[axis];
    if (step == 0) continue;
    Linear first = axis < rank() ? groupBase_[axis] : sliceStart(axis);
    if (step < 0) first = first + Linear::of(stageLength(axis) - 1);
    origin = origin + first * step;
  }
  return origin;
}

/// Runs `steps` for one slice after the other, its operands staged. All invocations come here.
void TaskLowering::stagedSlices(const Body& steps) {
  const int64_t count = sliceCount();
  loop(Linear::of(0), Linear::of(count), 1, {0, count - 1}, [&](const Linear& slice) {
    slice_ = slice;
    for (StagedOperand& stage : stages_) {
      stage.origin.clear();
      for (const Expr& index : stage.load.args()) {
        stage.origin.push_back(boxOrigin(index));
      }
      fillStage(stage);
    }
    builder_.barrier();
    evaluator_.stage(anchor_, &stages_);
    evaluator_.enterScope();
    steps();
    evaluator_.leaveScope();
    evaluator_.stage(anchor_, nullptr);
    builder_.barrier();
  });
  slice_.reset();
}

/// The register tile of each invocation, whole: points beyond the domain are computed from what is
/// staged, and not stored. Invocations without a tile of their own compute another's, for nothing,
/// since all must come to the barriers.
void TaskLowering::stagedTile(const std::vector<Linear>& base, const Linear& local, int64_t total) {
  QT_ASSERT(total <= device_.groupInvocations.value, "more staged tiles than invocations");
  groupBase_ = base;
  const std::vector<int64_t> shape(tile_.reg.begin(),
                                   tile_.reg.begin() + static_cast<long>(rank()));
  std::vector<Point> all = pointsOf(tileOrigin(base, local), shape, {});
  reduce(all);
  const bool idle = total < device_.groupInvocations.value;
  const ValueId active = idle ? math_.compare(Opcode::Lt, local, Linear::of(total)) : ValueId{};
  for (Point& point : all) finishInside(point, active);
}

/// Results and stores of a point, where it lies inside the domain.
void TaskLowering::finishInside(Point& point, ValueId condition) {
  const auto also = [&](ValueId more) {
    if (builder_.intLiteral(more) == 1) return;
    condition = condition.valid() ? builder_.apply(Opcode::And, {condition, more}) : more;
  };
  for (size_t i = 0; i < rank(); ++i) {
    Linear first = point.axes[i];
    if (isLane(i)) first.lane = 0;
    const Linear extent = extents_.of(expr_.domain[i]);
    also(math_.compare(Opcode::Lt, first, extent));
    if (!isLane(i) || tile_.lanes == 1) continue;
    const Linear left = extent - first;
    if (math_.range(left).lo < tile_.lanes) {
      point.laneCount = math_.materialize(math_.minimum(left, Linear::of(tile_.lanes)));
    }
  }
  const auto store = [&] {
    evaluator_.enterScope();
    finish(point);
    evaluator_.leaveScope();
  };
  if (condition.valid()) {
    branch(condition, store);
  } else {
    store();
  }
}

}  // namespace quartet::common
