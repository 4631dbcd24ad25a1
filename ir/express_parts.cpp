#include "ir/express_parts.h"

#include <utility>

#include "ir/scalar_eval.h"

namespace quartet::ir::express_parts {

std::vector<Expr> axes(int count, int first) {
  std::vector<Expr> result;
  for (int i = 0; i < count; ++i) result.push_back(Expr::axis(first + i));
  return result;
}

Expr extentOf(const Dim& dim) {
  return dim.isConstant() ? Expr::index(dim.value()) : Expr::extent(dim);
}

Expr zero(DType dtype) { return identity(dtype == DType::Bool ? Opcode::Or : Opcode::Add, dtype); }

Expr identity(Opcode fn, DType dtype) {
  const Scalar value = identityOf(fn, dtype);
  return isFloat(dtype) ? Expr::literal(value.f, dtype) : Expr::literal(value.i, dtype);
}

DType accumulator(DType dtype) {
  return dtype == DType::F16 || dtype == DType::BF16 ? DType::F32 : dtype;
}

Expr both(const Expr& a, const Expr& b) {
  if (!a.valid()) return b;
  return b.valid() ? Expr::apply(Opcode::And, {a, b}) : a;
}

Expr loadWhere(int input, DType dtype, std::vector<Expr> indices, const Expr& guard, Expr other) {
  if (!guard.valid()) return Expr::load(input, dtype, std::move(indices));
  return Expr::guardedLoad(input, dtype, std::move(indices), guard, std::move(other));
}

Expr broadcastLoad(const Primitive& p, int input) {
  const Type& type = p.operand(input);
  const std::vector<Dim>& domain = p.result().shape;
  const size_t missing = domain.size() - type.shape.size();
  std::vector<Expr> indices;
  for (size_t i = 0; i < type.shape.size(); ++i) {
    const Dim& extent = type.shape[i];
    const Expr axis = Expr::axis(static_cast<int>(i + missing));
    if (extent == Dim(1)) {
      indices.push_back(Expr::index(0));
    } else if (extent == domain[i + missing] || extent.isConstant()) {
      indices.push_back(axis);
    } else {  // whether this axis is stretched shows at run time
      const Expr single = Expr::apply(Opcode::Eq, {Expr::extent(extent), Expr::index(1)});
      indices.push_back(Expr::apply(Opcode::Select, {single, Expr::index(0), axis}));
    }
  }
  return Expr::load(input, type.dtype, std::move(indices));
}

Expr loadedIndex(const Primitive& p, std::vector<Expr> from, const Dim& extent) {
  const Expr raw = Expr::load(1, p.operand(1).dtype, std::move(from));
  return Expr::bounded(Expr::cast(raw, DType::I64), extent);
}

TensorExpr mapOf(std::vector<Dim> domain, Expr result) {
  TensorExpr expr;
  expr.domain = std::move(domain);
  expr.results = {std::move(result)};
  return expr;
}

TensorExpr reduceOf(const Type& result, std::vector<Dim> reduction, Opcode fn, Expr element) {
  if (reduction.empty()) return mapOf(result.shape, Expr::cast(std::move(element), result.dtype));
  const DType dtype = element.dtype();
  TensorExpr expr;
  expr.form = TensorExpr::Form::Reduce;
  expr.domain = result.shape;
  expr.reduction = std::move(reduction);
  expr.element = {std::move(element)};
  expr.init = {identity(fn, dtype)};
  expr.combine = {Expr::apply(fn, {Expr::state(0, dtype), Expr::element(0, dtype)})};
  expr.order = TensorExpr::Order::Commutative;
  expr.results = {Expr::cast(Expr::state(0, dtype), result.dtype)};
  return expr;
}

Expr Sliding::position(const Expr& o, const Expr& k) const {
  return o * Expr::index(stride) + k * Expr::index(dilation) + Expr::index(-padBegin);
}

Expr Sliding::inside(const Expr& position) const {
  Expr guard;
  if (padBegin > 0) guard = Expr::apply(Opcode::Ge, {position, Expr::index(0)});
  if (leavesAtEnd()) guard = both(guard, Expr::apply(Opcode::Lt, {position, extentOf(in)}));
  return guard;
}

bool Sliding::leavesAtEnd() const {
  if (in.isConstant() && kernel.isConstant() && out.isConstant()) {
    const int64_t last = stride * (out.value() - 1) + dilation * (kernel.value() - 1) - padBegin;
    return last >= in.value();
  }
  if (padEnd > 0) return true;
  // Rounded down, the windows end inside of the padded input.
  const Dim span = in + Dim(padBegin) + Dim(padEnd) - Dim(dilation) * (kernel - Dim(1)) - Dim(1);
  return !(out == Dim::floorDiv(span, Dim(stride)) + Dim(1));
}

}  // namespace quartet::ir::express_parts
