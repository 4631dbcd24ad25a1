// How printed kernels are fed, and what the text of kernels depends on beside them.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "ir/module.h"

namespace quartet::gpu {

/// What the printed text depends on, besides the kernels and the language.
struct Target {
  bool int64 = false;    // native 64-bit integers; otherwise pairs of words, low word first
  bool float64 = false;  // whether kernels may use f64
  /// Whether f64 has functions (exp and the like) and bitcasts.
  bool float64Functions = false;
  /// u32 words that a launch takes by value; with more, all words come from a buffer.
  int64_t pushWords = 32;
};

/// How the code of several kernels, run by one launch, is fed. Bindings are the kernels' buffers in
/// order, then the status word, then the words' buffer, where they are used. Words: for each kernel
/// its number of groups, then its parameters.
struct Interface {
  int64_t local = 1;           // invocations of a group
  int64_t subgroup = 0;        // of a subgroup; 0: as many as the device likes
  int64_t buffers = 0;         // of all kernels
  bool status = false;         // a kernel reports
  bool wordsInBuffer = false;  // else by value
  int64_t words = 0;
  std::vector<int64_t> parameters;  // u32 parameters of each kernel
  int64_t bindings() const { return buffers + (status ? 1 : 0) + (wordsInBuffer ? 1 : 0); }
};

Interface interfaceOf(std::span<const ir::Module* const> kernels, const Target& target);

/// Whether any op of the kernel has this opcode.
bool contains(const ir::Module& kernel, ir::Opcode opcode);

/// The types of matrices that values and variables of a kernel have, each once.
std::vector<ir::Type> matrixTypes(const ir::Module& kernel);

}  // namespace quartet::gpu
