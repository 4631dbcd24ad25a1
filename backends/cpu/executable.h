// A program compiled for the CPU, and the state of one run of it.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "backends/cpu/jit.h"
#include "backends/cpu/launch.h"
#include "backends/cpu/options.h"
#include "runtime/device.h"
#include "runtime/shared_pool.h"
#include "runtime/status_report.h"

namespace quartet::cpu {

/// What a device's executables share.
struct SharedParts {
  runtime::SharedPool<const Jit> kernels;      // by the text of all kernels
  runtime::SharedPool<const Block> constants;  // by runtime::packedKey
};

class Executable : public runtime::Executable, public std::enable_shared_from_this<Executable> {
 public:
  /// Compiles the kernels and packs the constants of `program`, whose memory is planned, for
  /// `executor` on the host described by `device`; but for what `shared` has already. `cache` may
  /// be null.
  static Result<std::shared_ptr<Executable>> create(runtime::Program program,
                                                    std::shared_ptr<runtime::Executor> executor,
                                                    const hwdb::Description& device,
                                                    SharedParts& shared, runtime::CodeCache* cache,
                                                    const TestOptions& options = {});

  const runtime::Program& program() const override { return program_; }
  Result<std::unique_ptr<runtime::Context>> createContext() override;
  std::string code() const override;
  int64_t cachedKernels() const override {
    return compiled_ ? jit_->cached() : static_cast<int64_t>(jit_->functions().size());
  }

 private:
  friend class Context;
  Executable(runtime::Program program, std::shared_ptr<runtime::Executor> executor,
             const hwdb::Description& device, const TestOptions& options);
  std::vector<ir::Module> raisedKernels() const;
  Status compile(SharedParts& shared, runtime::CodeCache* cache);
  Status packConstants(SharedParts& shared);
  void checkProgram() const;

  runtime::Program program_;
  std::shared_ptr<runtime::Executor> executor_;
  TestOptions options_;
  std::shared_ptr<const Jit> jit_;
  bool compiled_ = false;  // for this executable; else shared
  std::vector<std::shared_ptr<const Block>>
      packed_;                               // by buffer; null where the model's bytes serve
  std::vector<const std::byte*> constants_;  // by buffer; null where it is no constant
  std::vector<const runtime::Dispatch*> dispatches_;  // of all waves, in order
  std::vector<Launch> launches_;                      // by wave
  std::vector<runtime::Stage> stages_;
};

class Context : public runtime::Context {
 public:
  /// Allocates the arena and touches it.
  static Result<std::unique_ptr<runtime::Context>> create(
      std::shared_ptr<const Executable> executable);
  Status bind(const Sources& inputs, const Targets& outputs) override;
  Status runStage(size_t stage, const Sources& uploads, const Targets& downloads) override;
  Status collect() override;
  Status timeDispatches(std::vector<double>* microseconds) override;

 private:
  // A pointer that kernels get: slot of `pointers_`, offset into its buffer.
  struct Slot {
    size_t pointer;
    int64_t offset;
  };
  // An input or output that kernels cannot use in the caller's memory.
  struct Tensor {
    int buffer;
    Block scratch;        // empty when the caller's memory always serves
    bool direct = false;  // in this run
  };

  explicit Context(std::shared_ptr<const Executable> executable);
  Status allocate();
  Status allocateArena();
  bool apart() const { return executable_->options_.placement != Placement::Heap; }
  Result<Block> makeBlock(const runtime::BufferInfo& buffer) const;
  std::byte* arenaData(size_t buffer) const;
  void point(int buffer, const std::byte* data);
  Status checkTensors(const Sources& inputs, const Targets& outputs) const;
  Status bindTensor(Tensor& tensor, const std::byte* data, bool alone);
  Status runWaves(size_t first, size_t last);
  /// The storage of a buffer that is exchanged with other devices.
  std::span<std::byte> storageOf(int buffer) const;
  void runChunk(const Chunk& chunk);
  void runChunks(const std::vector<Chunk>& chunks, bool parallel);
  void runTimed(const Launch& launch);

  std::shared_ptr<const Executable> executable_;
  Block arena_;
  std::vector<Block> apart_;  // by buffer, instead of the arena, when tests ask for it
  std::vector<Tensor> inputs_, outputs_;
  std::vector<double>* times_ = nullptr;  // by dispatch, when they are timed
  Targets bound_;                         // outputs of this run
  std::vector<void*> pointers_;           // of all dispatches
  std::vector<size_t> firstPointer_;      // by dispatch
  std::vector<std::vector<Slot>> slots_;  // by buffer: who points at it
  runtime::RunStatus status_;
};

}  // namespace quartet::cpu
