// How far two orders of the same things agree.
#pragma once

#include <vector>

namespace quartet::tests {

/// Spearman's rank correlation; equal values share the mean of their ranks.
double spearman(const std::vector<double>& a, const std::vector<double>& b);

/// Of the pairs whose values in `b` are at least `apart` times one another: the share that `a` has
/// in the same order.
double agreement(const std::vector<double>& a, const std::vector<double>& b, double apart);

}  // namespace quartet::tests
