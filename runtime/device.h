// The interfaces that every backend implements.
#pragma once

#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/result.h"
#include "hwdb/description.h"
#include "runtime/program.h"

namespace quartet::runtime {

/// Runs the tasks of one wave on several threads. Implementations: oneTBB, plain threads, inline.
class Executor {
 public:
  virtual ~Executor() = default;
  virtual int threads() const = 0;
  /// task(i) for i in [0, count), in any order, on any thread; returns when all are done.
  virtual void parallelFor(int64_t count, const std::function<void(int64_t)>& task) = 0;
};

/// Per-caller state of an executable: arena, command buffer, status word. One run at a time.
class Context {
 public:
  virtual ~Context() = default;
  /// Tensors in the order of the program's Input and Output buffers: host memory, logical dtype,
  /// row-major, exactly the buffer's element count. An index out of range or a division by zero is
  /// an error that names the node.
  virtual Status run(const std::vector<std::span<const std::byte>>& inputs,
                     const std::vector<std::span<std::byte>>& outputs) = 0;
};

/// A program compiled for a device: immutable, shared between callers.
class Executable {
 public:
  virtual ~Executable() = default;
  virtual const Program& program() const = 0;
  /// Allocates what a run needs; too little memory is an error before anything is allocated.
  virtual Result<std::unique_ptr<Context>> createContext() = 0;
  /// The generated code, for `explain` and for comparing two compilations: GLSL, LLVM IR text.
  virtual std::string code() const = 0;
};

struct DeviceOptions {
  int threads = 0;  // CPU: 0 = all cores
};

class Device {
 public:
  virtual ~Device() = default;
  virtual const hwdb::Description& description() const = 0;
  /// Takes a program whose memory is planned.
  virtual Result<std::shared_ptr<Executable>> compile(Program program) = 0;
};

}  // namespace quartet::runtime
