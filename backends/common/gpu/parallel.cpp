#include "backends/common/gpu/parallel.h"

#include <algorithm>
#include <atomic>
#include <exception>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

namespace quartet::gpu {

namespace {

/// Shader compilers hold a lock of their own now and then: more threads do not pay.
constexpr int64_t kCompileThreads = 2;

}  // namespace

Status parallel(int64_t count, const std::function<Status(int64_t)>& work) {
  std::atomic<int64_t> next = 0;
  std::mutex mutex;
  int64_t failedAt = count;
  std::optional<Diagnostic> failure;
  std::exception_ptr thrown;
  const auto loop = [&] {
    for (int64_t i = next++; i < count; i = next++) {
      try {
        if (Status status = work(i); !status) {
          const std::lock_guard lock(mutex);
          if (i < failedAt) failure = std::move(status).error();
          failedAt = std::min(failedAt, i);
        }
      } catch (...) {  // our own bugs: thrown on in the caller's thread
        const std::lock_guard lock(mutex);
        thrown = std::current_exception();
      }
    }
  };
  std::vector<std::thread> threads;
  for (int64_t i = 1; i < std::min(count, kCompileThreads); ++i) threads.emplace_back(loop);
  loop();
  for (std::thread& thread : threads) thread.join();
  if (thrown) std::rethrow_exception(thrown);
  if (failure) return tl::unexpected(std::move(*failure));
  return {};
}

}  // namespace quartet::gpu
