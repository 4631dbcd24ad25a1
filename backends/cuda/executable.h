// A program compiled for a CUDA device: code, modules, constants.
#pragma once

#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "backends/common/gpu/raise.h"
#include "backends/common/gpu/run_layout.h"
#include "backends/cuda/module.h"
#include "runtime/shared_pool.h"

namespace quartet::cuda {

/// The constants of a program on the device.
struct Constants {
  std::mutex uploading;
  gpu::BufferPlaces placed;
  std::vector<Buffer> blocks;  // empty until uploaded
};

/// What a device's executables share.
struct SharedParts {
  runtime::SharedPool<const Modules> modules;  // by the text of all of them
  runtime::SharedPool<Constants> constants;    // by gpu::constantsKey
};

/// What a device compiles with.
struct Toolchain {
  std::shared_ptr<const Gpu> gpu;
  std::shared_ptr<const Nvrtc> nvrtc;
  Architecture architecture;
  gpu::Limits limits;
  std::shared_ptr<runtime::CodeCache> cache;  // may be null
};

class Executable : public runtime::Executable, public std::enable_shared_from_this<Executable> {
 public:
  /// Compiles what `shared` does not have already.
  static Result<std::shared_ptr<Executable>> create(const Toolchain& toolchain,
                                                    runtime::Program program, SharedParts& shared);

  const runtime::Program& program() const override { return program_; }
  Result<std::unique_ptr<runtime::Context>> createContext() override;
  std::string code() const override;
  int64_t cachedKernels() const override;
  Result<std::vector<runtime::CompilerReport>> compilerReports() const override;

  const Gpu& gpu() const { return *toolchain_.gpu; }
  const gpu::LaunchPlan& plan() const { return plan_; }
  const gpu::RunLayout& layout() const { return layout_; }
  const std::vector<runtime::Stage>& stages() const { return stages_; }
  const std::vector<Module>& modules() const { return modules_->all; }
  const Constants& constants() const { return *constants_; }
  /// The names of a launch's task sets, for messages.
  static std::string names(const gpu::Launch& launch);

 private:
  friend class Context;
  Status compile(SharedParts& shared);
  Result<std::shared_ptr<const Modules>> buildModules(std::vector<Module> described) const;
  std::vector<const ir::Module*> kernelsOf(size_t module) const;
  std::string kernelNames(size_t module) const;
  /// Bytes that uploading the constants will take; none once they are there.
  std::vector<int64_t> missingConstantBytes() const;
  /// Constants are uploaded for the first context. The device's context is current.
  Status uploadConstants(CuStream stream);
  Status upload(Buffer& block, int number, CuStream stream);

  Toolchain toolchain_;
  runtime::Program program_;
  std::vector<ir::Module> kernels_;  // raised
  gpu::LaunchPlan plan_;
  gpu::RunLayout layout_;
  std::vector<runtime::Stage> stages_;
  std::shared_ptr<const Modules> modules_;
  bool compiled_ = false;  // the modules, for this executable; else shared
  std::shared_ptr<Constants> constants_;
};

}  // namespace quartet::cuda
