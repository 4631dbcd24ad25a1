// Devices with matrix units that nobody has, and graphs for them.
#pragma once

#include <string>
#include <vector>

#include "hwdb/description.h"
#include "ir/module.h"
#include "tests/common/run.h"

namespace quartet::test {

/// m x n x k of `a` by `b` in `accumulator`, by a subgroup, at so many times the rate of the f32
/// arithmetic of `device`, which gets it.
void addMatrixUnit(hwdb::Description& device, const std::string& a, const std::string& b,
                   const std::string& accumulator, std::vector<int64_t> shape, double times = 50);

/// A GPU with two subgroups of 16 in a group, 48 KiB of workgroup memory, and units: 16 x 16 x 16
/// of f16 and bf16 in f32, 16 x 16 x 32 of i8 in i32.
hwdb::Description matrixGpu();

/// The same with two subgroups of 32, and units as CUDA has them: 16 x 16 x 16 for all.
hwdb::Description warpGpu();

/// Elements of few bits, whose sums of products are exact in f32 in any order: f16 and bf16 are
/// eighths between -1 and 1, bytes take all values.
Tensors exactInputs(const ir::Module& graph, uint64_t seed);

/// A batched product with a bias and a ReLU on top: x [batch, rows, steps], w [batch, steps,
/// columns] (without batch where that is 0), of `dtype`; i8 gives i32.
std::string matrixProductText(const std::string& dtype, int64_t batch, int64_t rows, int64_t steps,
                              int64_t columns);
/// x [2, channels, height, width], kernels of 3 x 3 with pads of 1.
std::string matrixConvolutionText(const std::string& dtype, int64_t channels, int64_t filters,
                                  int64_t height, int64_t width, int64_t stride = 1);

}  // namespace quartet::test
