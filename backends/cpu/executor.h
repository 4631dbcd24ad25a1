// Executors: who runs the tasks of a wave.
#pragma once

#include <memory>

#include "runtime/device.h"

namespace quartet::cpu {

enum class ExecutorKind : uint8_t {
  Tbb,      // a oneTBB arena, created once
  Threads,  // plain std::thread: what ThreadSanitizer can see through
  Inline,   // the caller alone
};

/// The cores that this process may use.
int availableCores();

/// An executor of `threads` threads, the caller included (0: all cores). One thread is Inline,
/// whatever the kind. Under ThreadSanitizer Tbb is replaced by Threads.
std::shared_ptr<runtime::Executor> makeExecutor(ExecutorKind kind, int threads);

}  // namespace quartet::cpu
