// Kernels whose generated code is kept as goldens.
#pragma once

#include "ir/module.h"

namespace quartet::tests {

/// y = max(x, 0) of 1001 elements, four at a time with a tail.
ir::Module relu();
/// Row sums of i64 by a loop over a run-time extent, and a report.
ir::Module rowSum();

}  // namespace quartet::tests
