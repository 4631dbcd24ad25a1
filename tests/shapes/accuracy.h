// How far a right answer may lie from the reference's.
#pragma once

#include <optional>
#include <string>

#include "ir/module.h"
#include "quartet/quartet.h"

namespace quartet::shapes {

/// Follows from how an element is computed: each rounding is by at most half a unit in the last
/// place of something. Nothing is added for luck.
struct Accuracy {
  enum class Relative {
    ToMagnitudes,  // the sum of the magnitudes of what is summed
    ToResult,
    ToOneAndResult,  // logarithms: what is relative in front of them is absolute behind
  };
  double roundings = 0;  // in f32, beside that of the result to its dtype; 0: the result is exact
  Relative relative = Relative::ToResult;
};

/// Roundings that a quotient, a root or one of our polynomials stands for: Vulkan leaves 4.5 units
/// in the last place to a square root, the worst of them.
constexpr double kFunction = 10;

/// What is wrong with `got`. `magnitudes`: for ToMagnitudes, the reference's answer to the
/// magnitudes of the inputs.
std::optional<std::string> difference(const Tensor& got, const Tensor& want,
                                      const Tensor* magnitudes, const Accuracy& accuracy);

}  // namespace quartet::shapes
