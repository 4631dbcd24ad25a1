// Operators of several steps, which must not be rounded to 16 bits on the way.
#pragma once

#include <map>

#include "frontend/onnx/context.h"

namespace quartet::frontend {

/// The dtype in which the steps of an operator on `dtype` are computed: f32 for 16-bit floats (f16,
/// bf16).
ir::DType widenedType(ir::DType dtype);

/// The float in which numbers of the dtype are computed with fractions. Integers of 64 bits beyond
/// 2^53 are rounded in it; it holds all others.
ir::DType realType(ir::DType dtype);

/// Whether an element of the dtype can be the number; a float can be any, rounded.
bool represents(ir::DType dtype, double number);

/// Builds with 16-bit floats among the inputs widened to f32: a sum of many values, or of squares,
/// leaves f16's range (65504) where the mean or the norm does not, and every rounding on the way
/// costs digits. The outputs are not rounded yet.
Result<std::map<int, Tensor>> widenedOutputs(Context& c, Status (*build)(Context&));

/// The same for a node whose floats have one dtype, to which the outputs are rounded once.
Status buildWidened(Context& c, Status (*build)(Context&));

template <Status (*build)(Context&)>
Status widened(Context& c) {
  return buildWidened(c, build);
}

}  // namespace quartet::frontend
