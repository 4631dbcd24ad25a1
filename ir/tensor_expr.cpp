#include "ir/tensor_expr.h"

namespace quartet::ir {

namespace {

std::string list(const std::vector<Dim>& dims) {
  std::string text;
  for (size_t i = 0; i < dims.size(); ++i) {
    if (i > 0) text += ", ";
    text += dims[i].str();
  }
  return text;
}

std::string list(const std::vector<Expr>& exprs, int domainRank) {
  std::string text = "(";
  for (size_t i = 0; i < exprs.size(); ++i) {
    if (i > 0) text += ", ";
    text += exprs[i].str(domainRank);
  }
  return text + ")";
}

std::vector<Dim> substituteAll(const std::vector<Dim>& dims, const SymbolValues& values) {
  std::vector<Dim> result;
  for (const Dim& dim : dims) result.push_back(dim.substitute(values));
  return result;
}

std::vector<Expr> substituteAll(const std::vector<Expr>& exprs, const SymbolValues& values) {
  std::vector<Expr> result;
  for (const Expr& expr : exprs) result.push_back(expr.substituteSymbols(values));
  return result;
}

}  // namespace

TensorExpr TensorExpr::substituteSymbols(const SymbolValues& values) const {
  TensorExpr result = *this;
  result.domain = substituteAll(domain, values);
  result.reduction = substituteAll(reduction, values);
  result.element = substituteAll(element, values);
  result.init = substituteAll(init, values);
  result.combine = substituteAll(combine, values);
  result.results = substituteAll(results, values);
  result.shape = substituteAll(shape, values);
  result.target = substituteAll(target, values);
  return result;
}

std::vector<Dim> TensorExpr::resultShape() const {
  if (writesEachStep()) return shape;
  std::vector<Dim> result = domain;
  if (form == Form::Opaque) result.insert(result.end(), reduction.begin(), reduction.end());
  return result;
}

std::vector<DType> TensorExpr::resultTypes() const {
  if (form == Form::Opaque) return {DType::I32};
  std::vector<DType> types;
  for (const Expr& e : form == Form::Scatter ? combine : results) types.push_back(e.dtype());
  return types;
}

bool TensorExpr::readsTarget() const {
  bool reads = false;
  if (form != Form::Scatter) return reads;
  for (const Expr& e : combine) {
    e.visit([&](const Expr& node) { reads |= node.kind() == Expr::Kind::State; });
  }
  return reads;
}

std::optional<Opcode> TensorExpr::laneCombine() const {
  if (form != Form::Reduce || combine.size() != 1 || order != Order::Commutative) {
    return std::nullopt;
  }
  const Expr& step = combine[0];
  const bool takesElement = step.kind() == Expr::Kind::Apply && step.args().size() == 2 &&
                            step.args()[0].kind() == Expr::Kind::State &&
                            step.args()[1].kind() == Expr::Kind::Element;
  if (!takesElement) return std::nullopt;
  switch (step.op()) {
    case Opcode::Add:
    case Opcode::Mul:
    case Opcode::Min:
    case Opcode::Max:
    case Opcode::And:
    case Opcode::Or:
      return step.op();
    default:
      return std::nullopt;
  }
}

void TensorExpr::visitParts(const std::function<void(const Expr&)>& f) const {
  for (const auto* part : {&element, &init, &combine, &results, &target}) {
    for (const Expr& e : *part) f(e);
  }
}

void TensorExpr::rewrite(const std::function<Expr(const Expr&)>& f) {
  for (auto* part : {&element, &init, &combine, &results, &target}) {
    for (Expr& e : *part) e = e.rewrite(f);
  }
}

std::string TensorExpr::str() const {
  const int rank = domainRank();
  if (form == Form::Map) return "map (" + list(domain) + ") -> " + list(results, rank);
  const std::string axes = "(" + list(domain) + " | " + list(reduction) + ")";
  const std::string each = " each " + list(element, rank);
  // What a result starts with has the result's axes, all of them d axes.
  const int startRank = inPlace() ? static_cast<int>(resultShape().size()) : rank;
  const std::string start = init.empty() ? "" : " init " + list(init, startRank);
  if (form == Form::Opaque) return "opaque " + builder + " " + axes + start + each;
  std::string text = form == Form::Reduce ? "reduce " : form == Form::Scan ? "scan " : "scatter ";
  text += axes;
  if (writesEachStep()) text += " into (" + list(shape) + ")";
  text += start + each + " combine " + list(combine, rank);
  if (form == Form::Reduce) text += order == Order::Commutative ? " commutative" : " sequential";
  if (form != Form::Scatter) text += " -> " + list(results, rank);
  if (writesEachStep()) text += " at " + list(target, rank);
  return text;
}

std::vector<Expr> loadsOf(const TensorExpr& expr) {
  std::vector<Expr> loads;
  const auto collect = [&](const Expr& node) {
    if (node.kind() != Expr::Kind::Load) return;
    for (const Expr& known : loads) {
      if (known == node) return;
    }
    loads.push_back(node);
  };
  expr.visitParts([&](const Expr& part) { part.visit(collect); });
  return loads;
}

bool Box::empty() const {
  for (size_t i = 0; i < lo.size(); ++i) {
    if (hi[i] <= lo[i]) return true;
  }
  return false;
}

Box written(const TensorExpr& expr, const Box& domain) {
  if (!expr.writesEachStep() && expr.form != TensorExpr::Form::Opaque) return domain;
  Box box;
  const std::vector<Dim> shape = expr.resultShape();
  for (size_t i = 0; i < shape.size(); ++i) {
    box.lo.push_back(0);
    box.hi.push_back(domain.empty() ? 0 : shape[i].value());
    const Expr index = expr.writesEachStep() ? expr.target[i] : Expr::axis(static_cast<int>(i));
    if (index.kind() != Expr::Kind::Axis || index.number() >= expr.domainRank()) continue;
    box.lo[i] = domain.lo[static_cast<size_t>(index.number())];
    box.hi[i] = domain.hi[static_cast<size_t>(index.number())];
  }
  return box;
}

int64_t Box::count() const {
  if (empty()) return 0;
  int64_t product = 1;
  for (size_t i = 0; i < lo.size(); ++i) product *= hi[i] - lo[i];
  return product;
}

}  // namespace quartet::ir
