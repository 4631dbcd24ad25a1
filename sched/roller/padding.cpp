#include "sched/roller/padding.h"

#include <algorithm>

#include "ir/staging.h"
#include "sched/roller/copies.h"
#include "sched/roller/padded_boxes.h"
#include "sched/task_set.h"

namespace quartet::sched {

using ir::Dim;
using ir::Expr;
using ir::Opcode;
using ir::OpId;
using ir::TensorExpr;
using ir::ValueId;

namespace {

struct Padding {
  std::vector<int64_t> before;
  std::vector<Dim> extents;  // padded; those of the operand where nothing is
};

/// The padded box that covers all indices of a load in `expr`; nothing when a guarded one is not
/// affine, or depends on symbols. An index without a guard stays inside the operand anyway.
std::optional<Padding> coveringBox(const Expr& load, const std::vector<Dim>& shape,
                                   const TensorExpr& expr) {
  std::vector<Dim> axes = expr.domain;
  axes.insert(axes.end(), expr.reduction.begin(), expr.reduction.end());
  Padding box;
  for (size_t k = 0; k < shape.size(); ++k) {
    const Expr& index = load.args()[k];
    box.before.push_back(0);
    box.extents.push_back(shape[k]);
    if (!ir::guardsIndex(load, k)) continue;
    const auto form = ir::affineForm(index, static_cast<int>(axes.size()));
    if (!form || !shape[k].isConstant()) return std::nullopt;
    int64_t lo = form->constant;
    int64_t hi = form->constant;
    for (size_t i = 0; i < axes.size(); ++i) {
      if (form->coefficients[i] == 0) continue;
      if (!axes[i].isConstant()) return std::nullopt;
      const int64_t reach = form->coefficients[i] * (axes[i].value() - 1);
      (reach < 0 ? lo : hi) += reach;
    }
    box.before.back() = std::max<int64_t>(-lo, 0);
    box.extents.back() = Dim(hi + 1 + box.before.back());
  }
  return box;
}

/// Adds buffer and task set of the copy; returns the buffer.
ValueId addPaddedCopy(ir::Module& plan, OpId tasks, ValueId source, const Padding& box,
                      const Expr& other) {
  const ir::Type from = plan.type(source);
  TensorExpr copy;
  std::vector<Expr> indices;
  Expr guard = Expr::literal(int64_t{1}, ir::DType::Bool);
  const auto require = [&](const Expr& condition) {
    guard = guard.isLiteral() ? condition : Expr::apply(Opcode::And, {guard, condition});
  };
  for (size_t k = 0; k < box.extents.size(); ++k) {
    copy.domain.push_back(box.extents[k]);
    const Expr index = Expr::axis(static_cast<int>(k)) - Expr::index(box.before[k]);
    if (box.before[k] > 0) require(Expr::apply(Opcode::Ge, {index, Expr::index(0)}));
    if (box.extents[k].isConstant() && from.shape[k].isConstant()) {
      const int64_t extent = from.shape[k].value();
      if (box.extents[k].value() - box.before[k] > extent) {
        require(Expr::apply(Opcode::Lt, {index, Expr::index(extent)}));
      }
    }
    indices.push_back(index);
  }
  copy.results = {guard.isLiteral() ? Expr::load(0, from.dtype, indices)
                                    : Expr::guardedLoad(0, from.dtype, indices, guard, other)};
  return addCopy(plan, tasks, source, std::move(copy), from.layout, "pad").buffer;
}

}  // namespace

void padOperands(ir::Module& plan, OpId tasks, const hwdb::Description& device) {
  if (paddedLaneAxis(viewOf(plan, tasks, {}), device) >= 0) return;
  const OpId anchor = governingTile(plan, tasks);
  TensorExpr expr = plan.op(anchor).attributes.expr();
  if (expr.form != TensorExpr::Form::Reduce) return;
  double points = 1;
  for (int64_t extent : extentsOf(expr, plan.symbols)) points *= static_cast<double>(extent);
  bool changed = false;
  const auto unguard = [&](const Expr& node) -> Expr {
    if (node.kind() != Expr::Kind::Load || !node.guarded() || !node.other().isLiteral())
      return node;
    const ValueId source = plan.op(anchor).operands[static_cast<size_t>(node.number())];
    const ir::Type type = plan.type(source);
    if (type.kind != ir::Type::Kind::Buffer) return node;
    for (const Dim& dim : type.shape)
      if (dim == Dim(0)) return node;
    if (!ir::isBoundsGuard(node.guard(), node.args(), type.shape)) return node;
    const auto box = coveringBox(node, type.shape, expr);
    if (!box) return node;
    const auto elements = static_cast<double>(ir::elementCount(box->extents).usual(plan.symbols));
    if (points < device.paddedCopySteps.value * elements) return node;
    const ValueId padded = addPaddedCopy(plan, tasks, source, *box, node.other());
    auto& operands = plan.op(anchor).operands;
    operands.push_back(padded);
    std::vector<Expr> indices;
    for (size_t k = 0; k < node.args().size(); ++k) {
      indices.push_back(node.args()[k] + Expr::index(box->before[k]));
    }
    changed = true;
    return Expr::load(static_cast<int>(operands.size()) - 1, node.dtype(), std::move(indices));
  };
  for (Expr& element : expr.element) element = element.rewrite(unguard);
  if (changed) {
    plan.op(anchor).attributes.set("expr", std::make_shared<const TensorExpr>(std::move(expr)));
    dropUnusedOperands(plan, anchor);
  }
}

}  // namespace quartet::sched
