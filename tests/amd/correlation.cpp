#include "tests/amd/correlation.h"

#include <cmath>

namespace quartet::tests {

namespace {

std::vector<double> ranks(const std::vector<double>& values) {
  std::vector<double> result;
  for (const double value : values) {
    double below = 0;
    double equal = 0;
    for (const double other : values) {
      if (other < value) ++below;
      if (other == value) ++equal;
    }
    result.push_back(below + (equal - 1) / 2);
  }
  return result;
}

}  // namespace

double spearman(const std::vector<double>& a, const std::vector<double>& b) {
  const std::vector<double> x = ranks(a);
  const std::vector<double> y = ranks(b);
  const double mean = (static_cast<double>(x.size()) - 1) / 2;
  double both = 0;
  double first = 0;
  double second = 0;
  for (size_t i = 0; i < x.size(); ++i) {
    both += (x[i] - mean) * (y[i] - mean);
    first += (x[i] - mean) * (x[i] - mean);
    second += (y[i] - mean) * (y[i] - mean);
  }
  return both / std::sqrt(first * second);
}

double agreement(const std::vector<double>& a, const std::vector<double>& b, double apart) {
  double pairs = 0;
  double agreeing = 0;
  for (size_t i = 0; i < a.size(); ++i) {
    for (size_t j = 0; j < a.size(); ++j) {
      if (b[j] < apart * b[i]) continue;
      ++pairs;
      if (a[j] > a[i]) ++agreeing;
    }
  }
  return agreeing / pairs;
}

}  // namespace quartet::tests
