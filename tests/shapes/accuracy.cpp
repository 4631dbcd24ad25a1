#include "tests/shapes/accuracy.h"

#include <fmt/format.h>

#include <cmath>

#include "api/convert.h"
#include "tests/fuzz/facts.h"

namespace quartet::shapes {

namespace {

constexpr double kF32Rounding = 0x1p-24;
constexpr double kF16Rounding = 0x1p-11;
/// GPUs may take what is smaller for zero.
constexpr double kF32Tiny = 0x1p-126;
constexpr double kF16Tiny = 0x1p-24;

std::vector<double> elementsOf(const Tensor& tensor) {
  return fuzz::toDoubles(*api::toConstant(tensor));
}

double scaleOf(Accuracy::Relative relative, double want, double magnitude) {
  switch (relative) {
    case Accuracy::Relative::ToMagnitudes:
      return magnitude;
    case Accuracy::Relative::ToResult:
      return std::fabs(want);
    case Accuracy::Relative::ToOneAndResult:
      return 1 + std::fabs(want);
  }
  return 0;
}

double allowed(DataType dtype, const Accuracy& accuracy, double want, double magnitude) {
  const bool narrow = dtype == DataType::F16;
  // The reference's own rounding, and that of the other to f16.
  const double result = narrow ? 2 * kF16Rounding : kF32Rounding;
  const double first = kF32Rounding * accuracy.roundings;
  const double all = first / (1 - first);  // roundings of what is rounded already
  return all * scaleOf(accuracy.relative, want, magnitude) + result * std::fabs(want) +
         (narrow ? kF16Tiny : kF32Tiny);
}

}  // namespace

std::optional<std::string> difference(const Tensor& got, const Tensor& want,
                                      const Tensor* magnitudes, const Accuracy& accuracy) {
  if (got.dtype != want.dtype || got.shape != want.shape) return "dtype or shape differ";
  const std::vector<double> a = elementsOf(got);
  const std::vector<double> b = elementsOf(want);
  const std::vector<double> m = magnitudes != nullptr ? elementsOf(*magnitudes) : b;
  const bool exact = accuracy.roundings == 0 || !ir::isFloat(api::toIr(want.dtype));
  size_t wrong = 0;
  std::string first;
  for (size_t i = 0; i < b.size(); ++i) {
    const double room = exact ? 0 : allowed(want.dtype, accuracy, b[i], m[i]);
    if (a[i] == b[i] || std::fabs(a[i] - b[i]) <= room) continue;
    if (wrong++ > 0) continue;
    first = fmt::format("element {}: got {}, want {}, room {}", i, a[i], b[i], room);
  }
  if (wrong == 0) return std::nullopt;
  return fmt::format("{} of {} elements wrong; {}", wrong, b.size(), first);
}

}  // namespace quartet::shapes
