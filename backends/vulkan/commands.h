// A recorded command buffer with its pool and fence.
#pragma once

#include <memory>
#include <span>

#include "backends/vulkan/gpu.h"

namespace quartet::vulkan {

class Commands {
 public:
  /// Empty, and recording.
  static Result<Commands> create(std::shared_ptr<Gpu> gpu);
  Commands() = default;
  Commands(Commands&& other) noexcept { swap(other); }
  Commands& operator=(Commands&& other) noexcept {
    swap(other);
    return *this;
  }
  ~Commands();

  VkCommandBuffer handle() const { return buffer_; }
  /// `bytes` > 0.
  void copy(const Buffer& from, int64_t fromOffset, const Buffer& to, int64_t toOffset,
            int64_t bytes);
  /// A barrier over all memory.
  void barrier(VkPipelineStageFlags fromStages, VkAccessFlags from, VkPipelineStageFlags toStages,
               VkAccessFlags to);
  /// Ends the recording; from then on it can be run any number of times.
  Status finish();
  /// Submits and waits.
  Status run() { return gpu_->runAndWait(buffer_, fence_); }

 private:
  void swap(Commands& other) noexcept;

  std::shared_ptr<Gpu> gpu_;
  VkCommandPool pool_ = VK_NULL_HANDLE;
  VkCommandBuffer buffer_ = VK_NULL_HANDLE;
  VkFence fence_ = VK_NULL_HANDLE;
};

}  // namespace quartet::vulkan
