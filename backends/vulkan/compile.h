// GLSL to SPIR-V, in this process: glslang, then spirv-opt's performance passes, then spirv-val.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/result.h"
#include "runtime/code_cache.h"

namespace quartet::vulkan {

using SpirV = std::vector<uint32_t>;

/// A compute shader for Vulkan 1.1 (SPIR-V 1.3), optimised and validated. Thread-safe. Any error is
/// one of ours (kind Internal): it holds the tool's message and the shader's text.
Result<SpirV> compileGlsl(const std::string& source, const std::string& name);

/// The same, unless `cache`, which may be null, has the result already.
struct Shader {
  SpirV code;
  bool cached = false;
};
Result<Shader> compileGlsl(const std::string& source, const std::string& name,
                           runtime::CodeCache* cache);

}  // namespace quartet::vulkan
