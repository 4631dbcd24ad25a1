#include "backends/vulkan/commands.h"

#include <utility>

namespace quartet::vulkan {

Result<Commands> Commands::create(std::shared_ptr<Gpu> gpu) {
  Commands commands;
  commands.gpu_ = std::move(gpu);
  const Gpu& device = *commands.gpu_;
  const VkCommandPoolCreateInfo poolInfo{.sType = VK_STRUCTURE_TYPE_COMMAND_POOL_CREATE_INFO,
                                         .queueFamilyIndex = device.physical().queueFamily};
  QT_VK(vkCreateCommandPool(device.handle(), &poolInfo, nullptr, &commands.pool_), device.name());
  const VkCommandBufferAllocateInfo info{.sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_ALLOCATE_INFO,
                                         .commandPool = commands.pool_,
                                         .level = VK_COMMAND_BUFFER_LEVEL_PRIMARY,
                                         .commandBufferCount = 1};
  QT_VK(vkAllocateCommandBuffers(device.handle(), &info, &commands.buffer_), device.name());
  const VkFenceCreateInfo fence{.sType = VK_STRUCTURE_TYPE_FENCE_CREATE_INFO};
  QT_VK(vkCreateFence(device.handle(), &fence, nullptr, &commands.fence_), device.name());
  const VkCommandBufferBeginInfo begin{.sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_BEGIN_INFO};
  QT_VK(vkBeginCommandBuffer(commands.buffer_, &begin), device.name());
  return commands;
}

Commands::~Commands() {
  if (!gpu_ || gpu_->abandoned()) return;
  vkDestroyFence(gpu_->handle(), fence_, nullptr);
  vkDestroyCommandPool(gpu_->handle(), pool_, nullptr);
}

void Commands::swap(Commands& other) noexcept {
  std::swap(gpu_, other.gpu_);
  std::swap(pool_, other.pool_);
  std::swap(buffer_, other.buffer_);
  std::swap(fence_, other.fence_);
}

void Commands::copy(const Buffer& from, int64_t fromOffset, const Buffer& to, int64_t toOffset,
                    int64_t bytes) {
  const VkBufferCopy region{.srcOffset = static_cast<VkDeviceSize>(fromOffset),
                            .dstOffset = static_cast<VkDeviceSize>(toOffset),
                            .size = static_cast<VkDeviceSize>(bytes)};
  vkCmdCopyBuffer(buffer_, from.handle(), to.handle(), 1, &region);
}

void Commands::barrier(VkPipelineStageFlags fromStages, VkAccessFlags from,
                       VkPipelineStageFlags toStages, VkAccessFlags to) {
  const VkMemoryBarrier memory{
      .sType = VK_STRUCTURE_TYPE_MEMORY_BARRIER, .srcAccessMask = from, .dstAccessMask = to};
  vkCmdPipelineBarrier(buffer_, fromStages, toStages, 0, 1, &memory, 0, nullptr, 0, nullptr);
}

Status Commands::finish() {
  QT_VK(vkEndCommandBuffer(buffer_), gpu_->name());
  return {};
}

}  // namespace quartet::vulkan
