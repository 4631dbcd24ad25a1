// The driver's own cache of compiled pipelines, kept on disk.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <vector>

#include "backends/vulkan/compile.h"
#include "backends/vulkan/gpu.h"
#include "runtime/code_cache.h"

namespace quartet::vulkan {

/// Whether `data` is what this device's driver, in this version, gave out for its pipelines: the
/// header that Vulkan prescribes names it, and something follows.
bool fitsDriver(std::span<const std::byte> data, const PhysicalDevice& device);

/// A VkPipelineCache for the shaders of one program. It starts with what the driver gave out when
/// they were compiled before; one entry per program and driver, so that none grows without bound.
/// A driver that keeps nothing there (it gives out a header only) costs nothing but the look.
class PipelineCache {
 public:
  /// `disk` may be null.
  static Result<std::unique_ptr<PipelineCache>> create(std::shared_ptr<Gpu> gpu,
                                                       std::span<const SpirV> shaders,
                                                       runtime::CodeCache* disk);
  PipelineCache(const PipelineCache&) = delete;
  PipelineCache& operator=(const PipelineCache&) = delete;
  ~PipelineCache();

  VkPipelineCache handle() const { return handle_; }
  /// Keeps what the driver has by now, unless it started with it.
  void store();

 private:
  PipelineCache(std::shared_ptr<Gpu> gpu, runtime::CodeCache* disk)
      : gpu_(std::move(gpu)), disk_(disk) {}

  std::shared_ptr<Gpu> gpu_;
  runtime::CodeCache* disk_;
  std::string key_;
  bool filled_ = false;  // from the disk
  VkPipelineCache handle_ = VK_NULL_HANDLE;
};

}  // namespace quartet::vulkan
