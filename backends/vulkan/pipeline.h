// Compute pipelines, and what the driver's compiler says of them.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "backends/common/gpu/launch.h"
#include "backends/vulkan/compile.h"
#include "backends/vulkan/gpu.h"
#include "runtime/device.h"

namespace quartet::vulkan {

/// A compute pipeline and what is needed to feed it.
struct Pipeline {
  gpu::Interface interface;
  std::string glsl;
  bool cached = false;  // its SPIR-V was not made anew
  VkDescriptorSetLayout setLayout = VK_NULL_HANDLE;
  VkPipelineLayout layout = VK_NULL_HANDLE;
  VkPipeline handle = VK_NULL_HANDLE;
};

/// The pipelines of a program's shaders.
struct Pipelines {
  explicit Pipelines(std::shared_ptr<Gpu> owner) : gpu(std::move(owner)) {}
  Pipelines(const Pipelines&) = delete;
  Pipelines& operator=(const Pipelines&) = delete;
  ~Pipelines();

  std::shared_ptr<Gpu> gpu;
  std::vector<Pipeline> all;
};

/// Makes the layouts and the handle of a pipeline whose interface is set. `driverCache` may be
/// null.
Status buildPipeline(const Gpu& gpu, Pipeline& pipeline, VkPipelineCache driverCache,
                     const SpirV& code);

/// What the driver says of a pipeline (VK_KHR_pipeline_executable_properties), in its own words:
/// registers, spills, workgroup memory, and with some drivers an estimate of the time. The pipeline
/// is made once more for it, because capturing may keep a driver from using its caches. Empty where
/// the device does not offer that.
Result<runtime::CompilerReport> compilerReport(const Gpu& gpu, const Pipeline& pipeline,
                                               const SpirV& code);

}  // namespace quartet::vulkan
