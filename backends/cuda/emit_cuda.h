// Kernel IR -> CUDA C++. Prints only: kernels are legal for the target
// (backends/common/gpu/raise.h).
#pragma once

#include <span>
#include <string>

#include "backends/common/gpu/interface.h"

namespace quartet::cuda {

/// The entry function of every generated module.
inline constexpr const char* kEntry = "quartet_kernel";

/// A module whose entry function runs the groups (blocks) of the first kernel, then those of the
/// second, and so on: a group's kernel follows from its index. Surplus groups do nothing. All
/// kernels have the same `local`. The function's arguments are the bindings of gpu::Interface as
/// pointers, in order, then the words, where they are passed by value. It includes
/// kernel_header.h.
std::string emitCuda(std::span<const ir::Module* const> kernels, const gpu::Target& target);

}  // namespace quartet::cuda
