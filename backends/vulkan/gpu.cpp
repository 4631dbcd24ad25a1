#include "backends/vulkan/gpu.h"

#include <algorithm>
#include <fstream>
#include <map>

#include "backends/vulkan/probe.h"

namespace quartet::vulkan {

namespace {

/// Longer than any inference on a software driver; a driver that hangs is reported after it.
constexpr uint64_t kTimeoutNanoseconds = 600ull * 1000 * 1000 * 1000;
constexpr int64_t kMinimumBytes = 16;

constexpr VkMemoryPropertyFlags kMappable =
    VK_MEMORY_PROPERTY_HOST_VISIBLE_BIT | VK_MEMORY_PROPERTY_HOST_COHERENT_BIT;

std::string mebibytes(int64_t bytes) {
  return std::to_string((bytes + (1 << 20) - 1) >> 20) + " MiB";
}

/// Memory the host can still give, in bytes; drivers that run on the host's cores use it.
int64_t hostAvailableBytes() {
  std::ifstream file("/proc/meminfo");
  std::string key;
  int64_t kibibytes = 0;
  std::string unit;
  while (file >> key >> kibibytes) {
    std::getline(file, unit);
    if (key == "MemAvailable:") return kibibytes * 1024;
  }
  return INT64_MAX;
}

/// The memory type with all `required` properties and most of `wanted`; -1 if there is none.
int findType(const VkPhysicalDeviceMemoryProperties& memory, VkMemoryPropertyFlags required,
             VkMemoryPropertyFlags wanted, VkMemoryPropertyFlags unwanted) {
  int best = -1;
  int bestScore = -1;
  for (uint32_t i = 0; i < memory.memoryTypeCount; ++i) {
    const VkMemoryPropertyFlags flags = memory.memoryTypes[i].propertyFlags;
    if ((flags & required) != required) continue;
    const int score = 2 * __builtin_popcount(flags & wanted) + ((flags & unwanted) == 0 ? 1 : 0);
    if (score > bestScore) {
      best = static_cast<int>(i);
      bestScore = score;
    }
  }
  return best;
}

}  // namespace

Buffer::~Buffer() {
  if (!gpu_ || gpu_->abandoned()) return;
  if (mapped_ != nullptr) vkUnmapMemory(gpu_->device_, memory_);
  vkDestroyBuffer(gpu_->device_, buffer_, nullptr);
  vkFreeMemory(gpu_->device_, memory_, nullptr);
  gpu_->allocated_[heap_] -= allocated_;
}

void Buffer::swap(Buffer& other) noexcept {
  std::swap(gpu_, other.gpu_);
  std::swap(buffer_, other.buffer_);
  std::swap(memory_, other.memory_);
  std::swap(mapped_, other.mapped_);
  std::swap(bytes_, other.bytes_);
  std::swap(allocated_, other.allocated_);
  std::swap(heap_, other.heap_);
}

Result<std::shared_ptr<Gpu>> Gpu::open(std::shared_ptr<Instance> instance,
                                       const PhysicalDevice& physical, const TestOptions& options) {
  auto gpu = std::make_shared<Gpu>();
  gpu->options_ = options;
  QT_CHECK(gpu->create(std::move(instance), physical));
  return gpu;
}

Gpu::~Gpu() {
  if (device_ == VK_NULL_HANDLE || abandoned_) return;
  vkDestroyDevice(device_, nullptr);
}

Status Gpu::create(std::shared_ptr<Instance> instance, const PhysicalDevice& physical) {
  instance_ = std::move(instance);
  physical_ = physical;
  const float priority = 1.0F;
  const VkDeviceQueueCreateInfo queue{.sType = VK_STRUCTURE_TYPE_DEVICE_QUEUE_CREATE_INFO,
                                      .queueFamilyIndex = physical.queueFamily,
                                      .queueCount = 1,
                                      .pQueuePriorities = &priority};
  const FeatureChain features(physical);
  const VkDeviceCreateInfo info{
      .sType = VK_STRUCTURE_TYPE_DEVICE_CREATE_INFO,
      .pNext = features.chain(),
      .queueCreateInfoCount = 1,
      .pQueueCreateInfos = &queue,
      .enabledExtensionCount = static_cast<uint32_t>(features.extensions().size()),
      .ppEnabledExtensionNames = features.extensions().data()};
  QT_VK(vkCreateDevice(physical.handle, &info, nullptr, &device_), name());
  vkGetDeviceQueue(device_, physical.queueFamily, 0, &queue_);
  if (physical.hasMemory()) chooseMemoryTypes();
  return {};
}

void Gpu::chooseMemoryTypes() {
  const auto& memory = physical_.memory;
  constexpr VkMemoryPropertyFlags kLocal = VK_MEMORY_PROPERTY_DEVICE_LOCAL_BIT;
  constexpr VkMemoryPropertyFlags kCached = VK_MEMORY_PROPERTY_HOST_CACHED_BIT;
  const int shared = findType(memory, kLocal | kMappable, kCached, 0);
  const bool oneMemory =
      physical_.software() || physical_.type == VK_PHYSICAL_DEVICE_TYPE_INTEGRATED_GPU;
  unified_ = shared >= 0 && oneMemory && !options_.forceStaging;
  const int local = findType(memory, kLocal, 0, kMappable);
  shaderType_ = static_cast<uint32_t>(unified_ ? shared : std::max(local, 0));
  // The specification guarantees one mappable coherent type.
  stagingType_ = static_cast<uint32_t>(std::max(findType(memory, kMappable, kCached, kLocal), 0));
}

int64_t Gpu::freeBytes(uint32_t heap) const {
  const int64_t size = static_cast<int64_t>(physical_.memory.memoryHeaps[heap].size);
  int64_t free = size - allocated_[heap];
  if (physical_.memoryBudget) {
    VkPhysicalDeviceMemoryBudgetPropertiesEXT budget{
        .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_MEMORY_BUDGET_PROPERTIES_EXT};
    VkPhysicalDeviceMemoryProperties2 properties{
        .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_MEMORY_PROPERTIES_2, .pNext = &budget};
    vkGetPhysicalDeviceMemoryProperties2(physical_.handle, &properties);
    free = std::min(free, static_cast<int64_t>(budget.heapBudget[heap]) -
                              static_cast<int64_t>(budget.heapUsage[heap]));
  }
  if (physical_.software()) free = std::min(free, hostAvailableBytes());
  return std::max<int64_t>(free, 0);
}

Status Gpu::checkFits(std::span<const int64_t> shaderBytes, std::span<const int64_t> stagingBytes,
                      const std::string& what) const {
  const std::string hint = "use a smaller model or batch, or another device";
  std::map<uint32_t, int64_t> needed;
  for (const Use use : {Use::Shader, Use::Staging}) {
    const uint32_t heap = physical_.memory.memoryTypes[memoryType(use)].heapIndex;
    for (const int64_t bytes : use == Use::Shader ? shaderBytes : stagingBytes) {
      if (bytes > static_cast<int64_t>(physical_.maxAllocationBytes)) {
        return resourceError(what + " needs " + mebibytes(bytes) +
                                 " in one piece, the device gives " +
                                 mebibytes(static_cast<int64_t>(physical_.maxAllocationBytes)),
                             name(), hint);
      }
      needed[heap] += std::max(bytes, kMinimumBytes);
    }
  }
  for (const auto& [heap, bytes] : needed) {
    const int64_t free = freeBytes(heap);
    if (bytes > free) {
      return resourceError(
          what + " needs " + mebibytes(bytes) + ", the device has " + mebibytes(free) + " free",
          name(), hint);
    }
  }
  return {};
}

Result<Buffer> Gpu::allocate(int64_t bytes, Use use) {
  if (!physical_.hasMemory()) {
    return unsupported("the device has no memory: it compiles programs but cannot run them", name(),
                       "choose another device");
  }
  VkBufferUsageFlags usage = VK_BUFFER_USAGE_TRANSFER_SRC_BIT | VK_BUFFER_USAGE_TRANSFER_DST_BIT;
  if (!options_.omitStorageUsage) usage |= VK_BUFFER_USAGE_STORAGE_BUFFER_BIT;
  Buffer buffer;
  buffer.gpu_ = shared_from_this();
  buffer.bytes_ = std::max(bytes, kMinimumBytes);
  const VkBufferCreateInfo info{.sType = VK_STRUCTURE_TYPE_BUFFER_CREATE_INFO,
                                .size = static_cast<VkDeviceSize>(buffer.bytes_),
                                .usage = usage,
                                .sharingMode = VK_SHARING_MODE_EXCLUSIVE};
  QT_VK(vkCreateBuffer(device_, &info, nullptr, &buffer.buffer_), name());
  VkMemoryRequirements needs;
  vkGetBufferMemoryRequirements(device_, buffer.buffer_, &needs);
  const uint32_t type = memoryType(use);
  QT_ASSERT((needs.memoryTypeBits >> type & 1) != 0,
            "storage buffers refuse memory type " + std::to_string(type) + " of " + name());
  const VkMemoryAllocateInfo allocation{.sType = VK_STRUCTURE_TYPE_MEMORY_ALLOCATE_INFO,
                                        .allocationSize = needs.size,
                                        .memoryTypeIndex = type};
  QT_VK(vkAllocateMemory(device_, &allocation, nullptr, &buffer.memory_), name());
  buffer.heap_ = physical_.memory.memoryTypes[type].heapIndex;
  buffer.allocated_ = static_cast<int64_t>(needs.size);
  allocated_[buffer.heap_] += buffer.allocated_;
  QT_VK(vkBindBufferMemory(device_, buffer.buffer_, buffer.memory_, 0), name());
  if (use == Use::Staging || unified_) {
    void* mapped = nullptr;
    QT_VK(vkMapMemory(device_, buffer.memory_, 0, VK_WHOLE_SIZE, 0, &mapped), name());
    buffer.mapped_ = static_cast<std::byte*>(mapped);
  }
  return buffer;
}

Status Gpu::checkValidation() {
  std::vector<std::string> messages = instance_->takeMessages();
  if (messages.empty()) return {};
  return tl::unexpected(Diagnostic{Diagnostic::Kind::Internal,
                                   "the validation layer has " + std::to_string(messages.size()) +
                                       " complaint" + (messages.size() > 1 ? "s" : ""),
                                   name(), std::move(messages), ""});
}

Status Gpu::runAndWait(VkCommandBuffer commands, VkFence fence) {
  if (abandoned_) {
    return resourceError("the device did not answer an earlier submission", name(),
                         "open the device again");
  }
  const VkSubmitInfo submit{.sType = VK_STRUCTURE_TYPE_SUBMIT_INFO,
                            .commandBufferCount = 1,
                            .pCommandBuffers = &commands};
  {
    const std::lock_guard lock(queueMutex_);
    QT_VK(vkQueueSubmit(queue_, 1, &submit, fence), name());
  }
  const VkResult result = vkWaitForFences(device_, 1, &fence, VK_TRUE, kTimeoutNanoseconds);
  if (result == VK_TIMEOUT) {
    abandoned_ = true;
    return resourceError("the device did not finish within " +
                             std::to_string(kTimeoutNanoseconds / 1000000000) + " s",
                         name(), "use a smaller model or batch, or another device");
  }
  if (result != VK_SUCCESS) return vulkanError("vkWaitForFences", result, name());
  QT_VK(vkResetFences(device_, 1, &fence), name());
  return {};
}

}  // namespace quartet::vulkan
