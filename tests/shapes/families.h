// The operators that are tried, by family: one file each.
#pragma once

#include "tests/shapes/builder.h"

namespace quartet::shapes {

/// MatMul (vectors, matrices, batches, batches that broadcast) and Gemm (either operand turned).
Case matrixProduct(Builder& b);
/// Conv over 1 to 3 axes: groups, depthwise, strides, dilations, pads.
Case convolution(Builder& b);
/// Every Reduce operator, ArgMax and ArgMin.
Case reduction(Builder& b);
/// MaxPool, AveragePool and the global ones.
Case pool(Builder& b);

}  // namespace quartet::shapes
