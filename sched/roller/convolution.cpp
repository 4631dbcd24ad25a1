#include "sched/roller/convolution.h"

#include <algorithm>

#include "ir/staging.h"

namespace quartet::sched {

using ir::DType;
using ir::Expr;
using ir::Opcode;
using ir::TensorExpr;

namespace {

/// The two f32 loads whose products `expr` adds up, in any order.
std::optional<std::pair<Expr, Expr>> sumOfProducts(const TensorExpr& expr) {
  if (expr.form != TensorExpr::Form::Reduce || expr.laneCombine() != Opcode::Add) return {};
  if (expr.results != std::vector<Expr>{Expr::state(0, DType::F32)}) return {};
  const Expr& start = expr.init[0];
  const Expr& product = expr.element[0];
  const bool zero = start.isLiteral() && start.dtype() == DType::F32 && start.floatValue() == 0;
  if (!zero || product.kind() != Expr::Kind::Apply || product.op() != Opcode::Mul) return {};
  for (const Expr& factor : product.args()) {
    if (factor.kind() != Expr::Kind::Load || factor.dtype() != DType::F32) return {};
  }
  return std::pair(product.args()[0], product.args()[1]);
}

bool isConstant(const ir::Module& plan, ir::ValueId buffer) {
  const ir::OpId definition = plan.value(buffer).definition;
  return definition.valid() && plan.op(definition).opcode == Opcode::Constant;
}

/// The axis that an index is by itself, -1 for another index.
int axisOf(const Expr& index) { return index.kind() == Expr::Kind::Axis ? index.number() : -1; }

/// An axis of the domain plus one of the reduction minus a constant.
std::optional<Convolution::Window> windowOf(const Expr& index, const TensorExpr& expr) {
  const auto form = ir::affineForm(index, expr.axisCount());
  if (!form) return std::nullopt;
  Convolution::Window window;
  for (int axis = 0; axis < expr.axisCount(); ++axis) {
    const int64_t step = form->coefficients[static_cast<size_t>(axis)];
    if (step == 0) continue;
    int& place = axis < expr.domainRank() ? window.position : window.offset;
    if (step != 1 || place >= 0) return std::nullopt;
    place = axis;
  }
  if (window.position < 0 || window.offset < 0) return std::nullopt;
  window.before = -form->constant;
  return window;
}

/// Whether the load is 0 outside of its operand, and reads all that is inside.
bool zeroOutside(const Expr& load, const std::vector<ir::Dim>& shape) {
  if (!load.guarded()) return true;
  const Expr& other = load.other();
  return other.isLiteral() && other.floatValue() == 0 &&
         ir::isBoundsGuard(load.guard(), load.args(), shape);
}

/// The axes of the weights' indices, each once.
std::optional<std::vector<int>> plainAxes(const Expr& load) {
  std::vector<int> axes;
  for (const Expr& index : load.args()) {
    const int axis = axisOf(index);
    if (axis < 0 || std::find(axes.begin(), axes.end(), axis) != axes.end()) return std::nullopt;
    axes.push_back(axis);
  }
  return axes;
}

}  // namespace

std::optional<Convolution> convolutionOf(const ir::Module& plan, ir::OpId tile) {
  const TensorExpr& expr = plan.op(tile).attributes.expr();
  const auto factors = sumOfProducts(expr);
  if (!factors || expr.reduction.size() != 3) return std::nullopt;
  const auto operand = [&](const Expr& load) {
    return plan.op(tile).operands[static_cast<size_t>(load.number())];
  };
  Convolution found{factors->first, factors->second, -1, -1, {}};
  if (!isConstant(plan, operand(found.weights))) std::swap(found.input, found.weights);
  const ir::Type& input = plan.type(operand(found.input));
  if (!isConstant(plan, operand(found.weights)) || found.weights.guarded()) return std::nullopt;
  if (input.kind != ir::Type::Kind::Buffer || !zeroOutside(found.input, input.shape)) return {};

  std::vector<bool> used(static_cast<size_t>(expr.axisCount()), false);
  size_t windows = 0;
  for (size_t k = 0; k < found.input.args().size(); ++k) {
    const Expr& index = found.input.args()[k];
    if (const int axis = axisOf(index); axis >= 0) {
      if (used[static_cast<size_t>(axis)]) return std::nullopt;
      used[static_cast<size_t>(axis)] = true;
      if (axis >= expr.domainRank()) found.channel = axis;
      continue;
    }
    auto window = windowOf(index, expr);
    if (!window || windows == 2) return std::nullopt;
    window->index = k;
    for (const int axis : {window->position, window->offset}) {
      if (used[static_cast<size_t>(axis)]) return std::nullopt;
      used[static_cast<size_t>(axis)] = true;
    }
    found.windows[windows++] = *window;
  }
  const auto unused = std::find(used.begin(), used.end(), false);
  if (windows != 2 || found.channel < 0 || unused == used.end()) return std::nullopt;
  found.filter = static_cast<int>(unused - used.begin());
  if (std::find(unused + 1, used.end(), false) != used.end()) return std::nullopt;
  if (found.filter >= expr.domainRank()) return std::nullopt;

  auto axes = plainAxes(found.weights);
  if (!axes) return std::nullopt;
  std::sort(axes->begin(), axes->end());
  std::vector<int> wanted{found.filter, found.channel, found.windows[0].offset,
                          found.windows[1].offset};
  std::sort(wanted.begin(), wanted.end());
  if (*axes != wanted) return std::nullopt;
  return found;
}

}  // namespace quartet::sched
