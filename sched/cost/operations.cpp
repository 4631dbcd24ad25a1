#include "sched/cost/operations.h"

#include <algorithm>
#include <cmath>
#include <set>

#include "sched/env.h"

namespace quartet::sched {

using ir::Opcode;

namespace {

/// A square and a product for each bit of the exponent, in a loop.
constexpr double kIntegerPower = 100;

double points(const std::vector<ir::Dim>& extents, const ir::SymbolTable& symbols) {
  double product = 1;
  for (const ir::Dim& dim : extents) product *= static_cast<double>(dim.usual(symbols));
  return product;
}

}  // namespace

double operationCost(Opcode op, ir::DType dtype) {
  if (op == Opcode::Pow && ir::isInteger(dtype)) return kIntegerPower;
  switch (op) {
    case Opcode::Cast:
    case Opcode::Select:
      return 0;
    case Opcode::Fma:
      return 2;
    case Opcode::Div:
    case Opcode::Sqrt:
    case Opcode::Rem:
    case Opcode::Mod:
    case Opcode::FloorDiv:
      return 6;
    case Opcode::Pow:
    case Opcode::Exp:
    case Opcode::Log:
    case Opcode::Sin:
    case Opcode::Cos:
    case Opcode::Tan:
    case Opcode::Asin:
    case Opcode::Acos:
    case Opcode::Atan:
    case Opcode::Sinh:
    case Opcode::Cosh:
    case Opcode::Tanh:
    case Opcode::Asinh:
    case Opcode::Acosh:
    case Opcode::Atanh:
    case Opcode::Erf:
      return 16;
    default:
      return 1;
  }
}

double operationsOf(const std::vector<ir::Expr>& exprs) {
  double operations = 0;
  std::set<const void*> counted;
  std::set<const void*> free;  // that are index arithmetic, or conditions on indices
  for (const ir::Expr& e : exprs) {
    e.visit([&](const ir::Expr& part) {
      if (part.kind() != ir::Expr::Kind::Apply || !counted.insert(part.id()).second) return;
      const bool index = part.dtype() == ir::DType::I64 && part.op() != Opcode::Pow;
      const bool condition = part.dtype() == ir::DType::Bool &&
                             std::ranges::all_of(part.args(), [&](const ir::Expr& arg) {
                               return arg.dtype() == ir::DType::I64 || free.contains(arg.id());
                             });
      if (index || condition) {
        free.insert(part.id());
      } else {
        operations += operationCost(part.op(), part.dtype());
      }
    });
  }
  return operations;
}

double operationsOf(const ir::TensorExpr& expr, const ir::SymbolTable& symbols) {
  const double steps = points(expr.reduction, symbols);
  if (expr.form == ir::TensorExpr::Form::Opaque) {  // a sorting network of merges
    const double stages = std::ceil(std::log2(std::max(steps, 2.0)));
    return points(expr.domain, symbols) * steps * stages * (stages + 1) / 4;
  }
  if (expr.form == ir::TensorExpr::Form::Scan) {
    return points(expr.domain, symbols) * steps *
           (operationsOf(expr.element) + operationsOf(expr.combine) + operationsOf(expr.results));
  }
  return points(expr.domain, symbols) *
         (steps * (operationsOf(expr.element) + operationsOf(expr.combine)) +
          operationsOf(expr.results));
}

}  // namespace quartet::sched
