// Tensor expressions against the op that carries them.
#include <optional>

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
    for (const auto* extents : {&expr_.domain, &expr_.reduction, &expr_.shape}) {
      for (const Dim& extent : *extents) QT_CHECK(declared(extent));
    }
    QT_CHECK(form());
    const std::vector<DType> types = expr_.resultTypes();
    if (types.size() != op.results.size()) {
      return context_.fail(id_, "the expression has " + std::to_string(types.size()) +
                                    " results, the op " + std::to_string(op.results.size()));
    }
    for (size_t i = 0; i < types.size(); ++i) QT_CHECK(result(i, types[i]));
    return {};
  }

 private:
  Status form() {
    const bool steps = expr_.writesEachStep();
    if (!steps && !(expr_.target.empty() && expr_.shape.empty())) {
      return context_.fail(id_, "only a scan and a scatter have a target");
    }
    for (const Expr& x : expr_.element) QT_CHECK(part(x, "each", {expr_.axisCount(), true, 0, 0}));
    switch (expr_.form) {
      case TensorExpr::Form::Map:
        if (!expr_.reduction.empty() || !expr_.element.empty() || !expr_.init.empty() ||
            !expr_.combine.empty()) {
          return context_.fail(id_, "a map has no reduction");
        }
        break;
      case TensorExpr::Form::Reduce:
      case TensorExpr::Form::Scan:
        QT_CHECK(states());
        break;
      case TensorExpr::Form::Scatter:
        QT_CHECK(scatter());
        break;
      case TensorExpr::Form::Opaque:
        return opaque();
    }
    const int axes = expr_.form == TensorExpr::Form::Scan ? expr_.axisCount() : expr_.domainRank();
    for (const Expr& x : expr_.results) {
      QT_CHECK(part(x, "a result", {axes, true, expr_.init.size(), 0}));
    }
    return steps ? target() : Status{};
  }

  /// init, each and combine of a reduction or scan.
  Status states() {
    const size_t count = expr_.init.size();
    if (expr_.combine.size() != count || expr_.element.size() != count) {
      return context_.fail(id_, "init, each and combine differ in length");
    }
    if (count == 0) return context_.fail(id_, "a reduction has no state");
    for (const Expr& x : expr_.init) QT_CHECK(part(x, "init", {}));
    for (const Expr& x : expr_.combine) QT_CHECK(part(x, "combine", {0, false, count, count}));
    for (size_t i = 0; i < count; ++i) {
      const DType state = expr_.init[i].dtype();
      if (expr_.combine[i].dtype() != state || expr_.element[i].dtype() != state) {
        return context_.fail(id_, "state " + std::to_string(i) + " changes its dtype");
      }
    }
    return {};
  }

  Status scatter() {
    if (expr_.element.size() != 1 || expr_.combine.size() != 1 || !expr_.results.empty()) {
      return context_.fail(id_, "a scatter has one element and one combination");
    }
    QT_CHECK(part(expr_.combine[0], "combine", {0, false, 1, 1}));
    if (expr_.combine[0].dtype() != expr_.element[0].dtype()) {
      return context_.fail(id_, "a scatter changes its dtype");
    }
    return start(expr_.element[0].dtype());
  }

  /// What a result that is changed in place is at first.
  Status start(DType dtype) const {
    const bool inPlan = context_.module.level == Level::Plan;
    if (expr_.init.size() != (inPlan ? 0 : 1)) {
      return context_.fail(id_, inPlan ? "a result in a plan starts as its buffer is, without init"
                                       : "a result that is changed in place has one init");
    }
    const int rank = static_cast<int>(expr_.resultShape().size());
    for (const Expr& x : expr_.init) {
      QT_CHECK(part(x, "init", {rank, true, 0, 0}));
      if (x.dtype() != dtype) return context_.fail(id_, "init has another dtype than the result");
    }
    return {};
  }

  Status opaque() {
    const bool known =
        expr_.builder == "argsort_ascending" || expr_.builder == "argsort_descending";
    if (!known) return context_.fail(id_, "there is no kernel builder '" + expr_.builder + "'");
    if (expr_.reduction.size() != 1 || expr_.element.size() != 1 || !expr_.combine.empty() ||
        !expr_.results.empty()) {
      return context_.fail(id_, "a sort has one element along one axis");
    }
    return start(DType::I32);
  }

  /// Points that differ must not write one element: each axis of a scan, each domain axis of a
  /// scatter is one index of the target.
  Status target() const {
    if (expr_.target.size() != expr_.shape.size()) {
      return context_.fail(id_, "the target has " + std::to_string(expr_.target.size()) +
                                    " indices, the result " + std::to_string(expr_.shape.size()) +
                                    " axes");
    }
    const bool scans = expr_.form == TensorExpr::Form::Scan;
    std::vector<int> uses(static_cast<size_t>(expr_.axisCount()), 0);
    for (size_t i = 0; i < expr_.target.size(); ++i) {
      QT_CHECK(part(expr_.target[i], "a target", {expr_.axisCount(), !scans, 0, 0}));
      const std::optional<int> axis = wholeAxis(expr_.target[i], i);
      if (axis) ++uses[static_cast<size_t>(*axis)];
      if (scans && !axis) {
        return context_.fail(id_, "an index of a scan's target is no axis of its extent");
      }
    }
    const size_t required = scans ? uses.size() : expr_.domain.size();
    for (size_t axis = 0; axis < required; ++axis) {
      if (uses[axis] == 1 || (!scans && uses[axis] > 0)) continue;
      return context_.fail(id_, "the target does not name axis " +
                                    Expr::axis(static_cast<int>(axis)).str(expr_.domainRank()) +
                                    " by itself once");
    }
    return {};
  }

  /// The axis that runs along axis `i` of the result, forwards or (in a scan) backwards. In a scan
  /// it covers all of it.
  std::optional<int> wholeAxis(const Expr& index, size_t i) const {
    const bool scans = expr_.form == TensorExpr::Form::Scan;
    Expr axis = index;
    const Dim& extent = expr_.shape[i];
    if (scans && index.kind() == Expr::Kind::Apply && index.op() == Opcode::Sub) {
      const Dim last = extent - Dim(1);
      const Expr end = last.isConstant() ? Expr::index(last.value()) : Expr::extent(last);
      if (index.args()[0] == end) axis = index.args()[1];
    }
    if (axis.kind() != Expr::Kind::Axis) return std::nullopt;
    const auto number = static_cast<size_t>(axis.number());
    if (!scans) return number < expr_.domain.size() ? std::optional(axis.number()) : std::nullopt;
    const Dim& own = number < expr_.domain.size() ? expr_.domain[number]
                                                  : expr_.reduction[number - expr_.domain.size()];
    return own == extent ? std::optional(axis.number()) : std::nullopt;
  }

  Status result(size_t i, DType dtype) const {
    const Type& type = context_.resultType(id_, i);
    if (type.dtype != dtype) {
      return context_.fail(id_, "result " + std::to_string(i) + " is " +
                                    std::string(name(type.dtype)) + ", its expression " +
                                    std::string(name(dtype)));
    }
    const std::vector<Dim> shape = expr_.resultShape();
    if (sameShape(type.shape, shape)) return {};
    return context_.fail(id_, "result " + std::to_string(i) + " has the shape " +
                                  shapeText(type.shape) + ", its expression " + shapeText(shape));
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
        return stateful(x, allowed.states, stateSource()) ? Status{} : refuse();
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

  /// What gives the states their dtypes: a scatter's state is its element's value before.
  const std::vector<Expr>& stateSource() const {
    return expr_.form == TensorExpr::Form::Scatter ? expr_.element : expr_.init;
  }

  static bool stateful(const Expr& x, size_t count, const std::vector<Expr>& source) {
    return x.number() >= 0 && static_cast<size_t>(x.number()) < count &&
           source[static_cast<size_t>(x.number())].dtype() == x.dtype();
  }

  Status load(const Expr& x) const {
    const Op& op = context_.op(id_);
    const auto text = [&] { return x.str(expr_.domainRank()); };
    if (x.number() < 0 || static_cast<size_t>(x.number()) >= op.operands.size()) {
      return context_.fail(id_, text() + " reads an operand that is not there");
    }
    const Type& operand = context_.operandType(id_, static_cast<size_t>(x.number()));
    if (operand.dtype != x.dtype() || operand.shape.size() != x.args().size()) {
      return context_.fail(id_, text() + " is a load of " + std::string(name(x.dtype())) +
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
