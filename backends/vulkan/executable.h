// A program compiled for a Vulkan device: shaders, pipelines, constants.
#pragma once

#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "backends/vulkan/compile.h"
#include "backends/vulkan/gpu.h"
#include "backends/vulkan/launch.h"
#include "backends/vulkan/placement.h"
#include "runtime/device.h"

namespace quartet::vulkan {

/// A compute pipeline and what is needed to feed it.
struct Pipeline {
  ShaderInterface interface;
  std::string glsl;
  bool cached = false;  // its SPIR-V was not made anew
  VkDescriptorSetLayout setLayout = VK_NULL_HANDLE;
  VkPipelineLayout layout = VK_NULL_HANDLE;
  VkPipeline handle = VK_NULL_HANDLE;
};

/// The constants of a program on the device.
struct Constants {
  std::vector<int> block;  // by buffer of the program: -1 for other kinds
  std::vector<int64_t> offset;
  std::vector<int64_t> blockBytes;
  std::vector<Buffer> blocks;  // empty until uploaded
};

class Executable : public runtime::Executable, public std::enable_shared_from_this<Executable> {
 public:
  /// `cache` may be null.
  static Result<std::shared_ptr<Executable>> create(std::shared_ptr<Gpu> gpu,
                                                    const ShaderLimits& limits,
                                                    runtime::Program program,
                                                    runtime::CodeCache* cache);
  Executable() = default;
  Executable(const Executable&) = delete;
  Executable& operator=(const Executable&) = delete;
  ~Executable() override;

  const runtime::Program& program() const override { return program_; }
  Result<std::unique_ptr<runtime::Context>> createContext() override;
  std::string code() const override;
  int64_t cachedKernels() const override;

  Gpu& gpu() const { return *gpu_; }
  const ShaderLimits& limits() const { return limits_; }
  const LaunchPlan& plan() const { return plan_; }
  const std::vector<runtime::Stage>& stages() const { return stages_; }
  const std::vector<Pipeline>& pipelines() const { return pipelines_; }
  const Constants& constants() const { return constants_; }
  /// Alignment in bytes of every window of a buffer.
  int64_t alignBytes() const;

 private:
  friend class Context;
  Status compile(runtime::CodeCache* cache);
  std::vector<const ir::Module*> kernelsOf(size_t shader) const;
  Status buildPipeline(Pipeline& pipeline, VkPipelineCache driverCache, const SpirV& code);
  Status buildLayouts(Pipeline& pipeline);
  void placeConstants();
  /// Bytes that uploading the constants will take; none once they are there.
  std::vector<int64_t> missingConstantBytes() const;
  /// Constants are uploaded for the first context, not before: a device without memory compiles.
  Status uploadConstants();
  Status upload(Buffer& block, const std::vector<size_t>& buffers);

  std::shared_ptr<Gpu> gpu_;
  ShaderLimits limits_;
  runtime::Program program_;
  std::vector<ir::Module> kernels_;  // raised
  LaunchPlan plan_;
  std::vector<runtime::Stage> stages_;
  std::vector<Pipeline> pipelines_;
  std::mutex constantsMutex_;
  Constants constants_;
};

}  // namespace quartet::vulkan
