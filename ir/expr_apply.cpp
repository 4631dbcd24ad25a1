// Expr::apply: typing, folding and the identities of integer arithmetic. Every rule leads to a form
// that no rule changes, so that text parses back to the same tree.
#include "ir/expr.h"
#include "ir/scalar_eval.h"
#include "ir/scalar_type.h"

namespace quartet::ir {

namespace {

bool isApply(const Expr& x, Opcode op) { return x.kind() == Expr::Kind::Apply && x.op() == op; }

/// x + literal
bool hasOffset(const Expr& x) { return isApply(x, Opcode::Add) && x.args()[1].isLiteral(); }

bool isSize(const Expr& x) {
  return x.dtype() == DType::I64 && (x.isLiteral() || x.kind() == Expr::Kind::Extent);
}

Dim sizeOf(const Expr& x) { return x.isLiteral() ? Dim(x.intValue()) : x.dim(); }

/// Arithmetic on extents is an extent.
std::optional<Expr> foldSizes(Opcode op, const Expr& a, const Expr& b) {
  if (!isSize(a) || !isSize(b)) return std::nullopt;
  const Dim x = sizeOf(a);
  const Dim y = sizeOf(b);
  switch (op) {
    case Opcode::Add:
      return Expr::extent(x + y);
    case Opcode::Sub:
      return Expr::extent(x - y);
    case Opcode::Mul:
      return Expr::extent(x * y);
    case Opcode::Min:
      return Expr::extent(Dim::min(x, y));
    case Opcode::Max:
      return Expr::extent(Dim::max(x, y));
    case Opcode::FloorDiv:
      if (y.constant() == 0) return std::nullopt;
      return Expr::extent(Dim::floorDiv(x, y));
    case Opcode::Mod:
      if (y.constant() == 0) return std::nullopt;
      return Expr::extent(Dim::mod(x, y));
    default:
      return std::nullopt;
  }
}

Expr negated(const Expr& literal) {
  return Expr::apply(Opcode::Sub, {Expr::literal(INT64_C(0), literal.dtype()), literal});
}

/// Sums keep their literal outermost: (x + 1) + y is (x + y) + 1.
std::optional<Expr> foldAdd(const Expr& a, const Expr& b) {
  if (b.isInt(0)) return a;
  if (a.isLiteral()) return b + a;
  if (b.isLiteral()) {
    if (hasOffset(a)) return a.args()[0] + (a.args()[1] + b);
    return std::nullopt;
  }
  if (hasOffset(a)) return (a.args()[0] + b) + a.args()[1];
  if (hasOffset(b)) return (a + b.args()[0]) + b.args()[1];
  return std::nullopt;
}

std::optional<Expr> foldSub(const Expr& a, const Expr& b) {
  if (b.isLiteral()) return a + negated(b);
  if (a == b) return Expr::literal(INT64_C(0), a.dtype());
  if (a.isLiteral()) return std::nullopt;
  if (hasOffset(a)) return (a.args()[0] - b) + a.args()[1];
  if (hasOffset(b)) return (a - b.args()[0]) + negated(b.args()[1]);
  return std::nullopt;
}

std::optional<Expr> foldMul(const Expr& a, const Expr& b) {
  if (a.isLiteral()) return b * a;
  if (!b.isLiteral()) return std::nullopt;
  if (b.isInt(0)) return b;
  if (b.isInt(1)) return a;
  if (hasOffset(a)) return a.args()[0] * b + a.args()[1] * b;
  if (isApply(a, Opcode::Mul) && a.args()[1].isLiteral()) {
    return a.args()[0] * (a.args()[1] * b);
  }
  return std::nullopt;
}

std::optional<Expr> foldDivision(Opcode op, const Expr& a, const Expr& b) {
  const bool quotient = op == Opcode::Div || op == Opcode::FloorDiv;
  if (b.isInt(1)) return quotient ? a : Expr::literal(INT64_C(0), a.dtype());
  if (a.isInt(0) && b.isLiteral() && !b.isInt(0)) return a;
  // An index (no overflow) that is a multiple of its divisor.
  if (a.dtype() != DType::I64 || !b.isLiteral() || b.intValue() <= 0) return std::nullopt;
  if (!isApply(a, Opcode::Mul) || !a.args()[1].isLiteral()) return std::nullopt;
  const int64_t scale = a.args()[1].intValue();
  if (scale % b.intValue() != 0) return std::nullopt;
  return quotient ? a.args()[0] * Expr::index(scale / b.intValue()) : Expr::index(0);
}

std::optional<Expr> foldLogic(Opcode op, const Expr& a, const Expr& b) {
  if (a == b) return a;
  if (a.dtype() != DType::Bool) return std::nullopt;
  const bool absorbing = op == Opcode::Or;  // true absorbs under `or`, false under `and`
  for (const auto& [x, y] : {std::pair(a, b), std::pair(b, a)}) {
    if (x.isLiteral()) return (x.intValue() != 0) == absorbing ? x : y;
  }
  return std::nullopt;
}

std::optional<Expr> foldInteger(Opcode op, const std::vector<Expr>& x) {
  if (x.size() == 2) {
    if (auto size = foldSizes(op, x[0], x[1])) return size;
  }
  switch (op) {
    case Opcode::Add:
      return foldAdd(x[0], x[1]);
    case Opcode::Sub:
      return foldSub(x[0], x[1]);
    case Opcode::Mul:
      return foldMul(x[0], x[1]);
    case Opcode::Div:
    case Opcode::FloorDiv:
    case Opcode::Rem:
    case Opcode::Mod:
      return foldDivision(op, x[0], x[1]);
    case Opcode::Min:
    case Opcode::Max:
      if (x[0] == x[1]) return x[0];
      return std::nullopt;
    case Opcode::And:
    case Opcode::Or:
      return foldLogic(op, x[0], x[1]);
    case Opcode::Not:
      if (isApply(x[0], Opcode::Not)) return x[0].args()[0];
      return std::nullopt;
    default:
      return std::nullopt;
  }
}

std::optional<Expr> foldFloat(Opcode op, const std::vector<Expr>& x) {
  const auto isOne = [](const Expr& e) { return e.isLiteral() && e.floatValue() == 1; };
  if ((op == Opcode::Mul || op == Opcode::Div) && isOne(x[1])) return x[0];
  if (op == Opcode::Mul && isOne(x[0])) return x[1];
  return std::nullopt;
}

std::optional<Expr> foldLiterals(Opcode op, const std::vector<Expr>& args, DType dtype) {
  std::vector<Scalar> operands;
  for (const Expr& arg : args) {
    if (!arg.isLiteral()) return std::nullopt;
    operands.push_back(isFloat(arg.dtype()) ? floatScalar(arg.floatValue())
                                            : intScalar(arg.intValue()));
  }
  const DType operandType = args.back().dtype();  // of a select: that of its choices
  bool divisionByZero = false;
  const Scalar value = applyScalar(op, operandType, operands.data(), divisionByZero);
  if (divisionByZero) return std::nullopt;  // reported at run time
  return isFloat(dtype) ? Expr::literal(value.f, dtype) : Expr::literal(value.i, dtype);
}

}  // namespace

Expr Expr::apply(Opcode op, std::vector<Expr> args) {
  QT_ASSERT(isScalar(op) && op != Opcode::Cast,
            std::string(name(op)) + " is not applied as a scalar operation");
  std::vector<DType> dtypes;
  for (const Expr& arg : args) {
    QT_ASSERT(arg.valid(), "an empty operand of " + std::string(name(op)));
    dtypes.push_back(arg.dtype());
  }
  const auto dtype = scalarResult(op, dtypes);
  QT_ASSERT(dtype.has_value(), dtype.error().message);
  if (auto folded = foldLiterals(op, args, *dtype)) return *folded;
  if (op == Opcode::Select) {
    if (args[0].isLiteral()) return args[0].intValue() != 0 ? args[1] : args[2];
    if (args[1] == args[2]) return args[1];
  } else {
    const auto folded = isFloat(dtypes[0]) ? foldFloat(op, args) : foldInteger(op, args);
    if (folded) return *folded;
  }
  return makeApply(op, *dtype, std::move(args));
}

}  // namespace quartet::ir
