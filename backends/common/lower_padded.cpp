// Reductions that read padded boxes (ir::Tile::stage): what guarded loads reach from a part of a
// group's points is brought into the task's own memory, with what they give outside of the operand
// around it. The guard is then decided once per row of the box, and steps are plain loads.
#include <algorithm>

#include "backends/common/storage.h"
#include "backends/common/task_lowering.h"

namespace quartet::common {

using ir::Expr;
using ir::Opcode;
using ir::ValueId;

void TaskLowering::declarePaddedBoxes() {
  if (tile_.stage.empty()) return;
  for (const Expr& load : ir::distinctLoads(expr_.element)) {
    const ValueId buffer = plan_.op(anchor_).operands[static_cast<size_t>(load.number())];
    const ir::Type& type = plan_.type(buffer);
    const auto box = ir::paddedBox(load, type, tile_, rank());
    if (!box) continue;
    StagedOperand padded;
    padded.load = load;
    padded.box = box->box;
    padded.array = builder_.shared(computeType(type.dtype), box->box.elements);
    padded.origin.resize(box->box.extents.size());
    padded.origin.back() = Linear::of(box->first);
    padded_.push_back(std::move(padded));
  }
}

/// All points of a group, one part (ir::Tile::stage) after the other.
void TaskLowering::loopOverPaddedBoxes(size_t depth, const std::vector<Linear>& base,
                                       std::vector<Linear>& origin) {
  const std::vector<size_t> order = domainOrder();
  if (depth < order.size()) {
    loopOverParts(order[depth], base, group(order[depth]), tile_.stage[order[depth]], origin,
                  [&] { loopOverPaddedBoxes(depth + 1, base, origin); });
    return;
  }
  groupBase_ = origin;
  for (StagedOperand& padded : padded_) {
    for (size_t k = 0; k + 1 < padded.origin.size(); ++k) {
      padded.origin[k] = boxOrigin(padded.load.args()[k]);
    }
    std::vector<Linear> indices(padded.origin.size());
    fillRows(padded, 0, indices, {}, {});
  }
  evaluator_.stage(anchor_, &padded_);
  const std::vector<Linear> part = origin;
  loopOverRegisterTiles(0, part, tile_.stage, origin);
  evaluator_.stage(anchor_, nullptr);
}

/// Rows of a box from index `k` on; `at`: where the first lies. `inside`: its mask says whether
/// they are rows of the operand.
void TaskLowering::fillRows(const StagedOperand& padded, size_t k, std::vector<Linear>& indices,
                            const Linear& at, const Point& inside) {
  if (k + 1 == indices.size()) {
    const auto row = [&] { fillRow(padded, indices, at); };
    if (inside.mask.valid()) {
      branch(
          inside.mask, row, [&] { fillOther(padded, at, 0, padded.box.extents.back()); }, true);
    } else {
      row();
    }
    return;
  }
  const ValueId operand = plan_.op(anchor_).operands[static_cast<size_t>(padded.load.number())];
  const Linear extent = extents_.of(plan_.type(operand).shape[k]);
  const int64_t rows = padded.box.extents[k];
  loop(Linear::of(0), Linear::of(rows), 1, {0, rows - 1}, [&](const Linear& row) {
    indices[k] = padded.origin[k] + row;
    Point here = inside;
    // Parts that the domain's edge cuts reach beyond operands that no guard bounds.
    const bool bounded = ir::guardsIndex(padded.load, k) || rows > 1;
    if (bounded) requireInside(indices[k], extent, here);
    fillRows(padded, k + 1, indices, at + row * padded.box.strides[k], here);
  });
}

/// A row of the operand, between what the load gives in front of it and behind it.
void TaskLowering::fillRow(const StagedOperand& padded, std::vector<Linear>& indices,
                           const Linear& at) {
  const ValueId operand = plan_.op(anchor_).operands[static_cast<size_t>(padded.load.number())];
  const KernelBufferUse& buffer = buffers_.at(operand);
  const int64_t lanes = tile_.lanes;
  const int64_t length = padded.box.extents.back();
  const int64_t first = padded.origin.back().constant;
  const int64_t before = std::max<int64_t>(-first, 0);
  const int64_t start = std::max<int64_t>(first, 0);
  const int64_t elements = std::min(buffer.type.shape.back().value() - start, length - before);
  const int64_t whole = elements / lanes;
  const auto copy = [&](const Linear& vector, const Point& point) {
    indices.back() = Linear::of(start) + vector * lanes;
    indices.back().lane = 1;
    ValueId value = evaluator_.loadBuffer(buffer, indices, point);
    if (point.laneCount.valid()) {
      const ValueId read = builder_.apply(Opcode::Lt, {builder_.laneId(static_cast<int>(lanes)),
                                                       evaluator_.widen(point.laneCount)});
      value = builder_.apply(Opcode::Select,
                             {read, value, evaluator_.vector(anchor_, padded.load.other(), point)});
    }
    storeBox(padded, at + Linear::of(before) + vector * lanes, value);
  };
  fillOther(padded, at, 0, before);
  loop(Linear::of(0), Linear::of(whole), 1, {0, std::max<int64_t>(whole - 1, 0)},
       [&](const Linear& vector) { copy(vector, {}); });
  if (elements > whole * lanes) {
    Point cut;
    cut.laneCount = builder_.literal(elements - whole * lanes);
    copy(Linear::of(whole), cut);
  }
  fillOther(padded, at, before + (elements + lanes - 1) / lanes * lanes, length);
}

/// What the load gives outside of the operand, from element `from` of a row up to `to`: whole
/// vectors.
void TaskLowering::fillOther(const StagedOperand& padded, const Linear& at, int64_t from,
                             int64_t to) {
  const int64_t count = (to - from) / tile_.lanes;
  const ValueId other = evaluator_.vector(anchor_, padded.load.other(), {});
  loop(Linear::of(0), Linear::of(count), 1, {0, std::max<int64_t>(count - 1, 0)},
       [&](const Linear& vector) {
         storeBox(padded, at + Linear::of(from) + vector * tile_.lanes, other);
       });
}

void TaskLowering::storeBox(const StagedOperand& padded, Linear at, ValueId value) {
  at.lane = 1;
  builder_.store(padded.array, math_.laneBase(at), value, {}, math_.alignment(at, tile_.lanes));
}

}  // namespace quartet::common
