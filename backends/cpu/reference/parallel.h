// parallelFor of tensor.h.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <exception>
#include <thread>
#include <vector>

namespace quartet::reference {

template <class F>
void parallelFor(int64_t count, int64_t work, const F& f) {
  constexpr int64_t kWorthAThread = 1 << 22;
  const int64_t threads = std::min<int64_t>(
      {count, work / kWorthAThread + 1, std::max<int64_t>(1, std::thread::hardware_concurrency())});
  std::atomic<int64_t> next = 0;
  std::vector<std::exception_ptr> thrown(static_cast<size_t>(threads));
  const auto drain = [&](int64_t thread) {
    try {
      for (int64_t i = next++; i < count; i = next++) f(i);
    } catch (...) {  // out of memory, say: rethrown below, on the caller's thread
      thrown[static_cast<size_t>(thread)] = std::current_exception();
    }
  };
  if (threads > 0) {
    std::vector<std::jthread> others;
    for (int64_t i = 1; i < threads; ++i) others.emplace_back(drain, i);
    drain(0);
  }
  for (const std::exception_ptr& exception : thrown) {
    if (exception) std::rethrow_exception(exception);
  }
}

}  // namespace quartet::reference
