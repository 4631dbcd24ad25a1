// What differs between the languages that kernels are printed in.
//
// Kernels are printed in the vocabulary of GLSL: its types (vec4, uvec2), constructors and built-in
// functions (mix, floatBitsToUint). A language without them defines them in front of the kernels;
// what only syntax can express stands here.
#pragma once

#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "ir/type.h"

namespace quartet::gpu {

struct Language {
  /// In front of a declaration whose value no compiler may contract or reassociate; with a blank.
  std::string precise;
  std::string floatSuffix, doubleSuffix;  // of literals
  /// That a loop is not to be unrolled: a line before it, or what stands before `for` (with a
  /// blank).
  std::string loopLine, loopAttribute;
  std::string localId, subgroupId;  // ints
  /// The type of a matrix. It has a constructor of one element, for all; coopMatLoadNV, StoreNV and
  /// MulAddNV are those of GL_NV_cooperative_matrix.
  std::function<std::string(const ir::Type&)> matrix;
  /// Makes writes to device buffers visible to the group, in front of a barrier; may be empty.
  std::string memoryBarrier;
  std::string barrier;
  std::string shared;    // declares workgroup memory; with a blank
  std::string report;    // defines report(..., uint code, uint node, uvec2 detail)
  std::string reportTo;  // its arguments before `code`; with a comma and a blank
  /// Signed integers that overflow are undefined: sums that must wrap are done on unsigned ones.
  bool overflowIsUndefined = false;
  /// What replaces what in the prelude, which is written in GLSL with suffixes for all literals.
  std::vector<std::pair<std::string, std::string>> spelling;
};

}  // namespace quartet::gpu
