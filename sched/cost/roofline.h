// A first cost: what bounds a task set, arithmetic or memory.
#pragma once

#include "sched/env.h"

namespace quartet::sched {

/// Microseconds: the larger of flops over the peak rate and bytes over memory bandwidth, plus one
/// launch.
double roofline(const Work& work, const hwdb::Description& device);

}  // namespace quartet::sched
