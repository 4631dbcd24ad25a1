// What a slice of a reduction reads is brought near while what comes before it is computed.
// Register tiles read it in pieces that lie far apart, which no hardware foresees, and too few at a
// time to hide the latency of memory; each of them asks for its share of the rows that come next.
#include <algorithm>

#include "backends/common/task_lowering.h"

namespace quartet::common {

using ir::Expr;
using ir::Opcode;
using ir::ValueId;

namespace {

constexpr int64_t kLine = 64;      // bytes; where lines are longer, some are asked for twice
constexpr int64_t kUnrolled = 16;  // lines of a row that are asked for without a loop

}  // namespace

/// Of the buffers that a group of one invocation reads in slices. What lies in panels is read in
/// the order in which it lies, and foreseen.
void TaskLowering::declareAhead() {
  for (const Expr& load : ir::distinctLoads(expr_.element)) {
    const ValueId operand = plan_.op(anchor_).operands[static_cast<size_t>(load.number())];
    if (!plan_.type(operand).layout.rowMajor()) continue;
    if (auto box = boxOf(load)) ahead_.push_back(std::move(*box));
  }
}

/// Where the boxes begin that are read next: by the following slice, or, after the last one, by the
/// first slice of the following group.
void TaskLowering::lookAhead() {
  if (ahead_.empty()) return;
  const Linear slice = *slice_;
  const std::vector<Linear> base = groupBase_;
  const ValueId over = sliceIs(sliceCount() - 1);
  const auto pick = [&](const Linear& atEnd, const Linear& otherwise) {
    const ValueId end = math_.materialize(atEnd);
    return Linear::of(builder_.apply(Opcode::Select, {over, end, math_.materialize(otherwise)}));
  };
  slice_ = pick(Linear::of(0), slice + Linear::of(1));
  groupBase_ = groupOrigin(pick(group_ + Linear::of(1), group_));
  for (StagedOperand& next : ahead_) {
    next.origin.clear();
    for (const Expr& index : next.load.args()) {
      next.origin.push_back(Linear::of(math_.materialize(boxOrigin(index))));
    }
  }
  slice_ = slice;
  groupBase_ = base;
}

/// The share of the register tile at `origin` in what is read next.
void TaskLowering::prefetchShare(const std::vector<Linear>& origin) {
  const std::vector<int64_t> counts = tileCounts();
  Linear number;
  int64_t tiles = 1;
  for (const size_t axis : domainOrder()) {
    const Linear along = math_.floorDiv(origin[axis] - groupBase_[axis], Linear::of(reg(axis)));
    number = number * counts[axis] + along;
    tiles *= counts[axis];
  }
  for (const StagedOperand& next : ahead_) prefetchRows(next, number, tiles);
}

/// Rows of a box, along the last index, or pieces of rows where there are fewer of these than
/// register tiles.
void TaskLowering::prefetchRows(const StagedOperand& next, const Linear& number, int64_t tiles) {
  const ValueId operand = plan_.op(anchor_).operands[static_cast<size_t>(next.load.number())];
  const KernelBufferUse& buffer = buffers_.at(operand);
  const std::vector<int64_t>& extents = next.box.extents;
  const int64_t step = kLine / ir::byteSize(buffer.storage);
  const int64_t lines = (extents.back() + step - 2) / step + 1;  // a row may begin anywhere in one
  int64_t rows = 1;
  for (size_t k = 0; k + 1 < extents.size(); ++k) rows *= extents[k];
  const int64_t pieces = std::clamp<int64_t>(tiles / rows, 1, lines);  // of a row
  const int64_t linesEach = (lines + pieces - 1) / pieces;
  const auto ask = [&](const Linear& piece) {
    Linear rest = math_.floorDiv(piece, Linear::of(pieces));
    const Linear first = math_.mod(piece, Linear::of(pieces)) * linesEach;
    std::vector<Linear> indices = next.origin;
    for (size_t k = extents.size() - 1; k-- > 0;) {
      indices[k] = indices[k] + math_.mod(rest, Linear::of(extents[k]));
      rest = math_.floorDiv(rest, Linear::of(extents[k]));
    }
    const Linear start = indices.back();
    const auto askFor = [&](const Linear& line) {
      indices.back() = start + (first + line) * step;
      evaluator_.prefetch(buffer, indices);
    };
    if (linesEach > kUnrolled) {
      loop(Linear::of(0), Linear::of(linesEach), 1, {0, linesEach - 1}, askFor);
    } else {
      for (int64_t line = 0; line < linesEach; ++line) askFor(Linear::of(line));
    }
  };
  const int64_t share = (rows * pieces + tiles - 1) / tiles;
  const int64_t asking = (rows * pieces + share - 1) / share;  // register tiles, the first ones
  const auto all = [&] {
    loop(Linear::of(0), Linear::of(share), 1, {0, share - 1},
         [&](const Linear& i) { ask(number * share + i); });
  };
  if (asking == tiles) {
    all();
  } else {
    branch(math_.compare(Opcode::Lt, number, Linear::of(asking)), all);
  }
}

}  // namespace quartet::common
