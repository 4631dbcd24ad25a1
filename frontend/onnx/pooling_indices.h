// The second output of MaxPool.
#pragma once

#include "frontend/onnx/context.h"
#include "frontend/onnx/spatial.h"

namespace quartet::frontend {

/// For every window the position of its first largest element in the whole of x, flattened
/// row-major (`columnMajor`: the spatial axes in reverse). i64[out]. x and `out` have constant
/// extents.
Tensor largestPositions(Emitter& e, const Tensor& x, const Spatial& spatial, const ir::Dims& out,
                        bool columnMajor);

}  // namespace quartet::frontend
