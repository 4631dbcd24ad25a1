#include "backends/vulkan/pipeline_cache.h"

#include <cstring>

#include "base/content_hash.h"

namespace quartet::vulkan {

namespace {

constexpr const char* kKind = "Vulkan pipeline cache";

std::string keyOf(const PhysicalDevice& device, std::span<const SpirV> shaders) {
  ContentHasher hasher;
  for (const SpirV& shader : shaders) {
    hasher.addBytes(std::as_bytes(std::span(shader)));
    hasher.addWords(0, shader.size(), 0);
  }
  const auto uuid = std::as_bytes(std::span(device.pipelineCacheUuid));
  return "driver " + device.driver + " " + device.driverInfo + " " +
         std::to_string(device.driverVersion) + "\ndevice " + std::to_string(device.vendor) + " " +
         std::to_string(device.device) + "\npipelines " + contentHash(uuid).hex() + "\nshaders " +
         hasher.finish().hex();
}

VkResult createHandle(const Gpu& gpu, std::span<const std::byte> data, VkPipelineCache& handle) {
  const VkPipelineCacheCreateInfo info{.sType = VK_STRUCTURE_TYPE_PIPELINE_CACHE_CREATE_INFO,
                                       .initialDataSize = data.size(),
                                       .pInitialData = data.data()};
  return vkCreatePipelineCache(gpu.handle(), &info, nullptr, &handle);
}

}  // namespace

bool fitsDriver(std::span<const std::byte> data, const PhysicalDevice& device) {
  VkPipelineCacheHeaderVersionOne header;
  if (data.size() <= sizeof header) return false;
  std::memcpy(&header, data.data(), sizeof header);
  return header.headerSize >= sizeof header && header.headerSize < data.size() &&
         header.headerVersion == VK_PIPELINE_CACHE_HEADER_VERSION_ONE &&
         header.vendorID == device.vendor && header.deviceID == device.device &&
         std::memcmp(header.pipelineCacheUUID, device.pipelineCacheUuid.data(), VK_UUID_SIZE) == 0;
}

Result<std::unique_ptr<PipelineCache>> PipelineCache::create(std::shared_ptr<Gpu> gpu,
                                                             std::span<const SpirV> shaders,
                                                             runtime::CodeCache* disk) {
  std::unique_ptr<PipelineCache> cache(new PipelineCache(std::move(gpu), disk));
  const Gpu& device = *cache->gpu_;
  if (disk != nullptr) {
    cache->key_ = keyOf(device.physical(), shaders);
    const auto data = disk->get(kKind, cache->key_);
    if (data && fitsDriver(*data, device.physical())) {
      // What the driver does not want after all is as good as nothing.
      cache->filled_ = createHandle(device, *data, cache->handle_) == VK_SUCCESS;
    }
  }
  if (!cache->filled_) QT_VK(createHandle(device, {}, cache->handle_), device.name());
  return cache;
}

PipelineCache::~PipelineCache() { vkDestroyPipelineCache(gpu_->handle(), handle_, nullptr); }

void PipelineCache::store() {
  if (disk_ == nullptr || filled_) return;
  size_t size = 0;
  if (vkGetPipelineCacheData(gpu_->handle(), handle_, &size, nullptr) != VK_SUCCESS) return;
  std::vector<std::byte> data(size);
  if (vkGetPipelineCacheData(gpu_->handle(), handle_, &size, data.data()) != VK_SUCCESS) return;
  data.resize(size);
  if (fitsDriver(data, gpu_->physical())) disk_->put(kKind, key_, data);
}

}  // namespace quartet::vulkan
