// Memory levels of a device by their place among the others.
#pragma once

#include "hwdb/description.h"

namespace quartet::hwdb {

/// Device memory; null where the description has none.
const MemoryLevel* deviceMemory(const Description& device);

/// The innermost level that accesses to device memory go through: a cache, or device memory itself.
/// Null without any.
const MemoryLevel* innermostLevel(const Description& device);
/// What is read when `level`, one of the device's, does not have it; null behind the outermost.
const MemoryLevel* levelBehind(const Description& device, const MemoryLevel& level);

/// Null without a cache, as below.
const MemoryLevel* innermostCache(const Description& device);
const MemoryLevel* largestCache(const Description& device);
/// The largest that units do not share.
const MemoryLevel* largestOwnCache(const Description& device);

/// The innermost level, workgroup memory apart, that units share; null where there is none.
const MemoryLevel* innermostSharedLevel(const Description& device);

/// Bytes of one unit's share of a level.
double unitShare(const MemoryLevel& level);

/// Gigabytes per second that the innermost cache for which the description says it gives one unit;
/// 0 without one.
double innermostCacheRate(const Description& device);

}  // namespace quartet::hwdb
