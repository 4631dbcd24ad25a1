// Tensor expressions against the op that carries them.
#include "ir/verify_context.h"

namespace quartet::ir {

namespace {

/// Which leaves may stand in one part of a tensor expression.
struct Allowed {
  int axes = 0;
  bool loads = false;
  size_t states = 0;
  size_t elements = 0;
};

class ExprVerifier {
 public:
  ExprVerifier(const VerifyContext& context, OpId id)
      : context_(context), id_(id), expr_(context.op(id).attributes.expr()) {}

  Status run() {
    const Op& op = context_.op(id_);
    if (expr_.results.size() != op.results.size()) {
      return context_.fail(id_, "the expression has " + std::to_string(expr_.results.size()) +
                                    " results, the op " + std::to_string(op.results.size()));
    }
    for (const Dim& extent : expr_.domain) QT_CHECK(declared(extent));
    for (const Dim& extent : expr_.reduction) QT_CHECK(declared(extent));
    QT_CHECK(form());
    const size_t states = expr_.init.size();
    const Allowed results{expr_.domainRank(), true, states, 0};
    for (const Expr& x : expr_.results) QT_CHECK(part(x, "a result", results));
    for (size_t i = 0; i < op.results.size(); ++i) QT_CHECK(result(i));
    return {};
  }

 private:
  Status form() {
    const size_t states = expr_.init.size();
    const bool consistent = expr_.combine.size() == states && expr_.element.size() == states;
    if (!consistent) return context_.fail(id_, "init, each and combine differ in length");
    if (expr_.form == TensorExpr::Form::Map) {
      if (states == 0 && expr_.reduction.empty()) return {};
      return context_.fail(id_, "a map has no reduction");
    }
    if (states == 0) return context_.fail(id_, "a reduction has no state");
    for (const Expr& x : expr_.init) QT_CHECK(part(x, "init", {}));
    for (const Expr& x : expr_.element) QT_CHECK(part(x, "each", {expr_.axisCount(), true, 0, 0}));
    for (const Expr& x : expr_.combine) QT_CHECK(part(x, "combine", {0, false, states, states}));
    for (size_t i = 0; i < states; ++i) {
      const DType state = expr_.init[i].dtype();
      if (expr_.combine[i].dtype() != state || expr_.element[i].dtype() != state) {
        return context_.fail(id_, "state " + std::to_string(i) + " changes its dtype");
      }
    }
    return {};
  }

  Status result(size_t i) const {
    const Type& type = context_.resultType(id_, i);
    if (type.dtype != expr_.results[i].dtype()) {
      return context_.fail(id_, "result " + std::to_string(i) + " is " +
                                    std::string(name(type.dtype)) + ", its expression " +
                                    std::string(name(expr_.results[i].dtype())));
    }
    if (sameShape(type.shape, expr_.domain)) return {};
    return context_.fail(id_, "result " + std::to_string(i) + " has the shape " +
                                  shapeText(type.shape) + ", the domain is " +
                                  shapeText(expr_.domain));
  }

  Status part(const Expr& root, const char* what, const Allowed& allowed) const {
    if (!root.valid()) return context_.fail(id_, std::string(what) + " is empty");
    Status status;
    root.visit([&](const Expr& x) {
      if (status) status = leaf(x, what, allowed);
    });
    return status;
  }

  Status leaf(const Expr& x, const std::string& what, const Allowed& allowed) const {
    const auto refuse = [&] {
      return context_.fail(id_, x.str(expr_.domainRank()) + " cannot stand in " + what);
    };
    switch (x.kind()) {
      case Expr::Kind::Axis:
        if (x.number() < 0 || x.number() >= allowed.axes) return refuse();
        return {};
      case Expr::Kind::State:
        return stateful(x, allowed.states, expr_.init) ? Status{} : refuse();
      case Expr::Kind::Element:
        return stateful(x, allowed.elements, expr_.element) ? Status{} : refuse();
      case Expr::Kind::Extent:
      case Expr::Kind::Bounded:
        return declared(x.dim());
      case Expr::Kind::Load:
        return allowed.loads ? load(x) : refuse();
      default:
        return {};
    }
  }

  static bool stateful(const Expr& x, size_t count, const std::vector<Expr>& source) {
    return x.number() >= 0 && static_cast<size_t>(x.number()) < count &&
           source[static_cast<size_t>(x.number())].dtype() == x.dtype();
  }

  Status load(const Expr& x) const {
    const Op& op = context_.op(id_);
    const std::string text = x.str(expr_.domainRank());
    if (x.number() < 0 || static_cast<size_t>(x.number()) >= op.operands.size()) {
      return context_.fail(id_, text + " reads an operand that is not there");
    }
    const Type& operand = context_.operandType(id_, static_cast<size_t>(x.number()));
    if (operand.dtype != x.dtype() || operand.shape.size() != x.args().size()) {
      return context_.fail(id_, text + " is a load of " + std::string(name(x.dtype())) +
                                    " with rank " + std::to_string(x.args().size()) +
                                    ", the operand is " + operand.str());
    }
    return {};
  }

  Status declared(const Dim& dim) const {
    for (const std::string& symbol : dim.symbols()) {
      if (context_.module.symbols.count(symbol) == 0) {
        return context_.fail(id_, "the symbol " + symbol + " is not declared");
      }
    }
    return {};
  }

  const VerifyContext& context_;
  OpId id_;
  const TensorExpr& expr_;
};

}  // namespace

Status verifyExpr(const VerifyContext& context, OpId id) { return ExprVerifier(context, id).run(); }

}  // namespace quartet::ir
