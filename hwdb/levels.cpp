#include "hwdb/levels.h"

#include <algorithm>
#include <ranges>

namespace quartet::hwdb {

using Kind = MemoryLevel::Kind;

const MemoryLevel* deviceMemory(const Description& device) {
  for (const MemoryLevel& level : device.memory) {
    if (level.kind == Kind::Device) return &level;
  }
  return nullptr;
}

const MemoryLevel* innermostLevel(const Description& device) {
  for (const MemoryLevel& level : std::views::reverse(device.memory)) {
    if (level.kind != Kind::Explicit) return &level;
  }
  return nullptr;
}

const MemoryLevel* levelBehind(const Description& device, const MemoryLevel& level) {
  const MemoryLevel* behind = nullptr;
  for (const MemoryLevel& each : device.memory) {  // outermost first
    if (&each == &level) break;
    if (each.kind != Kind::Explicit) behind = &each;
  }
  return behind;
}

const MemoryLevel* innermostCache(const Description& device) {
  for (const MemoryLevel& level : std::views::reverse(device.memory)) {
    if (level.kind == Kind::Cache) return &level;
  }
  return nullptr;
}

const MemoryLevel* largestCache(const Description& device) {
  const MemoryLevel* largest = nullptr;
  for (const MemoryLevel& level : device.memory) {
    if (level.kind != Kind::Cache) continue;
    if (largest == nullptr || level.bytes.value > largest->bytes.value) largest = &level;
  }
  return largest;
}

const MemoryLevel* largestOwnCache(const Description& device) {
  const MemoryLevel* largest = nullptr;
  for (const MemoryLevel& level : device.memory) {
    if (level.kind != Kind::Cache || level.sharers > 1) continue;
    if (largest == nullptr || level.bytes.value > largest->bytes.value) largest = &level;
  }
  return largest;
}

const MemoryLevel* innermostSharedLevel(const Description& device) {
  for (const MemoryLevel& level : std::views::reverse(device.memory)) {
    const bool shared = level.kind == Kind::Device || level.sharers > 1;
    if (shared && level.kind != Kind::Explicit) return &level;
  }
  return nullptr;
}

double unitShare(const MemoryLevel& level) {
  return static_cast<double>(level.bytes.value) / std::max(level.sharers, 1);
}

double innermostCacheRate(const Description& device) {
  for (const MemoryLevel& level : std::views::reverse(device.memory)) {
    const double rate = level.gigabytesPerSecond.value;
    if (level.kind == Kind::Cache && rate > 0) return rate;
  }
  return 0;
}

}  // namespace quartet::hwdb
