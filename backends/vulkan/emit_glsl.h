// Kernel IR -> GLSL. Prints only: kernels are legal for the target (backends/common/gpu/raise.h).
#pragma once

#include <span>
#include <string>

#include "backends/common/gpu/interface.h"

namespace quartet::vulkan {

/// A compute shader that runs the groups of the first kernel, then those of the second, and so on:
/// a group's kernel follows from its linear index x + y * (groups in x). Surplus groups do nothing.
/// All kernels have the same `local`. Bindings are those of descriptor set 0; words lie in push
/// constants when they are passed by value.
std::string emitGlsl(std::span<const ir::Module* const> kernels, const gpu::Target& target);

}  // namespace quartet::vulkan
