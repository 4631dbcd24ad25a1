// What kernels in CUDA C++ are printed on top of.
#pragma once

namespace quartet::cuda {

/// The name by which generated code includes it.
inline constexpr const char* kKernelHeaderName = "quartet_kernel.h";

/// CUDA C++ without any include: the vocabulary of GLSL that generated kernels use, that is types
/// (vec4, uvec2), their operators and the built-in functions; narrow storage types; the status.
const char* kernelHeader();

}  // namespace quartet::cuda
