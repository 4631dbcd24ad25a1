// parallelFor of tensor.h.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <thread>
#include <vector>

namespace quartet::reference {

template <class F>
void parallelFor(int64_t count, int64_t work, const F& f) {
  constexpr int64_t kWorthAThread = 1 << 22;
  const int64_t threads = std::min<int64_t>(
      {count, work / kWorthAThread + 1, std::max<int64_t>(1, std::thread::hardware_concurrency())});
  std::atomic<int64_t> next = 0;
  const auto drain = [&] {
    for (int64_t i = next++; i < count; i = next++) f(i);
  };
  std::vector<std::jthread> others;
  for (int64_t i = 1; i < threads; ++i) others.emplace_back(drain);
  drain();
}

}  // namespace quartet::reference
