// What expressions cost in operations.
#pragma once

#include "ir/tensor_expr.h"

namespace quartet::sched {

/// A scalar operation in units of one addition; transcendental functions are short polynomials.
double operationCost(ir::Opcode op, ir::DType dtype);

/// Operations of one evaluation of `exprs`, shared parts once; index arithmetic (all of i64 but
/// powers) and conditions on indices are free.
double operationsOf(const std::vector<ir::Expr>& exprs);

/// Operations of a whole tensor expression, for the usual values of its symbols.
double operationsOf(const ir::TensorExpr& expr, const ir::SymbolTable& symbols);

}  // namespace quartet::sched
