// Reductions of one operand: whole axes, sliding windows, the position of an extremum.

#include <algorithm>
#include <limits>
#include <utility>

#include "ir/express_parts.h"

namespace quartet::ir::express_parts {
namespace {

// Sums and products of narrow floats accumulate wider; the other functions only choose.
DType stateOf(Opcode fn, DType dtype) {
  return fn == Opcode::Add || fn == Opcode::Mul ? accumulator(dtype) : dtype;
}

}  // namespace

Result<TensorExpr> reduce(const Primitive& p) {
  const Type& x = p.operand(0);
  const Ints& reduced = p.op.attributes.ints("axes");
  const auto fn = p.op.attributes.get<Opcode>("fn");
  int outer = 0;
  int inner = static_cast<int>(p.result().shape.size());
  std::vector<Dim> reduction;
  std::vector<Expr> at;
  for (size_t i = 0; i < x.shape.size(); ++i) {
    if (std::find(reduced.begin(), reduced.end(), static_cast<int64_t>(i)) == reduced.end()) {
      at.push_back(Expr::axis(outer++));
    } else {
      at.push_back(Expr::axis(inner++));
      reduction.push_back(x.shape[i]);
    }
  }
  const DType state = stateOf(fn, p.result().dtype);
  Expr element = Expr::cast(Expr::load(0, x.dtype, std::move(at)), state);
  return reduceOf(p.result(), std::move(reduction), fn, std::move(element));
}

Result<TensorExpr> window(const Primitive& p) {
  const Type& x = p.operand(0);
  const Attributes& attributes = p.op.attributes;
  const auto fn = attributes.get<Opcode>("fn");
  const Ints& extents = attributes.ints("window");
  const Ints& strides = attributes.ints("strides");
  const Ints& dilations = attributes.ints("dilations");
  const Ints& pads = attributes.ints("pads");
  const size_t rank = x.shape.size();
  std::vector<Dim> reduction;
  std::vector<Expr> at;
  Expr guard;
  for (size_t i = 0; i < rank; ++i) {
    Expr k = Expr::index(0);
    if (extents[i] != 1) {
      k = Expr::axis(static_cast<int>(rank + reduction.size()));
      reduction.emplace_back(extents[i]);
    }
    const Sliding sliding{strides[i],      dilations[i],       pads[i], pads[i + rank], x.shape[i],
                          Dim(extents[i]), p.result().shape[i]};
    at.push_back(sliding.position(Expr::axis(static_cast<int>(i)), k));
    guard = both(guard, sliding.inside(at.back()));
  }
  const DType state = stateOf(fn, p.result().dtype);
  const Expr value = loadWhere(0, x.dtype, std::move(at), guard, identity(fn, x.dtype));
  return reduceOf(p.result(), std::move(reduction), fn, Expr::cast(value, state));
}

// The state is (value, index). An element replaces it when its value is better, or when both are
// equal (two NaN are) and its index comes first (or last); so partial results merge in any order.
// The initial index is worse than all others: an element of the initial value wins.
Result<TensorExpr> argReduce(const Primitive& p) {
  const Type& x = p.operand(0);
  const auto fn = p.op.attributes.get<Opcode>("fn");
  const auto axis = static_cast<size_t>(p.op.attributes.integer("axis"));
  const bool last = p.op.attributes.integer("last") != 0;
  const int rank = static_cast<int>(p.result().shape.size());
  std::vector<Expr> at = axes(rank);
  const Expr index = Expr::axis(rank);
  at.insert(at.begin() + static_cast<std::ptrdiff_t>(axis), index);
  Expr value = Expr::load(0, x.dtype, std::move(at));
  if (x.dtype == DType::Bool) value = Expr::cast(value, DType::U8);  // bool has no order
  const DType dtype = value.dtype();

  const auto apply = [](Opcode op, const Expr& a, const Expr& b) {
    return Expr::apply(op, {a, b});
  };
  const Expr state = Expr::state(0, dtype);
  const Expr stateIndex = Expr::state(1, DType::I64);
  const Expr element = Expr::element(0, dtype);
  const Expr elementIndex = Expr::element(1, DType::I64);
  Expr better = apply(fn == Opcode::Max ? Opcode::Gt : Opcode::Lt, element, state);
  Expr equal = apply(Opcode::Eq, element, state);
  if (isFloat(dtype)) {
    const Expr stateNan = Expr::apply(Opcode::IsNan, {state});
    const Expr elementNan = Expr::apply(Opcode::IsNan, {element});
    const Expr firstNan = apply(Opcode::And, elementNan, Expr::apply(Opcode::Not, {stateNan}));
    better = apply(Opcode::Or, better, firstNan);
    equal = apply(Opcode::Or, equal, apply(Opcode::And, elementNan, stateNan));
  }
  const Expr earlier = apply(last ? Opcode::Gt : Opcode::Lt, elementIndex, stateIndex);
  const Expr take = apply(Opcode::Or, better, apply(Opcode::And, equal, earlier));

  TensorExpr expr;
  expr.form = TensorExpr::Form::Reduce;
  expr.domain = p.result().shape;
  expr.reduction = {x.shape[axis]};
  expr.element = {value, index};
  expr.init = {identity(fn, dtype), Expr::index(last ? -1 : std::numeric_limits<int64_t>::max())};
  expr.combine = {Expr::apply(Opcode::Select, {take, element, state}),
                  Expr::apply(Opcode::Select, {take, elementIndex, stateIndex})};
  expr.order = TensorExpr::Order::Commutative;
  expr.results = {Expr::cast(stateIndex, p.result().dtype)};
  return expr;
}

}  // namespace quartet::ir::express_parts
