// Which dtypes the scalar operations of scalar.def take.
#pragma once

#include <span>

#include "base/result.h"
#include "ir/dtype.h"
#include "ir/opcode.h"

namespace quartet::ir {

/// The result dtype of a scalar op on operands of these dtypes (not Cast, whose target is free).
/// A user error says what does not fit.
Result<DType> scalarResult(Opcode op, std::span<const DType> operands);

}  // namespace quartet::ir
