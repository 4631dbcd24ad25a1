// The host as data.
#pragma once

#include "hwdb/description.h"

namespace quartet::cpu {

/// The host CPU when `threads` of its cores work: limits from cpuid and /sys, rates measured at the
/// first call in a process (about a tenth of a second) and kept for its lifetime.
hwdb::Description describeHost(int threads);

}  // namespace quartet::cpu
