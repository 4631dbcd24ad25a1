#include "ir/evaluate.h"

#include <string>
#include <unordered_map>
#include <utility>

#include "ir/kernel.h"
#include "ir/scalar_eval.h"

namespace quartet::ir {
namespace {

using Operands = std::vector<std::shared_ptr<const ConstantData>>;

tl::unexpected<Diagnostic> broken(std::string message) {
  Diagnostic diagnostic;
  diagnostic.kind = Diagnostic::Kind::Internal;
  diagnostic.message = std::move(message);
  return tl::unexpected(std::move(diagnostic));
}

std::string list(const std::vector<int64_t>& values) {
  std::string text = "[";
  for (size_t i = 0; i < values.size(); ++i) {
    text += (i == 0 ? "" : ", ") + std::to_string(values[i]);
  }
  return text + "]";
}

// An expression node with its children as numbers of nodes.
struct Node {
  Expr::Kind kind = Expr::Kind::Literal;
  Opcode op = Opcode::Add;
  DType dtype = DType::I64;
  DType operandDType = DType::I64;
  Scalar literal = {.i = 0};
  int64_t extent = 0;  // Bounded
  int number = 0;
  std::vector<int> args;
  int guard = -1;
  int other = -1;
};

// Values at one point; a node is computed at most once per point, and only when needed.
class Evaluator {
 public:
  Evaluator(const Operands& operands, const SymbolValues& symbols)
      : operands_(operands), symbols_(symbols) {}

  /// Adds an expression; gives its number.
  Result<int> add(const Expr& expr);

  void setAxis(size_t i, int64_t value) {
    if (axes_.size() <= i) axes_.resize(i + 1);
    axes_[i] = value;
  }
  /// Values of the numbered expressions at the current point.
  std::vector<Scalar> values(const std::vector<int>& numbers);

  std::vector<Scalar> state;
  std::vector<Scalar> element;
  StatusCode status = StatusCode::Ok;
  std::string error;

 private:
  Status addChildren(const Expr& expr, Node& node);
  Scalar value(int number);
  Scalar compute(const Node& node);
  Scalar apply(const Node& node);
  Scalar load(const Node& node);
  Scalar bounded(const Node& node);
  void report(StatusCode code) {
    if (status == StatusCode::Ok) status = code;
  }

  const Operands& operands_;
  const SymbolValues& symbols_;
  std::vector<Node> nodes_;
  std::unordered_map<const void*, int> numbers_;
  std::vector<Expr> kept_;  // the keys of numbers_ stay alive
  std::vector<int64_t> axes_;
  std::vector<Scalar> cache_;
  std::vector<int64_t> computedAt_;
  int64_t point_ = 0;
};

Result<int> Evaluator::add(const Expr& expr) {
  if (const auto found = numbers_.find(expr.id()); found != numbers_.end()) return found->second;
  Node node;
  node.kind = expr.kind();
  node.dtype = expr.dtype();
  QT_CHECK(addChildren(expr, node));
  const int number = static_cast<int>(nodes_.size());
  nodes_.push_back(std::move(node));
  cache_.push_back({.i = 0});
  computedAt_.push_back(-1);
  numbers_.emplace(expr.id(), number);
  kept_.push_back(expr);
  return number;
}

Status Evaluator::addChildren(const Expr& expr, Node& node) {
  switch (expr.kind()) {
    case Expr::Kind::Literal:
      node.literal =
          isFloat(node.dtype) ? floatScalar(expr.floatValue()) : intScalar(expr.intValue());
      return {};
    case Expr::Kind::Axis:
    case Expr::Kind::State:
    case Expr::Kind::Element:
      node.number = expr.number();
      return {};
    case Expr::Kind::Extent:
      node.literal = intScalar(QT_TRY(expr.dim().evaluate(symbols_)));
      return {};
    case Expr::Kind::Load: {
      node.number = expr.number();
      if (static_cast<size_t>(node.number) >= operands_.size()) {
        return broken("expression loads operand " + std::to_string(node.number) + " of " +
                      std::to_string(operands_.size()));
      }
      const ConstantData& operand = *operands_[static_cast<size_t>(node.number)];
      if (operand.dtype != node.dtype || operand.shape.size() != expr.args().size()) {
        return broken("expression loads " + std::string(name(node.dtype)) + " of rank " +
                      std::to_string(expr.args().size()) + ", operand " +
                      std::to_string(node.number) + " is " + std::string(name(operand.dtype)) +
                      list(operand.shape));
      }
      if (expr.guarded()) {
        node.guard = QT_TRY(add(expr.guard()));
        node.other = QT_TRY(add(expr.other()));
      }
      break;
    }
    case Expr::Kind::Bounded:
      node.extent = QT_TRY(expr.dim().evaluate(symbols_));
      break;
    case Expr::Kind::Apply:
      node.op = expr.op();
      node.operandDType = expr.args().back().dtype();
      break;
  }
  for (const Expr& arg : expr.args()) node.args.push_back(QT_TRY(add(arg)));
  return {};
}

std::vector<Scalar> Evaluator::values(const std::vector<int>& numbers) {
  ++point_;
  std::vector<Scalar> result;
  for (const int number : numbers) result.push_back(value(number));
  return result;
}

Scalar Evaluator::value(int number) {
  const auto i = static_cast<size_t>(number);
  if (computedAt_[i] != point_) {
    cache_[i] = compute(nodes_[i]);
    computedAt_[i] = point_;
  }
  return cache_[i];
}

Scalar Evaluator::compute(const Node& node) {
  const auto number = static_cast<size_t>(node.number);
  switch (node.kind) {
    case Expr::Kind::Axis:
      return intScalar(axes_.at(number));
    case Expr::Kind::State:
      return state.at(number);
    case Expr::Kind::Element:
      return element.at(number);
    case Expr::Kind::Load:
      return load(node);
    case Expr::Kind::Bounded:
      return bounded(node);
    case Expr::Kind::Apply:
      return apply(node);
    default:
      return node.literal;
  }
}

Scalar Evaluator::apply(const Node& node) {
  Scalar args[3];
  for (size_t i = 0; i < node.args.size(); ++i) args[i] = value(node.args[i]);
  if (node.op == Opcode::Cast) return castScalar(args[0], node.operandDType, node.dtype);
  bool divisionByZero = false;
  const Scalar result = applyScalar(node.op, node.operandDType, args, divisionByZero);
  if (divisionByZero) report(StatusCode::DivisionByZero);
  return result;
}

Scalar Evaluator::load(const Node& node) {
  if (node.guard >= 0 && value(node.guard).i == 0) return value(node.other);
  const ConstantData& operand = *operands_[static_cast<size_t>(node.number)];
  int64_t offset = 0;
  bool inside = true;
  std::vector<int64_t> at;
  for (size_t i = 0; i < node.args.size(); ++i) {
    at.push_back(value(node.args[i]).i);
    inside = inside && at[i] >= 0 && at[i] < operand.shape[i];
    offset = offset * operand.shape[i] + at[i];
  }
  if (!inside) {
    if (error.empty()) {
      error = "expression loads operand " + std::to_string(node.number) + " of shape " +
              list(operand.shape) + " at " + list(at) + " for the point " + list(axes_);
    }
    return {.i = 0};
  }
  return readScalar(operand.dtype, operand.bytes.data() + offset * byteSize(operand.dtype));
}

Scalar Evaluator::bounded(const Node& node) {
  const int64_t index = value(node.args[0]).i;
  const int64_t fromBegin = index < 0 ? index + node.extent : index;
  if (fromBegin >= 0 && fromBegin < node.extent) return intScalar(fromBegin);
  report(StatusCode::IndexOutOfRange);
  return intScalar(0);
}

// Calls f at every point of a box, in row-major order; `at` counts along.
template <class F>
void forEachPoint(const std::vector<int64_t>& extents, const F& f) {
  std::vector<int64_t> at(extents.size());
  for (const int64_t extent : extents) {
    if (extent <= 0) return;
  }
  while (true) {
    f(at);
    size_t axis = at.size();
    while (axis > 0 && ++at[axis - 1] == extents[axis - 1]) at[--axis] = 0;
    if (axis == 0) return;
  }
}

Result<std::vector<int>> addAll(Evaluator& evaluator, const std::vector<Expr>& exprs) {
  std::vector<int> numbers;
  for (const Expr& expr : exprs) numbers.push_back(QT_TRY(evaluator.add(expr)));
  return numbers;
}

Result<std::vector<int64_t>> extents(const std::vector<Dim>& dims, const SymbolValues& symbols) {
  std::vector<int64_t> values;
  for (const Dim& dim : dims) values.push_back(QT_TRY(dim.evaluate(symbols)));
  return values;
}

}  // namespace

Result<Evaluation> evaluate(const TensorExpr& expr, const Operands& operands,
                            const SymbolValues& symbols) {
  Evaluator evaluator(operands, symbols);
  const std::vector<int> init = QT_TRY(addAll(evaluator, expr.init));
  const std::vector<int> element = QT_TRY(addAll(evaluator, expr.element));
  const std::vector<int> combine = QT_TRY(addAll(evaluator, expr.combine));
  const std::vector<int> results = QT_TRY(addAll(evaluator, expr.results));
  const std::vector<int64_t> domain = QT_TRY(extents(expr.domain, symbols));
  const std::vector<int64_t> reduction = QT_TRY(extents(expr.reduction, symbols));

  std::vector<std::vector<std::byte>> bytes(results.size());
  forEachPoint(domain, [&](const std::vector<int64_t>& at) {
    for (size_t i = 0; i < at.size(); ++i) evaluator.setAxis(i, at[i]);
    if (expr.form == TensorExpr::Form::Reduce) {
      evaluator.state = evaluator.values(init);
      forEachPoint(reduction, [&](const std::vector<int64_t>& r) {
        for (size_t i = 0; i < r.size(); ++i) evaluator.setAxis(at.size() + i, r[i]);
        evaluator.element = evaluator.values(element);
        evaluator.state = evaluator.values(combine);
      });
    }
    const std::vector<Scalar> values = evaluator.values(results);
    for (size_t i = 0; i < values.size(); ++i) {
      const DType dtype = expr.results[i].dtype();
      std::byte element8[8];
      writeScalar(dtype, values[i], element8);
      bytes[i].insert(bytes[i].end(), element8, element8 + byteSize(dtype));
    }
  });
  if (!evaluator.error.empty()) return broken(evaluator.error);
  Evaluation evaluation;
  evaluation.statusCode = static_cast<uint32_t>(evaluator.status);
  for (size_t i = 0; i < bytes.size(); ++i) {
    evaluation.results.push_back(
        makeConstant(expr.results[i].dtype(), domain, std::move(bytes[i])));
  }
  return evaluation;
}

}  // namespace quartet::ir
