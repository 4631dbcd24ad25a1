#include "backends/cpu/executor.h"

#include <tbb/global_control.h>
#include <tbb/parallel_for.h>
#include <tbb/task_arena.h>

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <mutex>
#include <thread>
#include <vector>

namespace quartet::cpu {

namespace {

using Task = std::function<void(int64_t)>;

class InlineExecutor : public runtime::Executor {
 public:
  int threads() const override { return 1; }
  void parallelFor(int64_t count, const Task& task) override {
    for (int64_t i = 0; i < count; ++i) task(i);
  }
};

class TbbExecutor : public runtime::Executor {
 public:
  explicit TbbExecutor(int threads)
      : threads_(threads),
        limit_(tbb::global_control::max_allowed_parallelism,
               std::max(static_cast<size_t>(threads),
                        tbb::global_control::active_value(
                            tbb::global_control::max_allowed_parallelism))),
        arena_(threads) {
    arena_.initialize();
  }
  int threads() const override { return threads_; }
  void parallelFor(int64_t count, const Task& task) override {
    arena_.execute([&] {
      tbb::parallel_for(
          int64_t{0}, count, [&](int64_t i) { task(i); }, tbb::simple_partitioner());
    });
  }

 private:
  int threads_;
  tbb::global_control limit_;  // oneTBB's own limit is the number of cores
  tbb::task_arena arena_;
};

// One job at a time; the caller works too. Tasks are taken one by one from a counter.
class ThreadExecutor : public runtime::Executor {
 public:
  explicit ThreadExecutor(int threads) {
    for (int i = 1; i < threads; ++i) workers_.emplace_back([this] { work(); });
  }
  ~ThreadExecutor() override {
    {
      const std::lock_guard lock(mutex_);
      stop_ = true;
    }
    wake_.notify_all();
    for (std::thread& worker : workers_) worker.join();
  }
  ThreadExecutor(const ThreadExecutor&) = delete;
  ThreadExecutor& operator=(const ThreadExecutor&) = delete;

  int threads() const override { return static_cast<int>(workers_.size()) + 1; }
  void parallelFor(int64_t count, const Task& task) override {
    const std::lock_guard one(callers_);
    {
      const std::lock_guard lock(mutex_);
      task_ = &task;
      count_ = count;
      next_ = 0;
      busy_ = workers_.size();
      ++job_;
    }
    wake_.notify_all();
    runTasks(task, count);
    std::unique_lock lock(mutex_);
    done_.wait(lock, [this] { return busy_ == 0; });
  }

 private:
  void runTasks(const Task& task, int64_t count) {
    for (int64_t i = next_++; i < count; i = next_++) task(i);
  }

  void work() {
    uint64_t seen = 0;
    std::unique_lock lock(mutex_);
    for (;;) {
      wake_.wait(lock, [&] { return stop_ || job_ != seen; });
      if (stop_) return;
      seen = job_;
      const Task* task = task_;
      const int64_t count = count_;
      lock.unlock();
      runTasks(*task, count);
      lock.lock();
      if (--busy_ == 0) done_.notify_one();
    }
  }

  std::mutex callers_;
  std::mutex mutex_;
  std::condition_variable wake_;
  std::condition_variable done_;
  const Task* task_ = nullptr;
  int64_t count_ = 0;
  std::atomic<int64_t> next_ = 0;
  size_t busy_ = 0;
  uint64_t job_ = 0;
  bool stop_ = false;
  std::vector<std::thread> workers_;
};

#if defined(__SANITIZE_THREAD__)
constexpr bool kThreadSanitizer = true;
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
constexpr bool kThreadSanitizer = true;
#else
constexpr bool kThreadSanitizer = false;
#endif
#else
constexpr bool kThreadSanitizer = false;
#endif

}  // namespace

int availableCores() { return std::max(1, static_cast<int>(std::thread::hardware_concurrency())); }

std::shared_ptr<runtime::Executor> makeExecutor(ExecutorKind kind, int threads) {
  if (threads <= 0) threads = availableCores();
  if (threads == 1 || kind == ExecutorKind::Inline) return std::make_shared<InlineExecutor>();
  if (kind == ExecutorKind::Threads || kThreadSanitizer) {
    return std::make_shared<ThreadExecutor>(threads);
  }
  return std::make_shared<TbbExecutor>(threads);
}

}  // namespace quartet::cpu
