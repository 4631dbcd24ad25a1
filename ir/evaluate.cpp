#include "ir/evaluate.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <numeric>
#include <optional>
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
  int64_t extent = 0;    // Bounded
  bool bounded = false;  // Load: at an index made safe
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
      node.bounded =
          std::any_of(expr.args().begin(), expr.args().end(), std::mem_fn(&Expr::containsBounded));
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
    const bool nothingThere = node.bounded && operand.elementCount() == 0;
    if (!nothingThere && error.empty()) {
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

/// One evaluation: the forms of tensor expressions on top of the evaluator of scalar ones.
class Run {
 public:
  Run(const TensorExpr& expr, const Operands& operands, const SymbolValues& symbols)
      : expr_(expr), evaluator_(operands, symbols) {}

  Status prepare(const SymbolValues& symbols);
  Result<Evaluation> run();

 private:
  void point(const std::vector<int64_t>& at);
  void steps(const std::vector<int64_t>& at, const std::function<void()>& afterEach);
  void start();  // what is changed in place is `init` at first
  void scatter();
  void argsort(const std::vector<int64_t>& at);
  void setAxes(size_t first, const std::vector<int64_t>& at) {
    for (size_t i = 0; i < at.size(); ++i) evaluator_.setAxis(first + i, at[i]);
  }
  int64_t offset(const std::vector<int64_t>& at) const;
  /// The offset in the results that the target names at the current point; none in a result
  /// without elements, for which the target was made safe.
  std::optional<int64_t> targetOffset();
  void put(size_t result, int64_t offset, Scalar value) {
    writeScalar(types_[result], value, bytes_[result].data() + offset * byteSize(types_[result]));
  }
  void putResults(int64_t offset) {
    const std::vector<Scalar> values = evaluator_.values(results_);
    for (size_t i = 0; i < values.size(); ++i) put(i, offset, values[i]);
  }

  const TensorExpr& expr_;
  Evaluator evaluator_;
  std::vector<int> init_, element_, combine_, results_, target_;
  std::vector<int64_t> domain_, reduction_, shape_;
  std::vector<DType> types_;
  std::vector<std::vector<std::byte>> bytes_;
};

Status Run::prepare(const SymbolValues& symbols) {
  init_ = QT_TRY(addAll(evaluator_, expr_.init));
  element_ = QT_TRY(addAll(evaluator_, expr_.element));
  combine_ = QT_TRY(addAll(evaluator_, expr_.combine));
  results_ = QT_TRY(addAll(evaluator_, expr_.results));
  target_ = QT_TRY(addAll(evaluator_, expr_.target));
  domain_ = QT_TRY(extents(expr_.domain, symbols));
  reduction_ = QT_TRY(extents(expr_.reduction, symbols));
  shape_ = QT_TRY(extents(expr_.resultShape(), symbols));
  types_ = expr_.resultTypes();
  int64_t count = 1;
  for (const int64_t extent : shape_) count *= extent;
  for (const DType type : types_) {
    bytes_.emplace_back(static_cast<size_t>(count * byteSize(type)));
  }
  return {};
}

int64_t Run::offset(const std::vector<int64_t>& at) const {
  int64_t sum = 0;
  for (size_t i = 0; i < at.size(); ++i) sum = sum * shape_[i] + at[i];
  return sum;
}

std::optional<int64_t> Run::targetOffset() {
  std::vector<int64_t> at;
  bool inside = true;
  for (const Scalar index : evaluator_.values(target_)) {
    inside = inside && index.i >= 0 && index.i < shape_[at.size()];
    at.push_back(index.i);
  }
  if (inside) return offset(at);
  const bool bounded =
      std::any_of(expr_.target.begin(), expr_.target.end(), std::mem_fn(&Expr::containsBounded));
  const bool nothingThere = bounded && bytes_[0].empty();
  if (!nothingThere && evaluator_.error.empty()) {
    evaluator_.error = "expression writes a result of shape " + list(shape_) + " at " + list(at);
  }
  return std::nullopt;
}

/// Takes in every point of the reduction, in order.
void Run::steps(const std::vector<int64_t>& at, const std::function<void()>& afterEach) {
  evaluator_.state = evaluator_.values(init_);
  forEachPoint(reduction_, [&](const std::vector<int64_t>& r) {
    setAxes(at.size(), r);
    evaluator_.element = evaluator_.values(element_);
    evaluator_.state = evaluator_.values(combine_);
    if (afterEach) afterEach();
  });
}

void Run::start() {
  forEachPoint(shape_, [&](const std::vector<int64_t>& at) {
    setAxes(0, at);
    put(0, offset(at), evaluator_.values(init_)[0]);
  });
}

void Run::scatter() {
  const DType dtype = types_[0];
  forEachPoint(domain_, [&](const std::vector<int64_t>& at) {
    setAxes(0, at);
    forEachPoint(reduction_, [&](const std::vector<int64_t>& r) {
      setAxes(at.size(), r);
      const auto to = targetOffset();
      if (!to) return;
      evaluator_.element = evaluator_.values(element_);
      evaluator_.state = {readScalar(dtype, bytes_[0].data() + *to * byteSize(dtype))};
      put(0, *to, evaluator_.values(combine_)[0]);
    });
  });
}

void Run::argsort(const std::vector<int64_t>& at) {
  std::vector<Scalar> keys;
  forEachPoint(reduction_, [&](const std::vector<int64_t>& r) {
    setAxes(at.size(), r);
    keys.push_back(evaluator_.values(element_)[0]);
  });
  const DType dtype = expr_.element[0].dtype();
  const bool descending = expr_.builder == "argsort_descending";
  std::vector<int64_t> place = at;
  place.push_back(0);
  const auto* first = bytes_[0].data() + offset(place) * byteSize(types_[0]);
  std::vector<int64_t> order;
  for (size_t i = 0; i < keys.size(); ++i) {
    order.push_back(readScalar(types_[0], first + static_cast<int64_t>(i) * byteSize(types_[0])).i);
    if (order.back() < 0 || order.back() >= static_cast<int64_t>(keys.size())) {
      evaluator_.error = "a sort starts with " + std::to_string(order.back()) + ", no index";
      return;
    }
  }
  std::sort(order.begin(), order.end());
  std::stable_sort(order.begin(), order.end(), [&](int64_t a, int64_t b) {
    Scalar pair[2] = {keys[static_cast<size_t>(a)], keys[static_cast<size_t>(b)]};
    if (descending) std::swap(pair[0], pair[1]);
    if (isFloat(dtype) && std::isnan(pair[1].f)) return !std::isnan(pair[0].f);
    bool divisionByZero = false;
    return applyScalar(Opcode::Lt, dtype, pair, divisionByZero).i != 0;
  });
  for (const int64_t index : order) {
    put(0, offset(place), intScalar(index));
    ++place.back();
  }
}

void Run::point(const std::vector<int64_t>& at) {
  setAxes(0, at);
  switch (expr_.form) {
    case TensorExpr::Form::Reduce:
      steps(at, {});
      [[fallthrough]];
    case TensorExpr::Form::Map:
      putResults(offset(at));
      break;
    case TensorExpr::Form::Scan:
      steps(at, [&] {
        if (const auto to = targetOffset()) putResults(*to);
      });
      break;
    case TensorExpr::Form::Opaque:
      argsort(at);
      break;
    case TensorExpr::Form::Scatter:
      QT_ASSERT(false, "a scatter is evaluated as a whole");
  }
}

Result<Evaluation> Run::run() {
  if (expr_.inPlace()) start();
  if (expr_.form == TensorExpr::Form::Scatter) {
    scatter();
  } else {
    forEachPoint(domain_, [&](const std::vector<int64_t>& at) { point(at); });
  }
  if (!evaluator_.error.empty()) return broken(evaluator_.error);
  Evaluation evaluation;
  evaluation.statusCode = static_cast<uint32_t>(evaluator_.status);
  for (size_t i = 0; i < bytes_.size(); ++i) {
    evaluation.results.push_back(makeConstant(types_[i], shape_, std::move(bytes_[i])));
  }
  return evaluation;
}

}  // namespace

Result<Evaluation> evaluate(const TensorExpr& expr, const Operands& operands,
                            const SymbolValues& symbols) {
  Run run(expr, operands, symbols);
  QT_CHECK(run.prepare(symbols));
  return run.run();
}

}  // namespace quartet::ir
