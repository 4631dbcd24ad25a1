// Every scalar op and conversion of a device on edge cases, bit for bit against the semantics
// (ir/scalar_eval.h). `atOnce`: kernels that go into one launch.
#pragma once

#include "runtime/device.h"

namespace quartet::tests {

/// All ops on a dtype that round once at most, on scalars and on four lanes. Nothing when the
/// device lacks the dtype.
void checkScalarOps(runtime::Device& device, ir::DType dtype, size_t atOnce = 1);
/// Conversions between all dtypes.
void checkCasts(runtime::Device& device, size_t atOnce = 1);
/// A multiplication and an addition are one or two roundings apart.
void checkFma(runtime::Device& device);
void checkDot2(runtime::Device& device);
/// What the language forbids to reassociate is not.
void checkNoReassociation(runtime::Device& device);
/// Widened integers compare with constants as 64-bit integers do.
void checkWidenedComparisons(runtime::Device& device);
/// Functions of f32, expanded, are accurate to a few last places.
void checkFloatFunctions(runtime::Device& device, size_t atOnce = 1);

}  // namespace quartet::tests
