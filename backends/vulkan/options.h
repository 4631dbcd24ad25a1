// Switches that only tests use: other paths than a device would take, and planted faults that the
// validation layer must find.
#pragma once

#include <cstdint>

namespace quartet::vulkan {

struct TestOptions {
  bool forceStaging = false;      // copy inputs and outputs as for memory the host cannot see
  bool emulateInt64 = false;      // two 32-bit words per 64-bit integer, even where it is native
  bool widenStorage = false;      // no 8/16-bit storage
  bool separateLaunches = false;  // a wave's dispatches one by one
  int64_t maxGroupsPerAxis = 0;   // a smaller limit than the device's
  int64_t maxPushBytes = 0;       // likewise: parameters go through a buffer
  bool omitBarriers = false;      // fault: waves do not wait for each other
  bool omitStorageUsage = false;  // fault: buffers without VK_BUFFER_USAGE_STORAGE_BUFFER_BIT
};

}  // namespace quartet::vulkan
