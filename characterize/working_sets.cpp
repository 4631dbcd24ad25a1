#include "characterize/working_sets.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <set>

namespace quartet::characterize {

namespace {

/// Rounded down to what kernels take.
int64_t rounded(const hwdb::Description& device, int64_t bytes) {
  bytes = std::max(bytes, kGranule);
  if (device.kind == hwdb::Description::Kind::Cpu) return bytes / kGranule * kGranule;
  return static_cast<int64_t>(std::bit_floor(static_cast<uint64_t>(bytes)));
}

int64_t beyondCaches(const hwdb::Description& device, bool quick) {
  constexpr int64_t kLeast = int64_t{32} << 20;
  constexpr int64_t kMost = int64_t{512} << 20;
  int64_t lastCache = 0;
  for (const hwdb::MemoryLevel& level : device.memory) {
    if (level.kind == hwdb::MemoryLevel::Kind::Cache) {
      lastCache = std::max(lastCache, level.bytes.value);
    }
  }
  const int64_t allowed =
      std::min({kMost, device.memoryBytes.value / 16, device.maxBindingBytes.value,
                device.maxAllocationBytes.value / 4});
  return std::min(std::max(kLeast, (quick ? 2 : 4) * lastCache), allowed);
}

}  // namespace

WorkingSets workingSets(const hwdb::Description& device, bool quick, size_t most) {
  WorkingSets sets;
  const int64_t largest = rounded(device, beyondCaches(device, quick));
  std::set<int64_t> sizes{largest};
  for (const hwdb::MemoryLevel& level : device.memory) {
    if (level.kind == hwdb::MemoryLevel::Kind::Explicit) continue;
    const bool cache = level.kind == hwdb::MemoryLevel::Kind::Cache;
    const int64_t bytes = cache ? rounded(device, level.bytes.value / 2) : largest;
    if (cache && bytes >= largest) continue;  // too large for what the device allows
    sets.levels.emplace_back(level.name, bytes);
    sizes.insert(bytes);
  }
  if (!quick && most > sizes.size()) {
    const auto steps = static_cast<int>(most - sizes.size());
    const double ratio = static_cast<double>(largest) / static_cast<double>(kGranule);
    for (int i = 0; i < steps; ++i) {
      const double bytes = static_cast<double>(kGranule) * std::pow(ratio, double(i) / steps);
      sizes.insert(rounded(device, static_cast<int64_t>(bytes)));
    }
  }
  sets.bytes.assign(sizes.begin(), sizes.end());
  return sets;
}

}  // namespace quartet::characterize
