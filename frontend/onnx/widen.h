// Operators whose sums must not be rounded to 16 bits on the way.
#pragma once

#include "frontend/onnx/context.h"

namespace quartet::frontend {

/// Builds with 16-bit floats (f16, bf16) widened to f32, and rounds the outputs once: a sum of many
/// values, or of squares, leaves f16's range (65504) where the mean or the norm does not. The
/// node's other types stay as they are.
Status buildWidened(Context& c, Status (*build)(Context&));

template <Status (*build)(Context&)>
Status widened(Context& c) {
  return buildWidened(c, build);
}

}  // namespace quartet::frontend
