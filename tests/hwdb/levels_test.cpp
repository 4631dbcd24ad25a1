// Memory levels by their place among the others.
#include "hwdb/levels.h"

#include <doctest/doctest.h>

using namespace quartet::hwdb;
using Kind = MemoryLevel::Kind;

namespace {

MemoryLevel level(std::string name, Kind kind, int64_t bytes, int sharers, double rate = 0) {
  MemoryLevel made;
  made.name = std::move(name);
  made.kind = kind;
  made.bytes.value = bytes;
  made.sharers = sharers;
  made.gigabytesPerSecond.value = rate;
  return made;
}

std::string nameOf(const MemoryLevel* found) { return found == nullptr ? "" : found->name; }

}  // namespace

TEST_CASE("levels: of a GPU, workgroup memory is none that others are read through") {
  Description device;
  device.memory = {level("memory", Kind::Device, 1 << 30, 8),
                   level("L2", Kind::Cache, 1 << 20, 8, 4), level("L1", Kind::Cache, 1 << 14, 1),
                   level("workgroup", Kind::Explicit, 1 << 15, 1, 9)};
  CHECK(nameOf(deviceMemory(device)) == "memory");
  CHECK(nameOf(innermostLevel(device)) == "L1");
  CHECK(nameOf(innermostCache(device)) == "L1");
  CHECK(nameOf(levelBehind(device, device.memory[3])) == "L1");
  CHECK(nameOf(levelBehind(device, device.memory[2])) == "L2");
  CHECK(nameOf(levelBehind(device, device.memory[0])).empty());
  CHECK(nameOf(largestCache(device)) == "L2");
  CHECK(nameOf(largestOwnCache(device)) == "L1");
  CHECK(nameOf(innermostSharedLevel(device)) == "L2");
  CHECK(unitShare(device.memory[1]) == 1 << 17);
  CHECK(innermostCacheRate(device) == 4);  // L1's is not known
}

TEST_CASE("levels: of a CPU whose cores share nothing but memory; of nothing") {
  Description device;
  device.memory = {level("memory", Kind::Device, 1 << 30, 1),
                   level("L2", Kind::Cache, 1 << 20, 1, 2),
                   level("L1", Kind::Cache, 1 << 15, 1, 3)};
  CHECK(nameOf(largestOwnCache(device)) == "L2");
  CHECK(nameOf(innermostSharedLevel(device)) == "memory");
  CHECK(innermostCacheRate(device) == 3);
  device.memory.clear();
  for (const auto find : {deviceMemory, innermostLevel, innermostCache, largestCache,
                          largestOwnCache, innermostSharedLevel}) {
    CHECK(find(device) == nullptr);
  }
  CHECK(innermostCacheRate(device) == 0);
}
