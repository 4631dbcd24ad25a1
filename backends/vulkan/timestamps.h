// Timestamps that the device writes around the launches of a command buffer.
#pragma once

#include <memory>
#include <vector>

#include "backends/vulkan/gpu.h"

namespace quartet::vulkan {

class Timestamps {
 public:
  /// For `intervals` intervals. An error (kind Unsupported) where the queue has no timestamps.
  static Result<Timestamps> create(std::shared_ptr<Gpu> gpu, uint32_t intervals);
  Timestamps() = default;
  Timestamps(Timestamps&& other) noexcept { swap(other); }
  Timestamps& operator=(Timestamps&& other) noexcept {
    swap(other);
    return *this;
  }
  ~Timestamps();

  /// Records: forgets what was written, before the first interval.
  void reset(VkCommandBuffer commands) const;
  /// Records the ends of an interval. Between earlier work and `begin` stands a barrier of the
  /// caller's; `end` waits for what lies between.
  void begin(VkCommandBuffer commands, uint32_t interval) const { write(commands, 2 * interval); }
  void end(VkCommandBuffer commands, uint32_t interval) const { write(commands, 2 * interval + 1); }
  /// Microseconds of each interval, once the commands are complete.
  Result<std::vector<double>> read() const;

 private:
  void write(VkCommandBuffer commands, uint32_t query) const;
  void swap(Timestamps& other) noexcept;

  std::shared_ptr<Gpu> gpu_;
  VkQueryPool pool_ = VK_NULL_HANDLE;
  uint32_t intervals_ = 0;
};

}  // namespace quartet::vulkan
