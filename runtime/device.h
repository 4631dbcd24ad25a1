// The interfaces that every backend implements.
#pragma once

#include <functional>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "base/result.h"
#include "hwdb/description.h"
#include "runtime/code_cache.h"
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
///
/// Tensors are host memory: logical dtype, row-major, exactly the buffer's element count. A run is
/// bind, every stage in order, collect; what was bound stays in place until then.
class Context {
 public:
  using Sources = std::vector<std::span<const std::byte>>;
  using Targets = std::vector<std::span<std::byte>>;

  virtual ~Context() = default;
  /// Takes the tensors of the program's Input and Output buffers, in their order.
  virtual Status bind(const Sources& inputs, const Targets& outputs) = 0;
  /// Runs the waves of one stage. `uploads` and `downloads` are those of the stage, in its order.
  /// An index out of range or a division by zero is an error that names the node.
  virtual Status runStage(size_t stage, const Sources& uploads, const Targets& downloads) = 0;
  /// Completes the outputs.
  virtual Status collect() = 0;
  /// From now on dispatches run one by one, and what each takes in microseconds is added up by its
  /// number in the program, waves in order; by the device's clock where it has one that is read
  /// there. Dispatches that a device runs as one launch share its time in proportion to what was
  /// predicted for them. Null: as before. Unsupported where a device does not time them.
  virtual Status timeDispatches(std::vector<double>* microseconds);

  /// A run of a program of one stage.
  Status run(const Sources& inputs, const Targets& outputs) {
    QT_CHECK(bind(inputs, outputs));
    QT_CHECK(runStage(0, {}, {}));
    return collect();
  }
};

inline Status Context::timeDispatches(std::vector<double>* microseconds) {
  if (microseconds == nullptr) return {};
  return unsupported("the device does not time single task sets");
}

/// What the compiler of a device's driver says of a piece of generated code, in its own words.
struct CompilerReport {
  std::vector<int> kernels;                             // of the program, that the code holds
  std::vector<std::pair<std::string, double>> figures;  // "VGPRs", 64
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
  /// How many of the program's kernels were not compiled, because the cache had their code.
  virtual int64_t cachedKernels() const { return 0; }
  /// One for each piece of code of which the driver says anything. May compile again.
  virtual Result<std::vector<CompilerReport>> compilerReports() const {
    return std::vector<CompilerReport>{};
  }
};

struct DeviceOptions {
  int threads = 0;                             // CPU: 0 = all cores
  std::shared_ptr<CodeCache> cache = nullptr;  // null: nothing is kept
};

class Device {
 public:
  virtual ~Device() = default;
  virtual const hwdb::Description& description() const = 0;
  /// An error (kind Unsupported) that says what the device lacks to compute `expr`.
  virtual Status supports(const ir::TensorExpr& expr) const = 0;
  /// Takes a program whose memory is planned.
  virtual Result<std::shared_ptr<Executable>> compile(Program program) = 0;
};

}  // namespace quartet::runtime
