// The text of scalar expressions.
#include "ir/expr.h"
#include "ir/text_util.h"

namespace quartet::ir {

namespace {

enum Precedence { kConditional, kSum, kProduct, kPrimary };

struct ExprPrinter {
  int domainRank;

  static Precedence precedence(const Expr& x) {
    if (x.guarded()) return kConditional;
    if (x.kind() != Expr::Kind::Apply || x.dtype() != DType::I64) return kPrimary;
    if (x.op() == Opcode::Add || x.op() == Opcode::Sub) return kSum;
    return x.op() == Opcode::Mul ? kProduct : kPrimary;
  }

  std::string list(const std::vector<Expr>& exprs) const {
    std::string text;
    for (size_t i = 0; i < exprs.size(); ++i) {
      if (i > 0) text += ", ";
      text += any(exprs[i]);
    }
    return text;
  }

  /// `x` where only what binds at least as tightly as `needed` may stand without parentheses.
  std::string within(const Expr& x, Precedence needed) const {
    return precedence(x) < needed ? "(" + any(x) + ")" : any(x);
  }

  std::string literal(const Expr& x) const {
    if (isFloat(x.dtype())) {
      return floatText(x.floatValue(), x.dtype()) + ":" + std::string(name(x.dtype()));
    }
    const std::string value = x.dtype() == DType::U64
                                  ? std::to_string(static_cast<uint64_t>(x.intValue()))
                                  : std::to_string(x.intValue());
    return x.dtype() == DType::I64 ? value : value + ":" + std::string(name(x.dtype()));
  }

  std::string axis(int i) const {
    return i < domainRank ? "d" + std::to_string(i) : "r" + std::to_string(i - domainRank);
  }

  std::string load(const Expr& x) const {
    std::string text = "in" + std::to_string(x.number()) + "[" + list(x.args()) + "]";
    if (x.guarded()) text += " if (" + any(x.guard()) + ") else " + any(x.other());
    return text;
  }

  std::string infix(const Expr& x) const {
    const Expr& a = x.args()[0];
    const Expr& b = x.args()[1];
    if (x.op() == Opcode::Mul) return within(a, kProduct) + " * " + within(b, kPrimary);
    if (x.op() == Opcode::Sub) return within(a, kSum) + " - " + within(b, kProduct);
    const bool negative = b.isLiteral() && b.intValue() < 0 && b.intValue() != INT64_MIN;
    if (negative) return within(a, kSum) + " - " + std::to_string(-b.intValue());
    return within(a, kSum) + " + " + within(b, kProduct);
  }

  std::string apply(const Expr& x) const {
    if (precedence(x) != kPrimary) return infix(x);
    std::string function(name(x.op()));
    if (x.op() == Opcode::Cast) function += "." + std::string(name(x.dtype()));
    return function + "(" + list(x.args()) + ")";
  }

  std::string any(const Expr& x) const {
    switch (x.kind()) {
      case Expr::Kind::Literal:
        return literal(x);
      case Expr::Kind::Axis:
        return axis(x.number());
      case Expr::Kind::Extent:
        return "extent(" + x.dim().str() + ")";
      case Expr::Kind::State:
        return "s" + std::to_string(x.number());
      case Expr::Kind::Element:
        return "e" + std::to_string(x.number());
      case Expr::Kind::Load:
        return load(x);
      case Expr::Kind::Bounded:
        return "bounded(" + any(x.args()[0]) + ", " + x.dim().str() + ")";
      case Expr::Kind::Apply:
        return apply(x);
    }
    throwInternalError("kind", "unknown kind of expression");
  }
};

}  // namespace

std::string Expr::str(int domainRank) const {
  return valid() ? ExprPrinter{domainRank}.any(*this) : "<empty>";
}

}  // namespace quartet::ir
