#include "tests/conformance/compare.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <cmath>

#include "backends/cpu/reference/tensor.h"

namespace quartet::tests {
namespace {

constexpr long double kRelative = 1e-3L;
constexpr long double kAbsolute = 1e-7L;

template <class W>
bool close(W want, W got) {
  if (want == got) return true;
  const auto a = static_cast<long double>(want);
  const auto b = static_cast<long double>(got);
  if (std::isnan(a) || std::isnan(b)) return std::isnan(a) && std::isnan(b);
  if (std::isinf(a) || std::isinf(b)) return false;
  return std::fabs(a - b) <= kAbsolute + kRelative * std::fabs(b);
}

std::string describe(const ir::ConstantData& tensor) {
  return fmt::format("{}[{}]", ir::name(tensor.dtype), fmt::join(tensor.shape, ", "));
}

}  // namespace

std::string difference(const ir::ConstantData& want, const ir::ConstantData& got) {
  if (want.dtype != got.dtype || want.shape != got.shape) {
    return fmt::format("got {}, expected {}", describe(got), describe(want));
  }
  return reference::withWide(want.dtype, [&](auto wide) -> std::string {
    using W = decltype(wide);
    const auto a = reference::widen<W>(want);
    const auto b = reference::widen<W>(got);
    size_t first = a.size();
    size_t count = 0;
    for (size_t i = 0; i < a.size(); ++i) {
      if (close(a[i], b[i])) continue;
      first = std::min(first, i);
      ++count;
    }
    if (count == 0) return {};
    return fmt::format("{} of {} elements differ; element {} is {}, expected {}", count, a.size(),
                       first, b[first], a[first]);
  });
}

}  // namespace quartet::tests
