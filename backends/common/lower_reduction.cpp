#include <limits>

#include "backends/common/storage.h"
#include "backends/common/task_lowering.h"

namespace quartet::common {

using ir::DType;
using ir::Expr;
using ir::Opcode;
using ir::TensorExpr;
using ir::ValueId;

ValueId TaskLowering::identity(Opcode op, DType logical, int lanes) {
  const DType dtype = computeType(logical);
  const bool isFloat = ir::isFloat(dtype);
  const double infinity = std::numeric_limits<double>::infinity();
  switch (op) {
    case Opcode::Mul:
      return isFloat ? builder_.literal(1.0, dtype, lanes)
                     : builder_.literal(int64_t{1}, dtype, lanes);
    case Opcode::And:
      return builder_.literal(int64_t{dtype == DType::Bool ? 1 : -1}, dtype, lanes);
    case Opcode::Max:
    case Opcode::Min: {
      const bool max = op == Opcode::Max;
      if (isFloat) return builder_.literal(max ? -infinity : infinity, dtype, lanes);
      if (logical == DType::Bool) return builder_.literal(int64_t{max ? 0 : 1}, dtype, lanes);
      const bool isSigned = ir::isSigned(logical);
      const auto unused = static_cast<int>(64 - 8 * ir::byteSize(logical));  // bits of an i64
      const int64_t most =
          isSigned ? INT64_MAX >> unused : static_cast<int64_t>(UINT64_MAX >> unused);
      return builder_.literal(max ? (isSigned ? INT64_MIN >> unused : 0) : most, dtype, lanes);
    }
    default:
      return isFloat ? builder_.literal(0.0, dtype, lanes)
                     : builder_.literal(int64_t{0}, dtype, lanes);
  }
}

/// state + a * b, or the sum of several products, in one operation, when that is the whole
/// reduction step.
std::optional<ValueId> TaskLowering::fusedMultiplyAdd(const Point& point, ValueId state) {
  const Expr& element = expr_.element[0];
  if (expr_.laneCombine() != Opcode::Add || element.kind() != Expr::Kind::Apply) return {};
  const auto isZero = [](const Expr& e) {
    return e.isLiteral() && (ir::isFloat(e.dtype()) ? e.floatValue() == 0 : e.isInt(0));
  };
  const bool packed =
      (element.op() == Opcode::Dot4 || element.op() == Opcode::Dot2) && isZero(element.args()[2]);
  const bool product = element.op() == Opcode::Mul && ir::isFloat(element.dtype()) &&
                       computeType(element.dtype()) == element.dtype();
  if (!packed && !product) return std::nullopt;
  const ValueId a = evaluator_.vector(anchor_, element.args()[0], point);
  const ValueId b = evaluator_.vector(anchor_, element.args()[1], point);
  return builder_.apply(packed ? element.op() : Opcode::Fma, {a, b, state});
}

void TaskLowering::reductionLoops(
    size_t depth, std::vector<Linear>& position,
    const std::function<void(const std::vector<Linear>&, ValueId)>& body) {
  std::vector<size_t> order;
  for (int axis : tile_.order) {
    if (static_cast<size_t>(axis) >= rank()) order.push_back(static_cast<size_t>(axis));
  }
  if (depth == order.size()) {
    body(position, {});
    return;
  }
  const size_t axis = order[depth];
  const size_t which = axis - rank();
  const Linear extent = extents_.of(expr_.reduction[which]);
  const int64_t unroll = reg(axis);
  const bool sliced = slice_.has_value() && extent.isConstant() && group(axis) < extent.constant;
  const int64_t most = sliced ? group(axis) : std::max<int64_t>(math_.range(extent).hi, 0);
  if (!isLane(axis)) {
    const Linear start = sliced ? sliceStart(axis) : Linear::of(0);
    const Linear length = sliced ? math_.minimum(Linear::of(group(axis)), extent - start) : extent;
    QT_ASSERT(unroll == 1 || (extent.isConstant() && extent.constant % unroll == 0),
              "a reduction axis is unrolled by a number that does not divide it");
    loop(Linear::of(0), math_.floorDiv(length, Linear::of(unroll)), 1,
         {0, std::max<int64_t>(most / unroll - 1, 0)}, [&](const Linear& i) {
           for (int64_t u = 0; u < unroll; ++u) {
             position[which] = start + i * unroll + Linear::of(u);
             reductionLoops(depth + 1, position, body);
           }
         });
    return;
  }
  QT_ASSERT(depth + 1 == order.size(), "the lane axis of a reduction is its innermost");
  const int64_t lanes = tile_.lanes;
  const Linear whole = math_.floorDiv(extent, Linear::of(lanes));
  loop(Linear::of(0), whole, 1, {0, std::max<int64_t>(most / lanes - 1, 0)}, [&](const Linear& i) {
    position[which] = i * lanes;
    position[which].lane = 1;
    body(position, {});
  });
  const Linear rest = extent - whole * lanes;
  if (rest.isConstant() && rest.constant == 0) return;
  const ValueId count = math_.materialize(rest);
  branch(builder_.apply(Opcode::Gt, {count, builder_.literal(int64_t{0})}), [&] {
    position[which] = whole * lanes;
    position[which].lane = 1;
    body(position, count);
  });
}

/// One step of the reduction at a point: takes the elements there into the states' variables.
void TaskLowering::reductionStep(Point point, ValueId laneCount,
                                 const std::vector<ValueId>& variables) {
  const int lanes = math_.lanes();
  if (laneCount.valid()) point.laneCount = laneCount;
  if (!laneCount.valid()) {
    if (const auto sum = fusedMultiplyAdd(point, builder_.get(variables[0]))) {
      builder_.set(variables[0], *sum);
      return;
    }
  }
  for (size_t s = 0; s < variables.size(); ++s) {
    ValueId element = evaluator_.vector(anchor_, expr_.element[s], point);
    if (laneCount.valid()) {
      const ValueId active =
          builder_.apply(Opcode::Lt, {builder_.laneId(lanes), builder_.splat(laneCount, lanes)});
      const DType dtype = expr_.element[s].dtype();
      element = builder_.apply(Opcode::Select,
                               {active, element, identity(*expr_.laneCombine(), dtype, lanes)});
    }
    point.elements.push_back(element);
    point.states.push_back(builder_.get(variables[s]));
  }
  std::vector<ValueId> next;
  for (const Expr& combine : expr_.combine) {
    next.push_back(evaluator_.vector(anchor_, combine, point));
  }
  for (size_t s = 0; s < variables.size(); ++s) builder_.set(variables[s], next[s]);
}

/// Runs the reduction for all points of a register tile; leaves the final states in the points.
void TaskLowering::reduce(std::vector<Point>& all) {
  const std::optional<Opcode> simple = expr_.laneCombine();
  QT_ASSERT(!reductionLanes() || simple, "lanes along a reduction that lanes cannot share");
  const int lanes = math_.lanes();
  std::vector<std::vector<ValueId>> variables(all.size());
  for (size_t p = 0; p < all.size(); ++p) {
    for (const Expr& init : expr_.init) {
      variables[p].push_back(builder_.var(computeType(init.dtype()), lanes));
    }
  }
  const auto begin = [&] {
    for (size_t p = 0; p < all.size(); ++p) {
      for (size_t s = 0; s < expr_.init.size(); ++s) {
        const Expr& init = expr_.init[s];
        builder_.set(variables[p][s], reductionLanes() ? identity(*simple, init.dtype(), lanes)
                                                       : evaluator_.vector(anchor_, init, all[p]));
      }
    }
  };
  const auto resume = [&] {
    for (size_t p = 0; p < all.size(); ++p) {
      const ValueId index = partialIndex(all[p]);
      for (size_t s = 0; s < partial_.size(); ++s) {
        builder_.set(variables[p][s], builder_.get(partial_[s], index));
      }
    }
  };
  if (slice_) {
    branch(sliceIs(0), begin, resume);
  } else {
    begin();
  }
  const auto steps = [&] {
    std::vector<Linear> position(expr_.reduction.size());
    reductionLoops(0, position, [&](const std::vector<Linear>& at, ValueId laneCount) {
      for (size_t p = 0; p < all.size(); ++p) {
        Point point = all[p];
        point.axes.insert(point.axes.end(), at.begin(), at.end());
        reductionStep(std::move(point), laneCount, variables[p]);
      }
    });
  };
  if (staged()) {
    stagedSlices(steps);
  } else {
    steps();
  }
  for (size_t p = 0; p < all.size(); ++p) {
    for (size_t s = 0; s < variables[p].size(); ++s) {
      ValueId value = builder_.get(variables[p][s]);
      if (reductionLanes()) {
        const ValueId start = evaluator_.value(anchor_, expr_.init[s], all[p]);
        value = builder_.apply(*simple, {start, builder_.reduceLanes(*simple, value)});
        value = normalize(builder_, value, expr_.init[s].dtype());  // lanes were merged in 32 bits
      }
      all[p].states.push_back(value);
    }
  }
}

}  // namespace quartet::common
