// What expressions cost in operations.
#pragma once

#include "ir/tensor_expr.h"

namespace quartet::sched {

/// A scalar operation in units of one addition; transcendental functions are short polynomials.
double operationCost(ir::Opcode op);

/// Operations of one evaluation of `exprs`, shared parts once; index arithmetic (i64) is free.
double operationsOf(const std::vector<ir::Expr>& exprs);

/// Operations of a whole tensor expression; a symbolic extent as estimated.
double operationsOf(const ir::TensorExpr& expr);

}  // namespace quartet::sched
