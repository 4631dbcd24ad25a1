#include "backends/vulkan/timestamps.h"

#include <algorithm>
#include <utility>

namespace quartet::vulkan {

Result<Timestamps> Timestamps::create(std::shared_ptr<Gpu> gpu, uint32_t intervals) {
  if (gpu->physical().timestampBits == 0) {
    return unsupported("the device's queue has no timestamps", gpu->name());
  }
  Timestamps timestamps;
  timestamps.gpu_ = std::move(gpu);
  timestamps.intervals_ = intervals;
  const Gpu& device = *timestamps.gpu_;
  const VkQueryPoolCreateInfo info{.sType = VK_STRUCTURE_TYPE_QUERY_POOL_CREATE_INFO,
                                   .queryType = VK_QUERY_TYPE_TIMESTAMP,
                                   .queryCount = std::max(2 * intervals, 1U)};
  QT_VK(vkCreateQueryPool(device.handle(), &info, nullptr, &timestamps.pool_), device.name());
  return timestamps;
}

Timestamps::~Timestamps() {
  if (!gpu_ || gpu_->abandoned()) return;
  vkDestroyQueryPool(gpu_->handle(), pool_, nullptr);
}

void Timestamps::swap(Timestamps& other) noexcept {
  std::swap(gpu_, other.gpu_);
  std::swap(pool_, other.pool_);
  std::swap(intervals_, other.intervals_);
}

void Timestamps::reset(VkCommandBuffer commands) const {
  vkCmdResetQueryPool(commands, pool_, 0, std::max(2 * intervals_, 1U));
}

void Timestamps::write(VkCommandBuffer commands, uint32_t query) const {
  vkCmdWriteTimestamp(commands, VK_PIPELINE_STAGE_BOTTOM_OF_PIPE_BIT, pool_, query);
}

Result<std::vector<double>> Timestamps::read() const {
  std::vector<double> microseconds;
  if (intervals_ == 0) return microseconds;
  std::vector<uint64_t> ticks(size_t{2} * intervals_);
  QT_VK(vkGetQueryPoolResults(gpu_->handle(), pool_, 0, 2 * intervals_,
                              ticks.size() * sizeof(uint64_t), ticks.data(), sizeof(uint64_t),
                              VK_QUERY_RESULT_64_BIT | VK_QUERY_RESULT_WAIT_BIT),
        gpu_->name());
  const uint32_t bits = gpu_->physical().timestampBits;
  const uint64_t mask = bits >= 64 ? ~uint64_t{0} : (uint64_t{1} << bits) - 1;
  const double nanoseconds = gpu_->physical().limits.timestampPeriod;
  for (size_t i = 0; i < intervals_; ++i) {
    // The counter wraps around.
    const uint64_t took = (ticks[2 * i + 1] - ticks[2 * i]) & mask;
    microseconds.push_back(static_cast<double>(took) * nanoseconds * 1e-3);
  }
  return microseconds;
}

}  // namespace quartet::vulkan
