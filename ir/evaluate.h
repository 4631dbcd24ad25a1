// Evaluates tensor expressions on the host, point by point: slow, and plain enough to serve as the
// meaning of an expression in tests.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "base/result.h"
#include "ir/module.h"
#include "ir/tensor_expr.h"

namespace quartet::ir {

struct Evaluation {
  /// One per result of the expression.
  std::vector<std::shared_ptr<const ConstantData>> results;
  /// StatusCode of the first point, in row-major order, that had something to report.
  uint32_t statusCode = 0;
};

/// Evaluates `expr` over `operands` with the semantics of scalar.def. Reductions run in row-major
/// order. Errors: a symbol without a value; and, kind Internal, an expression that does not fit its
/// operands (number, dtype, rank), that loads outside of one (what a guard excludes is not loaded)
/// or writes outside of its result. What is changed in place has its
/// `init`, as in a graph.
Result<Evaluation> evaluate(const TensorExpr& expr,
                            const std::vector<std::shared_ptr<const ConstantData>>& operands,
                            const SymbolValues& symbols = {});

}  // namespace quartet::ir
