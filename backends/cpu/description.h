// The host as data.
#pragma once

#include "base/result.h"
#include "hwdb/description.h"
#include "runtime/code_cache.h"

namespace quartet::cpu {

/// The host CPU when `threads` of its cores work: limits from cpuid and /sys, rates measured at the
/// first call in a process (about a tenth of a second) and kept for its lifetime. `cache`, which
/// may be null, keeps the code of the kernels that measure.
///
/// What was measured before (QUARTET_DEVICES) wins; a damaged file there is an error.
Result<hwdb::Description> describeHost(int threads, runtime::CodeCache* cache = nullptr);

}  // namespace quartet::cpu
