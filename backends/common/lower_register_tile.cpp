// A register tile, whole or cut by the domain's edge: its points, unrolled, and their stores.
#include <algorithm>

#include "backends/common/task_lowering.h"

namespace quartet::common {

using ir::Opcode;
using ir::OpId;
using ir::TensorExpr;
using ir::ValueId;

/// Whether the register tile at `origin` lies inside the domain along the axes chosen; invalid:
/// known to.
ValueId TaskLowering::inside(const std::vector<Linear>& origin, bool lanes) {
  ValueId all;
  for (size_t i = 0; i < rank(); ++i) {
    if (whole(i) || isLane(i) != lanes) continue;
    const ValueId here =
        math_.compare(Opcode::Le, origin[i] + Linear::of(reg(i)), extents_.of(expr_.domain[i]));
    if (builder_.intLiteral(here) == 1) continue;
    all = all.valid() ? builder_.apply(Opcode::And, {all, here}) : here;
  }
  return all;
}

void TaskLowering::registerTile(const std::vector<Linear>& origin) {
  const std::vector<int64_t> shape(tile_.reg.begin(),
                                   tile_.reg.begin() + static_cast<long>(rank()));
  const auto either = [&](ValueId condition, const Body& yes, const Body& no) {
    if (condition.valid()) {
      // The edges have loops of their own, which compilers would take for the hottest.
      branch(condition, yes, no, true);
    } else {
      yes();
    }
  };
  either(
      inside(origin, false),
      [&] {
        either(
            inside(origin, true), [&] { points(origin, shape, {}); },
            [&] { cutLanes(origin, shape); });
      },
      [&] {
        std::vector<Linear> point = origin;
        cutRows(0, origin, point);
      });
}

/// Points of the lane axis that a register tile cut by the domain's edge has; 0 where that is not
/// known: its extent is a symbol, or groups or parts of them begin anywhere.
int64_t TaskLowering::restOfLanes() const {
  const auto lane = static_cast<size_t>(tile_.laneAxis);
  const auto extent = expr_.domain[lane].constant();
  if (!extent) return 0;
  const auto aligned = [&](int64_t part) { return part >= *extent || part % reg(lane) == 0; };
  const bool known = aligned(group(lane)) && (tile_.stage.empty() || aligned(tile_.stage[lane]));
  return known ? *extent % reg(lane) : 0;
}

/// All rows of `count` vectors of the lane axis, `most` at most, one vector after the other.
void TaskLowering::vectors(std::vector<Linear> origin, std::vector<int64_t> shape,
                           const Linear& count, int64_t most, const LaneCount& laneCount) {
  const auto lane = static_cast<size_t>(tile_.laneAxis);
  const Linear first = origin[lane];
  shape[lane] = tile_.lanes;
  loop(Linear::of(0), count, 1, {0, most - 1}, [&](const Linear& i) {
    origin[lane] = first + i * tile_.lanes;
    points(origin, shape, laneCount(i));
  });
}

/// All rows, vector by vector, as far as the lane axis reaches.
void TaskLowering::cutLanes(const std::vector<Linear>& origin, const std::vector<int64_t>& shape) {
  const auto lane = static_cast<size_t>(tile_.laneAxis);
  const int64_t lanes = tile_.lanes;
  const int64_t most = reg(lane) / lanes;
  const LaneCount all = [](const Linear&) { return ValueId{}; };
  if (whole(lane)) {
    vectors(origin, shape, Linear::of(most), most, all);
    return;
  }
  const int64_t rest = restOfLanes();
  if (rest == 0) {
    const Linear left = extents_.of(expr_.domain[lane]) - origin[lane];
    const Linear count = math_.floorDiv(left + Linear::of(lanes - 1), Linear::of(lanes));
    vectors(origin, shape, math_.minimum(count, Linear::of(most)), most, [&](const Linear& i) {
      return math_.materialize(math_.minimum(left - i * lanes, Linear::of(lanes)));
    });
    return;
  }
  // Masks that are constants: what they leave is stored by a few plain stores.
  std::vector<Linear> last = origin;
  last[lane] = Linear::of(expr_.domain[lane].value() - rest);
  if (rest >= lanes) vectors(last, shape, Linear::of(rest / lanes), rest / lanes, all);
  last[lane] = last[lane] + Linear::of(rest / lanes * lanes);
  std::vector<int64_t> rows = shape;
  rows[lane] = lanes;
  if (rest % lanes > 0) points(last, rows, builder_.literal(rest % lanes));
}

/// Of a register tile that may be cut or not, where its origin alone says it.
void TaskLowering::vectorByVector(const std::vector<Linear>& origin,
                                  const std::vector<int64_t>& shape) {
  const ValueId here = restOfLanes() > 0 ? inside(origin, true) : ValueId{};
  if (!here.valid()) {
    cutLanes(origin, shape);
    return;
  }
  const int64_t most = reg(static_cast<size_t>(tile_.laneAxis)) / tile_.lanes;
  const auto all = [](const Linear&) { return ValueId{}; };
  branch(
      here, [&] { vectors(origin, shape, Linear::of(most), most, all); },
      [&] { cutLanes(origin, shape); }, true);
}

/// A register tile that the domain's edge cuts along its rows: row by row.
void TaskLowering::cutRows(size_t axis, const std::vector<Linear>& origin,
                           std::vector<Linear>& point) {
  if (axis == rank()) {
    const std::vector<int64_t> shape(rank(), 1);
    if (tile_.laneAxis >= 0 && !reductionLanes()) {
      vectorByVector(point, shape);
    } else {
      points(point, shape, {});
    }
    return;
  }
  if (isLane(axis)) {
    cutRows(axis + 1, origin, point);
    return;
  }
  const Linear left = extents_.of(expr_.domain[axis]) - origin[axis];
  loop(Linear::of(0), math_.minimum(left, Linear::of(reg(axis))), 1, {0, reg(axis) - 1},
       [&](const Linear& i) {
         point[axis] = origin[axis] + i;
         cutRows(axis + 1, origin, point);
       });
}

/// The points of an unrolled tile, the vectors of a row one after the other.
std::vector<Point> TaskLowering::pointsOf(const std::vector<Linear>& origin,
                                          const std::vector<int64_t>& shape, ValueId laneCount) {
  std::vector<Point> all;
  std::vector<int64_t> offset(rank(), 0);
  std::vector<size_t> fastest;  // axes, lanes first, then from the last on
  for (size_t i = rank(); i-- > 0;) fastest.insert(isLane(i) ? fastest.begin() : fastest.end(), i);
  for (bool more = true; more;) {
    Point point;
    for (size_t i = 0; i < rank(); ++i) {
      point.axes.push_back(origin[i] + Linear::of(offset[i]));
      if (isLane(i)) point.axes.back().lane += 1;
    }
    point.laneCount = laneCount;
    all.push_back(std::move(point));
    more = false;
    for (size_t k = 0; k < rank() && !more; ++k) {
      const size_t i = fastest[k];
      offset[i] += isLane(i) ? tile_.lanes : 1;
      more = offset[i] < shape[i];
      if (!more) offset[i] = 0;
    }
  }
  return all;
}

/// Computes and stores all points of an unrolled tile: a step keeps the vectors that it loads, and
/// of the rows one value at a time (what Roller counts on).
void TaskLowering::points(const std::vector<Linear>& origin, const std::vector<int64_t>& shape,
                          ValueId laneCount) {
  std::vector<Point> all = pointsOf(origin, shape, laneCount);
  if (expr_.writesEachStep()) {
    runSteps(all);
    return;
  }
  if (expr_.form == TensorExpr::Form::Reduce) reduce(all);
  if (!slice_) {
    finishAll(all, origin, shape, laneCount);
    return;
  }
  branch(
      sliceIs(sliceCount() - 1), [&] { finishAll(all, origin, shape, laneCount); },
      [&] {
        for (const Point& point : all) {
          const ValueId index = partialIndex(point);
          for (size_t s = 0; s < partial_.size(); ++s) {
            builder_.set(partial_[s], point.states[s], index);
          }
        }
      });
}

void TaskLowering::finishAll(std::vector<Point>& all, const std::vector<Linear>& origin,
                             const std::vector<int64_t>& shape, ValueId laneCount) {
  if (turns(shape)) {
    finishTurned(all, origin, laneCount);
    return;
  }
  // With lanes along a reduction axis, results are scalars: one lane from here on.
  const int lanes = math_.lanes();
  if (reductionLanes()) math_.setLanes(1);
  for (Point& point : all) {
    evaluator_.enterScope();
    finish(point);
    evaluator_.leaveScope();
  }
  math_.setLanes(lanes);
}

/// Results of the anchor at a point, then of the maps on top of it, then the stores.
void TaskLowering::finish(Point& point) {
  evaluator_.startRegisters();
  bool reached = false;
  for (OpId id : plan_.region(plan_.op(tasks_).regions[0]).ops) {
    const ir::Op& op = plan_.op(id);
    reached |= id == anchor_;
    if (!reached) continue;
    if (op.opcode == Opcode::Tile) {
      const TensorExpr& expr = op.attributes.expr();
      for (size_t r = 0; r < op.results.size(); ++r) {
        evaluator_.setRegister(op.results[r], evaluator_.value(id, expr.results[r], point));
      }
      continue;
    }
    Point place = point;
    const std::vector<Linear> indices = placeOf(op, place);
    evaluator_.store(buffers_.at(op.operands[1]), indices, evaluator_.registerOf(op.operands[0]),
                     place, op.attributes.has("streams"));
  }
}

/// Where a write puts the result of `point`, which is masked off where that is outside.
std::vector<Linear> TaskLowering::placeOf(const ir::Op& write, Point& point) {
  std::vector<Linear> indices = point.axes;
  if (!write.attributes.has("offset")) return indices;
  const auto& offset = write.attributes.get<ir::Dims>("offset");
  const bool spread = write.attributes.has("strides");
  const std::vector<ir::Dim>& shape = plan_.type(write.operands[1]).shape;
  for (size_t i = 0; i < indices.size(); ++i) {
    const int64_t stride = spread ? write.attributes.ints("strides")[i] : 1;
    indices[i] = indices[i] * stride + extents_.of(offset[i]);
    if (stride == 1) continue;
    const ir::Dim last = (expr_.domain[i] - ir::Dim(1)) * ir::Dim(stride) + offset[i];
    if ((shape[i] - last).constant().value_or(0) > 0) continue;
    ValueId inside = math_.compare(Opcode::Lt, indices[i], extents_.of(shape[i]));
    if (point.mask.valid()) {
      const int lanes = std::max(kernel_.type(inside).lanes, kernel_.type(point.mask).lanes);
      const auto widen = [&](ValueId x) {
        return kernel_.type(x).lanes == lanes ? x : builder_.splat(x, lanes);
      };
      inside = builder_.apply(Opcode::And, {widen(point.mask), widen(inside)});
    }
    point.mask = inside;
  }
  return indices;
}

}  // namespace quartet::common
