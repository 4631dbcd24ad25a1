// The order of the elements along the last axis.

#include <algorithm>
#include <cmath>
#include <numeric>

#include "backends/cpu/reference/ops.h"

namespace quartet::reference {
namespace {

// a < b, where NaN is larger than everything else.
template <class W>
bool less(W a, W b) {
  if constexpr (std::is_same_v<W, double>) {
    if (std::isnan(b)) return !std::isnan(a);
  }
  return a < b;
}

}  // namespace

Tensor evalArgsort(const Call& call) {
  const bool descending = call.attributes().integer("descending") != 0;
  const int64_t extent = call.shape.back();
  Output out(call.dtype, call.shape);
  withWide(call.in[0]->dtype, [&](auto wide) {
    using W = decltype(wide);
    const std::vector<W> values = widen<W>(*call.in[0]);
    std::vector<int64_t> order(static_cast<size_t>(extent));
    for (int64_t first = 0; first < out.count(); first += extent) {
      std::iota(order.begin(), order.end(), 0);
      const auto value = [&](int64_t i) { return values[static_cast<size_t>(first + i)]; };
      std::stable_sort(order.begin(), order.end(), [&](int64_t a, int64_t b) {
        return descending ? less(value(b), value(a)) : less(value(a), value(b));
      });
      narrow(order.data(), extent, out, first);
    }
  });
  return std::move(out).finish();
}

}  // namespace quartet::reference
