#include "sched/roller/winograd_blocks.h"

#include <algorithm>

namespace quartet::sched {

using ir::Dim;
using ir::DType;
using ir::Expr;
using ir::Opcode;
using ir::TensorExpr;

namespace {

using Line = std::array<Expr, kInputBlock>;

Expr add(const Expr& a, const Expr& b) { return Expr::apply(Opcode::Add, {a, b}); }
Expr subtract(const Expr& a, const Expr& b) { return Expr::apply(Opcode::Sub, {a, b}); }

/// B^T of F(2, 3): [1 0 -1 0; 0 1 1 0; 0 -1 1 0; 0 1 0 -1].
Line transformIn(const Line& d) {
  return {subtract(d[0], d[2]), add(d[1], d[2]), subtract(d[2], d[1]), subtract(d[1], d[3])};
}

/// A^T of F(2, 3): [1 1 1 0; 0 1 -1 -1].
std::array<Expr, kOutputBlock> transformOut(const Line& m) {
  return {add(m[0], add(m[1], m[2])), subtract(subtract(m[1], m[2]), m[3])};
}

std::vector<Expr> identity(size_t rank) {
  std::vector<Expr> axes;
  for (size_t i = 0; i < rank; ++i) axes.push_back(Expr::axis(static_cast<int>(i)));
  return axes;
}

/// `guard` and one condition more; no guard is an empty one.
Expr both(const Expr& condition, const Expr& guard) {
  return guard.valid() ? Expr::apply(Opcode::And, {condition, guard}) : condition;
}

bool indexedBy(const Expr& load, int axis) {
  return std::any_of(load.args().begin(), load.args().end(),
                     [&](const Expr& index) { return ir::mentions(index, axis); });
}

Expr zero(DType dtype) {
  return ir::isFloat(dtype) ? Expr::literal(0.0, dtype) : Expr::literal(int64_t{0}, dtype);
}

}  // namespace

WinogradBlocks::WinogradBlocks(TensorExpr expr, Convolution convolution)
    : expr_(std::move(expr)), convolution_(std::move(convolution)) {
  for (int axis = 0; axis < expr_.domainRank(); ++axis) {
    if (axis == convolution_.filter) continue;
    points_.push_back(axis);
    extents_.push_back(extentOf(axis));
  }
}

const Dim& WinogradBlocks::filters() const {
  return expr_.domain[static_cast<size_t>(convolution_.filter)];
}

const Dim& WinogradBlocks::channels() const {
  return expr_.reduction[static_cast<size_t>(convolution_.channel - expr_.domainRank())];
}

/// Points of a domain axis, or blocks of them.
Dim WinogradBlocks::extentOf(int axis) const {
  const Dim& points = expr_.domain[static_cast<size_t>(axis)];
  const bool window =
      axis == convolution_.windows[0].position || axis == convolution_.windows[1].position;
  return window ? Dim::ceilDiv(points, Dim(kOutputBlock)) : points;
}

/// An element of the input block, over (1, channels, blocks...); 0 outside of the input.
Expr WinogradBlocks::inputElement(const Corner& at, const std::vector<Dim>& input) const {
  std::vector<Expr> axes(static_cast<size_t>(expr_.axisCount()));
  axes[static_cast<size_t>(convolution_.channel)] = Expr::axis(1);
  for (size_t k = 0; k < points_.size(); ++k) {
    axes[static_cast<size_t>(points_[k])] = Expr::axis(2 + static_cast<int>(k));
  }
  Expr guard;
  std::vector<Expr> indices;
  const std::vector<Expr>& places = convolution_.input.args();
  for (size_t k = 0; k < places.size(); ++k) {
    const Convolution::Window* window = convolution_.windowOf(k);
    if (window == nullptr) {
      indices.push_back(axes[static_cast<size_t>(places[k].number())]);
      continue;
    }
    const int64_t first =
        at[static_cast<size_t>(window - convolution_.windows.data())] - window->before;
    const Expr block = axes[static_cast<size_t>(window->position)];
    const Expr index = block * Expr::index(kOutputBlock) + Expr::index(first);
    const int64_t last = first + kOutputBlock * (extentOf(window->position).value() - 1);
    const int64_t extent = input[k].value();
    if (first < 0) guard = both(Expr::apply(Opcode::Ge, {index, Expr::index(0)}), guard);
    if (last >= extent) guard = both(Expr::apply(Opcode::Lt, {index, Expr::index(extent)}), guard);
    indices.push_back(index);
  }
  return guard.valid()
             ? Expr::guardedLoad(0, DType::F32, std::move(indices), guard, zero(DType::F32))
             : Expr::load(0, DType::F32, std::move(indices));
}

TensorExpr WinogradBlocks::inputTransform(const std::vector<Dim>& input) const {
  std::array<Line, kInputBlock> columns;
  for (int64_t j = 0; j < kInputBlock; ++j) {
    Line column;
    for (int64_t i = 0; i < kInputBlock; ++i) {
      column[static_cast<size_t>(i)] = inputElement({i, j}, input);
    }
    columns[static_cast<size_t>(j)] = transformIn(column);
  }
  TensorExpr expr;
  expr.domain = {Dim(1), channels()};
  expr.domain.insert(expr.domain.end(), extents_.begin(), extents_.end());
  for (size_t i = 0; i < kInputBlock; ++i) {
    const Line row = transformIn({columns[0][i], columns[1][i], columns[2][i], columns[3][i]});
    expr.results.insert(expr.results.end(), row.begin(), row.end());
  }
  return expr;
}

TensorExpr WinogradBlocks::products() const {
  TensorExpr expr;
  expr.form = TensorExpr::Form::Reduce;
  expr.domain = {Dim(kBlockProducts), filters()};
  expr.domain.insert(expr.domain.end(), extents_.begin(), extents_.end());
  expr.reduction = {channels()};
  const Expr channel = Expr::axis(expr.domainRank());
  std::vector<Expr> place = identity(expr.domain.size());
  place[1] = channel;
  const Expr v = Expr::load(0, DType::F32, std::move(place));
  const Expr u = Expr::load(1, DType::F32, {Expr::axis(0), Expr::axis(1), channel});
  expr.element = {Expr::apply(Opcode::Mul, {v, u})};
  expr.init = {zero(DType::F32)};
  expr.combine = {add(Expr::state(0, DType::F32), Expr::element(0, DType::F32))};
  expr.order = TensorExpr::Order::Commutative;
  expr.results = {Expr::state(0, DType::F32)};
  return expr;
}

TensorExpr WinogradBlocks::outputTransform() const {
  std::vector<Expr> place{Expr(), Expr::axis(convolution_.filter)};
  for (const int axis : points_) place.push_back(Expr::axis(axis));
  std::array<std::array<Expr, kOutputBlock>, kInputBlock> columns;
  for (int64_t j = 0; j < kInputBlock; ++j) {
    Line column;
    for (int64_t i = 0; i < kInputBlock; ++i) {
      place[0] = Expr::index(kInputBlock * i + j);
      column[static_cast<size_t>(i)] = Expr::load(0, DType::F32, place);
    }
    columns[static_cast<size_t>(j)] = transformOut(column);
  }
  TensorExpr expr;
  expr.domain = blockDomain();
  for (size_t i = 0; i < kOutputBlock; ++i) {
    const auto row = transformOut({columns[0][i], columns[1][i], columns[2][i], columns[3][i]});
    expr.results.insert(expr.results.end(), row.begin(), row.end());
  }
  return expr;
}

std::vector<Dim> WinogradBlocks::blockDomain() const {
  std::vector<Dim> domain;
  for (int axis = 0; axis < expr_.domainRank(); ++axis) domain.push_back(extentOf(axis));
  return domain;
}

/// Where a corner of a block lies in the convolution's domain.
std::vector<Expr> WinogradBlocks::cornerAxes(const Corner& corner) const {
  std::vector<Expr> axes = identity(expr_.domain.size());
  for (size_t w = 0; w < corner.size(); ++w) {
    Expr& axis = axes[static_cast<size_t>(convolution_.windows[w].position)];
    axis = axis * Expr::index(kOutputBlock) + Expr::index(corner[w]);
  }
  return axes;
}

/// Whether the corner of some block is outside the domain along an axis of the window.
bool WinogradBlocks::mayBeOutside(size_t window, const Corner& corner) const {
  const int position = convolution_.windows[window].position;
  const int64_t points = expr_.domain[static_cast<size_t>(position)].value();
  return kOutputBlock * (extentOf(position).value() - 1) + corner[window] >= points;
}

TensorExpr WinogradBlocks::cornerOf(const TensorExpr& top, const std::vector<bool>& here,
                                    const Corner& corner) const {
  const std::vector<Expr> axes = cornerAxes(corner);
  const auto replace = [&](const Expr& node) -> Expr {
    if (node.kind() == Expr::Kind::Axis) return axes[static_cast<size_t>(node.number())];
    if (node.kind() != Expr::Kind::Load) return node;
    if (here[static_cast<size_t>(node.number())]) {
      return Expr::load(node.number(), node.dtype(), identity(axes.size()));
    }
    Expr guard = node.guarded() ? node.guard() : Expr();
    for (size_t w = 0; w < corner.size(); ++w) {
      const int position = convolution_.windows[w].position;
      if (!mayBeOutside(w, corner) || !indexedBy(node, position)) continue;
      const auto i = static_cast<size_t>(position);
      guard = both(Expr::apply(Opcode::Lt, {axes[i], Expr::extent(expr_.domain[i])}), guard);
    }
    if (!guard.valid()) return node;
    return Expr::guardedLoad(node.number(), node.dtype(), node.args(), guard,
                             node.guarded() ? node.other() : zero(node.dtype()));
  };
  TensorExpr expr = top;
  expr.domain = blockDomain();
  for (Expr& result : expr.results) result = result.rewrite(replace);
  return expr;
}

ir::Attributes WinogradBlocks::cornerPlace(const Corner& corner) const {
  ir::Dims offset(expr_.domain.size(), Dim(0));
  ir::Ints strides(expr_.domain.size(), 1);
  for (size_t w = 0; w < corner.size(); ++w) {
    const auto axis = static_cast<size_t>(convolution_.windows[w].position);
    offset[axis] = Dim(corner[w]);
    strides[axis] = kOutputBlock;
  }
  ir::Attributes attributes;
  attributes.set("offset", std::move(offset));
  attributes.set("strides", std::move(strides));
  return attributes;
}

}  // namespace quartet::sched
