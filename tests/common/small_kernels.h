// Kernels whose generated code is kept as goldens.
#pragma once

#include "ir/module.h"
#include "runtime/device.h"

namespace quartet::tests {

/// y = max(x, 0) of 1001 elements, four at a time with a tail.
ir::Module relu();
/// Row sums of i64 by a loop over a run-time extent, and a report.
ir::Module rowSum();
/// The sums of 64 f16 each, as bf16, through workgroup memory.
ir::Module groupSum();
/// i32 sums that wrap, at element numbers that do not.
ir::Module wrappingSum();

/// Each of 64 invocations draws a number, and adds it to a sum: a counter in i32, a sum in u32.
ir::Module tickets();
/// Runs it: every number is drawn once.
void checkTickets(runtime::Device& device);

}  // namespace quartet::tests
