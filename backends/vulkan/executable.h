// A program compiled for a Vulkan device: shaders, pipelines, constants.
#pragma once

#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "backends/common/gpu/run_layout.h"
#include "backends/vulkan/gpu.h"
#include "backends/vulkan/pipeline.h"
#include "runtime/device.h"
#include "runtime/shared_pool.h"

namespace quartet::vulkan {

/// The constants of a program on the device.
struct Constants {
  std::mutex uploading;
  gpu::BufferPlaces placed;
  std::vector<Buffer> blocks;  // empty until uploaded
};

/// What a device's executables share.
struct SharedParts {
  runtime::SharedPool<const Pipelines> pipelines;  // by the text of all shaders
  runtime::SharedPool<Constants> constants;        // by gpu::constantsKey
};

class Executable : public runtime::Executable, public std::enable_shared_from_this<Executable> {
 public:
  /// Compiles what `shared` does not have already. `cache` may be null.
  static Result<std::shared_ptr<Executable>> create(std::shared_ptr<Gpu> gpu,
                                                    const gpu::Limits& limits,
                                                    runtime::Program program, SharedParts& shared,
                                                    std::shared_ptr<runtime::CodeCache> cache);

  const runtime::Program& program() const override { return program_; }
  Result<std::unique_ptr<runtime::Context>> createContext() override;
  std::string code() const override;
  int64_t cachedKernels() const override;
  Result<std::vector<runtime::CompilerReport>> compilerReports() const override;

  Gpu& gpu() const { return *gpu_; }
  const gpu::Limits& limits() const { return limits_; }
  const gpu::LaunchPlan& plan() const { return plan_; }
  const gpu::RunLayout& layout() const { return layout_; }
  const std::vector<runtime::Stage>& stages() const { return stages_; }
  const std::vector<Pipeline>& pipelines() const { return pipelines_->all; }
  const Constants& constants() const { return *constants_; }
  gpu::MemoryRules memoryRules() const;

 private:
  friend class Context;
  Status compile(SharedParts& shared);
  Result<std::shared_ptr<const Pipelines>> buildPipelines(std::vector<Pipeline> described) const;
  std::vector<const ir::Module*> kernelsOf(size_t shader) const;
  void placeConstants(SharedParts& shared);
  /// Bytes that uploading the constants will take; none once they are there.
  std::vector<int64_t> missingConstantBytes() const;
  /// Constants are uploaded for the first context, not before: a device without memory compiles.
  Status uploadConstants();
  Status upload(Buffer& block, const std::vector<size_t>& buffers);

  std::shared_ptr<Gpu> gpu_;
  std::shared_ptr<runtime::CodeCache> cache_;  // may be null
  gpu::Limits limits_;
  runtime::Program program_;
  std::vector<ir::Module> kernels_;  // raised
  gpu::LaunchPlan plan_;
  gpu::RunLayout layout_;
  std::vector<runtime::Stage> stages_;
  std::shared_ptr<const Pipelines> pipelines_;
  bool compiled_ = false;  // the pipelines, for this executable; else shared
  std::shared_ptr<Constants> constants_;
};

}  // namespace quartet::vulkan
