// Evaluator: loads and stores, and which lanes take part in them.
#include <algorithm>
#include <functional>

#include "backends/common/evaluator.h"
#include "backends/common/storage.h"

namespace quartet::common {

using ir::Expr;
using ir::Opcode;
using ir::OpId;
using ir::ValueId;

namespace {

/// Of scalar loads, so much of the alignment is said: backends may join that many.
constexpr int64_t kWidestPiece = 4;

bool isZero(const Expr& e) {
  if (!e.isLiteral()) return false;
  return ir::isFloat(e.dtype()) ? e.floatValue() == 0 : e.intValue() == 0;
}

}  // namespace

/// The point's mask and lane count as one bool value; invalid when everything is active.
ValueId Evaluator::maskOf(const Point& point, bool vector) {
  ValueId mask = point.mask;
  if (!vector) {
    const bool uniform = mask.valid() && builder_.module().type(mask).lanes == 1;
    return uniform ? mask : ValueId{};
  }
  const int lanes = math_.lanes();
  if (mask.valid()) mask = widen(mask);
  if (!point.laneCount.valid()) return mask;
  const ValueId active =
      builder_.apply(Opcode::Lt, {builder_.laneId(lanes), builder_.splat(point.laneCount, lanes)});
  return mask.valid() ? builder_.apply(Opcode::And, {mask, active}) : active;
}

/// Active lanes of an access of `lanes` consecutive elements under a scalar mask; invalid: all.
ValueId Evaluator::countOf(const Point& point, int lanes) {
  ValueId count = lanes > 1 ? point.laneCount : ValueId{};
  if (!point.mask.valid()) return count;
  if (!count.valid()) count = builder_.literal(int64_t{lanes});
  return builder_.apply(Opcode::Select, {point.mask, count, builder_.literal(int64_t{0})});
}

Point Evaluator::insideOf(const std::vector<ir::Dim>& shape, const std::vector<Expr>& indices,
                          const Point& point) {
  const bool bounded =
      std::any_of(indices.begin(), indices.end(), std::mem_fn(&Expr::containsBounded));
  if (!bounded) return point;
  Point inside = point;
  for (const ir::Dim& extent : shape) {
    const Linear count = extents_.of(extent);
    if (math_.range(count).lo > 0) continue;
    const ValueId some = math_.compare(Opcode::Gt, count, Linear::of(0));
    if (!inside.mask.valid()) {
      inside.mask = some;
    } else {
      const bool wide = builder_.module().type(inside.mask).lanes > 1;
      inside.mask = builder_.apply(Opcode::And, {inside.mask, wide ? widen(some) : some});
    }
  }
  return inside;
}

ValueId Evaluator::load(OpId tile, const Expr& e, const Point& point) {
  if (const StagedOperand* staged = stagedOperand(tile, e)) {
    std::vector<Linear> indices;
    for (const Expr& i : e.args()) indices.push_back(index(tile, i, point));
    return loadStaged(*staged, indices);
  }
  Point inside = point;
  ValueId guard;
  if (e.guarded()) {
    guard = value(tile, e.guard(), point);
    if (const auto known = builder_.intLiteral(guard)) {
      if (*known == 0) return value(tile, e.other(), point);
      guard = {};
    } else {
      const int lanes = builder_.module().type(guard).lanes;
      inside.mask = guard;
      if (point.mask.valid()) {
        const bool wide = lanes > 1 || builder_.module().type(point.mask).lanes > 1;
        inside.mask = builder_.apply(
            Opcode::And, {wide ? widen(guard) : guard, wide ? widen(point.mask) : point.mask});
      }
    }
  }
  const ValueId operand = plan_.op(tile).operands[static_cast<size_t>(e.number())];
  const Point reading = insideOf(plan_.type(operand).shape, e.args(), inside);
  ValueId result;
  bool zeroFilled = false;
  if (plan_.type(operand).kind == ir::Type::Kind::Tensor) {
    if (const auto found = registers_.find(operand); found != registers_.end()) {
      result = found->second;  // the verifier guarantees identity indices on such an edge
    } else {
      const OpId producer = plan_.value(operand).definition;
      const ir::TensorExpr& expr = plan_.op(producer).attributes.expr();
      QT_ASSERT(expr.form == ir::TensorExpr::Form::Map, "only maps are computed on demand");
      Point there{{}, reading.laneCount, reading.mask, {}, {}};
      for (const Expr& i : e.args()) there.axes.push_back(index(tile, i, inside));
      const auto& results = plan_.op(producer).results;
      const auto which = std::find(results.begin(), results.end(), operand) - results.begin();
      result = value(producer, expr.results[static_cast<size_t>(which)], there);
    }
  } else {
    std::vector<Linear> indices;
    for (const Expr& i : e.args()) indices.push_back(index(tile, i, inside));
    result = loadBuffer(buffers_.at(operand), indices, reading);
    zeroFilled = true;
  }
  if (!guard.valid() || (zeroFilled && isZero(e.other()))) return result;
  ValueId other = value(tile, e.other(), point);
  if (builder_.module().type(result).lanes > 1 || builder_.module().type(guard).lanes > 1) {
    guard = widen(guard);
    result = widen(result);
    other = widen(other);
  }
  return builder_.apply(Opcode::Select, {guard, result, other});
}

const StagedOperand* Evaluator::stagedOperand(OpId tile, const Expr& e) const {
  if (staged_ == nullptr || tile != stagedTile_) return nullptr;
  const auto found = std::ranges::find_if(
      *staged_, [&](const StagedOperand& operand) { return operand.load == e; });
  return found == staged_->end() ? nullptr : &*found;
}

ValueId Evaluator::loadStaged(const StagedOperand& operand, const std::vector<Linear>& indices) {
  Linear at;
  for (size_t k = 0; k < indices.size(); ++k) {
    at = at + (indices[k] - operand.origin[k]) * operand.box.strides[k];
  }
  const int lanes = math_.lanes();
  if (at.uniform()) {
    return builder_.load(operand.array, math_.materialize(at), 1, {},
                         math_.alignment(at, kWidestPiece));
  }
  if (at.lane == 1) {
    return builder_.load(operand.array, math_.laneBase(at), lanes, {}, math_.alignment(at, lanes));
  }
  if (at.lane > 1 && at.lane <= ir::kMostStride) {
    return builder_.stridedLoad(operand.array, math_.laneBase(at), lanes, at.lane);
  }
  return builder_.gatherLoad(operand.array, widen(math_.materialize(at)), {});
}

Linear Evaluator::address(const KernelBufferUse& buffer, const std::vector<Linear>& indices) {
  const ir::Layout& layout = buffer.type.layout;
  const std::vector<ir::Dim> extents = layout.physicalShape(buffer.type.shape);
  Linear sum;
  ir::Dim stride = 1;
  for (size_t k = extents.size(); k-- > 0;) {
    Linear position;
    if (layout.rowMajor()) {
      position = indices[k];
    } else {
      const ir::Layout::Axis& axis = layout.axes[k];
      position = math_.floorDiv(indices[static_cast<size_t>(axis.axis)], Linear::of(axis.divide));
      if (axis.modulo > 0) position = math_.mod(position, Linear::of(axis.modulo));
    }
    sum = sum + math_.multiply(position, extents_.of(stride));
    stride = stride * extents[k];
  }
  return sum - buffer.window;
}

ValueId Evaluator::loadBuffer(const KernelBufferUse& buffer, const std::vector<Linear>& indices,
                              const Point& point) {
  const Linear at = address(buffer, indices);
  const bool vectorTerms = [&] {
    return std::any_of(at.terms.begin(), at.terms.end(), [](const auto& t) { return t.vector; });
  }();
  const bool vectorMask = point.mask.valid() && builder_.module().type(point.mask).lanes > 1;
  ValueId stored;
  if (at.uniform() && !vectorMask) {
    stored = builder_.load(buffer.parameter, math_.materialize(at), 1, countOf(point, 1),
                           math_.alignment(at, kWidestPiece));
  } else if (at.lane == 1 && !vectorTerms && !vectorMask) {
    const int lanes = math_.lanes();
    stored = builder_.load(buffer.parameter, math_.laneBase(at), lanes, countOf(point, lanes),
                           math_.alignment(at, lanes));
  } else if (at.lane > 1 && at.lane <= ir::kMostStride && !vectorTerms && !vectorMask) {
    const int lanes = math_.lanes();
    stored = builder_.stridedLoad(buffer.parameter, math_.laneBase(at), lanes, at.lane,
                                  countOf(point, lanes));
  } else {
    ValueId positions = widen(math_.materialize(at));
    stored = builder_.gatherLoad(buffer.parameter, positions, maskOf(point, true));
  }
  return toCompute(builder_, stored, buffer.type.dtype);
}

void Evaluator::prefetch(const KernelBufferUse& buffer, const std::vector<Linear>& indices) {
  builder_.prefetch(buffer.parameter, math_.materialize(address(buffer, indices)));
}

void Evaluator::store(const KernelBufferUse& buffer, const std::vector<Linear>& indices,
                      ValueId value, const Point& point, bool streams) {
  const Linear at = address(buffer, indices);
  const bool vectorTerms =
      std::any_of(at.terms.begin(), at.terms.end(), [](const auto& t) { return t.vector; });
  const int lanes = math_.lanes();
  if (lanes == 1 || at.uniform()) {
    QT_ASSERT(builder_.module().type(value).lanes == 1, "a vector stored to one place");
    const ValueId stored = toStorage(builder_, value, buffer.storage);
    builder_.store(buffer.parameter, math_.materialize(at), stored, countOf(point, 1));
    return;
  }
  const ValueId stored = toStorage(builder_, widen(value), buffer.storage);
  if (at.lane == 1 && !vectorTerms) {
    builder_.store(buffer.parameter, math_.laneBase(at), stored, countOf(point, lanes),
                   math_.alignment(at, lanes), streams);
  } else {
    builder_.scatterStore(buffer.parameter, math_.materialize(at), stored, maskOf(point, true));
  }
}

}  // namespace quartet::common
