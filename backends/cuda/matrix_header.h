// Matrices in generated CUDA C++.
#pragma once

#include <string>

#include "ir/type.h"

namespace quartet::cuda {

/// The side of the matrices that kernels multiply: units of another shape are not used.
inline constexpr int kMatrixSide = 16;

inline constexpr const char* kMatrixHeaderName = "quartet_matrix.h";

/// What kernels that multiply matrices include: types for f16 and bf16 with sums in f32, for i8 and
/// u8 with sums in i32, and the functions of GL_NV_cooperative_matrix on them, by PTX's wmma
/// instructions: NVRTC has no mma.h without a toolkit.
const char* matrixHeader();

/// The name of a type in there.
std::string matrixName(const ir::Type& matrix);

}  // namespace quartet::cuda
