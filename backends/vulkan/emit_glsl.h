// Kernel IR -> GLSL. Prints only: kernels are legal for the target (raise.h).
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "ir/module.h"

namespace quartet::vulkan {

/// What the printed text depends on, besides the kernels.
struct GlslTarget {
  bool int64 = false;    // native 64-bit integers; otherwise pairs of words, low word first
  bool float64 = false;  // whether kernels may use f64
  /// u32 words that fit push constants; with more, all words come from a buffer.
  int64_t pushWords = 32;
};

/// How the shader of several kernels, run by one launch, is fed. Bindings of descriptor set 0 are
/// the kernels' buffers in order, then the status word, then the words' buffer, where they are
/// used. Words: for each kernel its number of groups, then its parameters.
struct ShaderInterface {
  int64_t local = 1;           // invocations of a group
  int64_t buffers = 0;         // of all kernels
  bool status = false;         // a kernel reports
  bool wordsInBuffer = false;  // else push constants
  int64_t words = 0;
  std::vector<int64_t> parameters;  // u32 parameters of each kernel
  int64_t bindings() const { return buffers + (status ? 1 : 0) + (wordsInBuffer ? 1 : 0); }
};

ShaderInterface interfaceOf(std::span<const ir::Module* const> kernels, const GlslTarget& target);

/// A compute shader that runs the groups of the first kernel, then those of the second, and so on:
/// a group's kernel follows from its linear index x + y * (groups in x). Surplus groups do nothing.
/// All kernels have the same `local`.
std::string emitGlsl(std::span<const ir::Module* const> kernels, const GlslTarget& target);

}  // namespace quartet::vulkan
