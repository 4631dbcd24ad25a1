// The float functions of scalar.def as kernel IR, so that every target computes the same: JITs have
// no vector libm, GLSL has no erf and promises little for exp or sin.
#pragma once

#include <vector>

#include "ir/kernel.h"

namespace quartet::common {

/// Whether `expandScalar` applies: a transcendental on f32.
bool isExpandable(ir::Opcode op, ir::DType dtype);

/// The f32 function `op` of `operands` (any number of lanes) in basic operations: arithmetic, fma,
/// sqrt, round, min, max, selects, integer operations and bitcasts. Branch-free, except where
/// noted.
///
/// Largest errors in units in the last place against a double libm, over all of f32 (fma rounded
/// once; tests/common/math_test.cpp):
///   see kMathErrors in the implementation's tests
/// Special values (infinities, NaN, signed zeros, out of domain) are those of C.
ir::ValueId expandScalar(ir::KernelBuilder& builder, ir::Opcode op,
                         const std::vector<ir::ValueId>& operands);

/// `kernel` with every expandable op expanded; other ops are kept (and folded where that is free).
ir::Module expandMath(const ir::Module& kernel);

}  // namespace quartet::common
