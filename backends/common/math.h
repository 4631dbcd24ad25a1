// The float functions of scalar.def as kernel IR, so that every target computes the same: JITs have
// no vector libm, GLSL has no erf and promises little for exp or sin.
#pragma once

#include <vector>

#include "ir/kernel.h"

namespace quartet::common {

/// Whether `expandScalar` applies: a transcendental on f32.
bool isExpandable(ir::Opcode op, ir::DType dtype);

/// The f32 function `op` of `operands` (any number of lanes) in basic operations: arithmetic, fma,
/// sqrt, round, min, max, selects, integer operations and bitcasts; a branch for sin, cos and tan,
/// whose large arguments take another way.
///
/// Largest errors in units in the last place, against a double libm over samples of all of f32,
/// with fma rounded once (tests/cpu/math_test.cpp): exp, log 1; acos 1.5; sinh, cosh, acosh, atanh
/// 2; asin 2.5; sin, cos, atan, asinh 3; tan 4.5; tanh 5; erf, pow 5.5 (tanh and erf: where they
/// are nearly 1; pow: where it nearly overflows). Special values (infinities, NaN, signed zeros,
/// out of domain) are those of C.
ir::ValueId expandScalar(ir::KernelBuilder& builder, ir::Opcode op,
                         const std::vector<ir::ValueId>& operands);

/// `kernel` with every expandable op expanded; other ops are kept (and folded where that is free).
ir::Module expandMath(const ir::Module& kernel);

}  // namespace quartet::common
