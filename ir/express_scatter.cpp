// What writes where it pleases: running results, scattered updates, orders.
#include <utility>

#include "ir/express_parts.h"

namespace quartet::ir::express_parts {
namespace {

// The points along `axis` are gone through in order, those of all other axes independently.
struct Along {
  std::vector<Dim> domain;
  std::vector<Dim> reduction;
  std::vector<Expr> at;  // the point, in the order of the shape's axes
};

Along along(const std::vector<Dim>& shape, size_t axis) {
  Along result;
  const int last = static_cast<int>(shape.size()) - 1;
  int next = 0;
  for (size_t i = 0; i < shape.size(); ++i) {
    if (i == axis) {
      result.reduction.push_back(shape[i]);
      result.at.push_back(Expr::axis(last));
    } else {
      result.domain.push_back(shape[i]);
      result.at.push_back(Expr::axis(next++));
    }
  }
  return result;
}

// A scatter of the updates (operand 2) into the data (operand 0).
TensorExpr scatterOf(const Primitive& p) {
  const Type& data = p.operand(0);
  TensorExpr expr;
  expr.form = TensorExpr::Form::Scatter;
  expr.order = TensorExpr::Order::Sequential;
  expr.shape = data.shape;
  expr.init = {Expr::load(0, data.dtype, axes(static_cast<int>(data.shape.size())))};
  const Expr element = Expr::element(0, data.dtype);
  expr.combine = {element};
  if (p.op.attributes.has("fn")) {
    const auto fn = p.op.attributes.get<Opcode>("fn");
    expr.combine = {Expr::apply(fn, {Expr::state(0, data.dtype), element})};
  }
  return expr;
}

}  // namespace

Result<TensorExpr> scan(const Primitive& p) {
  const Type& x = p.operand(0);
  const Attributes& attributes = p.op.attributes;
  const auto fn = attributes.get<Opcode>("fn");
  const auto axis = static_cast<size_t>(attributes.integer("axis"));
  const bool reverse = attributes.integer("reverse") != 0;
  const DType state = fn == Opcode::Add || fn == Opcode::Mul ? accumulator(x.dtype) : x.dtype;
  Along points = along(x.shape, axis);
  const Expr step = points.at[axis];
  if (reverse) points.at[axis] = extentOf(x.shape[axis] - Dim(1)) - step;

  std::vector<Expr> from = points.at;
  Expr guard;
  if (attributes.integer("exclusive") != 0) {
    from[axis] = reverse ? extentOf(x.shape[axis]) - step : step - Expr::index(1);
    guard = Expr::apply(Opcode::Gt, {step, Expr::index(0)});
  }
  const Expr value = loadWhere(0, x.dtype, std::move(from), guard, identity(fn, x.dtype));
  TensorExpr expr;
  expr.form = TensorExpr::Form::Scan;
  expr.order = TensorExpr::Order::Sequential;
  expr.domain = std::move(points.domain);
  expr.reduction = std::move(points.reduction);
  expr.shape = x.shape;
  expr.target = std::move(points.at);
  expr.element = {Expr::cast(value, state)};
  expr.init = {identity(fn, state)};
  expr.combine = {Expr::apply(fn, {Expr::state(0, state), Expr::element(0, state)})};
  expr.results = {Expr::cast(Expr::state(0, state), p.result().dtype)};
  return expr;
}

Result<TensorExpr> scatterElements(const Primitive& p) {
  const std::vector<Dim>& indices = p.operand(1).shape;
  const auto axis = static_cast<size_t>(p.op.attributes.integer("axis"));
  Along points = along(indices, axis);
  TensorExpr expr = scatterOf(p);
  expr.domain = std::move(points.domain);
  expr.reduction = std::move(points.reduction);
  expr.element = {Expr::load(2, p.operand(2).dtype, points.at)};
  expr.target = points.at;
  expr.target[axis] = loadedIndex(p, points.at, p.operand(0).shape[axis]);
  return expr;
}

Result<TensorExpr> scatterNd(const Primitive& p) {
  const std::vector<Dim>& data = p.operand(0).shape;
  const std::vector<Dim>& indices = p.operand(1).shape;
  const std::optional<int64_t> coordinates = indices.back().constant();
  if (!coordinates) {
    return unsupported("the last axis of the indices of scatter_nd has the symbolic extent " +
                       indices.back().str());
  }
  // Slices are the domain, the indices that name them are gone through in order.
  TensorExpr expr = scatterOf(p);
  expr.domain.assign(data.begin() + *coordinates, data.end());
  expr.reduction.assign(indices.begin(), indices.end() - 1);
  const int steps = static_cast<int>(expr.reduction.size());
  const std::vector<Expr> step = axes(steps, expr.domainRank());
  for (int64_t i = 0; i < *coordinates; ++i) {
    std::vector<Expr> from = step;
    from.push_back(Expr::index(i));
    expr.target.push_back(loadedIndex(p, std::move(from), data[static_cast<size_t>(i)]));
  }
  std::vector<Expr> update = step;
  for (const Expr& axis : axes(expr.domainRank())) {
    expr.target.push_back(axis);
    update.push_back(axis);
  }
  expr.element = {Expr::load(2, p.operand(2).dtype, std::move(update))};
  return expr;
}

Result<TensorExpr> argsort(const Primitive& p) {
  const Type& x = p.operand(0);
  TensorExpr expr;
  expr.form = TensorExpr::Form::Opaque;
  expr.order = TensorExpr::Order::Sequential;
  expr.builder =
      p.op.attributes.integer("descending") != 0 ? "argsort_descending" : "argsort_ascending";
  expr.domain.assign(x.shape.begin(), x.shape.end() - 1);
  expr.reduction = {x.shape.back()};
  Expr key = Expr::load(0, x.dtype, axes(static_cast<int>(x.shape.size())));
  if (x.dtype == DType::Bool) key = Expr::cast(key, DType::U8);  // bool has no order
  expr.element = {std::move(key)};
  expr.init = {Expr::cast(Expr::axis(expr.domainRank()), DType::I32)};
  return expr;
}

}  // namespace quartet::ir::express_parts
