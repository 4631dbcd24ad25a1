// Functions that kernels call for what the languages lack: defined results for every operand,
// NaN-safe minima, rounding to narrow floats, 64-bit integers as two words. Only those that a
// piece of code uses are printed.
#pragma once

#include <set>
#include <string>
#include <vector>

#include "backends/common/gpu/language.h"

namespace quartet::gpu {

class Prelude {
 public:
  /// `int64`: native 64-bit integers, else pairs of words (uvec2, low word first).
  Prelude(const Language& language, bool int64) : language_(language), int64_(int64) {}

  /// Includes the function `name` and all that it calls; asserts that it is known. Names are
  /// "<op>_<dtype>" and "cast_<to>_<from>", with "x<lanes>" behind it for a vector version.
  void need(const std::string& name);
  /// Definitions in order of dependence.
  const std::string& text() const { return text_; }

 private:
  const Language& language_;
  bool int64_;
  std::set<std::string> included_;
  std::string text_;
};

/// The text of a function and the functions it calls; empty when there is none of this name.
struct PreludeFunction {
  std::string text;
  std::vector<std::string> needs;
};
PreludeFunction floatFunction(const std::string& name);
PreludeFunction integerFunction(const std::string& name);
PreludeFunction pairFunction(const std::string& name);
PreludeFunction castFunction(const std::string& name, bool int64);

}  // namespace quartet::gpu
