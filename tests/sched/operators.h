// Graphs of one operator, of extents drawn from a seed.
#pragma once

#include <cstdint>
#include <string>

namespace quartet::test {

/// [rows, steps] x [steps, columns], and something on top.
std::string matmul(int64_t rows, int64_t steps, int64_t columns);
/// 3 x 3 with constant weights, padded by one, of an image [1, channels, side, side].
std::string convolution(int64_t channels, int64_t filters, int64_t side);

/// A product, a convolution (depthwise too), a pool, a reduction or a map, small enough to
/// interpret.
std::string drawnOperator(uint64_t seed);

}  // namespace quartet::test
