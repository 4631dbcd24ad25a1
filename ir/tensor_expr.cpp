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
  return result;
}

std::string TensorExpr::str() const {
  const int rank = domainRank();
  if (form == Form::Map) return "map (" + list(domain) + ") -> " + list(results, rank);
  return "reduce (" + list(domain) + " | " + list(reduction) + ") init " + list(init, rank) +
         " each " + list(element, rank) + " combine " + list(combine, rank) +
         (order == Order::Commutative ? " commutative" : " sequential") + " -> " +
         list(results, rank);
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
  for (const Expr& element : expr.element) element.visit(collect);
  for (const Expr& result : expr.results) result.visit(collect);
  return loads;
}

bool Box::empty() const {
  for (size_t i = 0; i < lo.size(); ++i) {
    if (hi[i] <= lo[i]) return true;
  }
  return false;
}

int64_t Box::count() const {
  if (empty()) return 0;
  int64_t product = 1;
  for (size_t i = 0; i < lo.size(); ++i) product *= hi[i] - lo[i];
  return product;
}

}  // namespace quartet::ir
