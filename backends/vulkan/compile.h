// GLSL to SPIR-V, in this process: glslang, then spirv-opt's performance passes, then spirv-val.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "backends/vulkan/cooperative_matrix.h"
#include "base/result.h"
#include "runtime/code_cache.h"

namespace quartet::vulkan {

using SpirV = std::vector<uint32_t>;

/// A compute shader for Vulkan 1.1 (SPIR-V 1.3), optimised and validated. Thread-safe. Any error is
/// one of ours (kind Internal): it holds the tool's message and the shader's text. For drivers with
/// the KHR extension, shaders with matrices are rewritten behind that: the one exemption from
/// validation, since SPIRV-Tools of Debian 12 reject what they do not know.
Result<SpirV> compileGlsl(const std::string& source, const std::string& name,
                          CooperativeMatrix matrices = CooperativeMatrix::None);

/// What spirv-val says against a module for Vulkan 1.1; empty: nothing.
std::string complaints(const SpirV& code);

/// The same, unless `cache`, which may be null, has the result already.
struct Shader {
  SpirV code;
  bool cached = false;
};
Result<Shader> compileGlsl(const std::string& source, const std::string& name,
                           CooperativeMatrix matrices, runtime::CodeCache* cache);

}  // namespace quartet::vulkan
