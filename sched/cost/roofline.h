// A first cost: what bounds a task set, arithmetic or memory.
#pragma once

#include <string_view>

#include "sched/env.h"

namespace quartet::sched {

/// A part of an estimate, and the field of the description that it rests on.
struct CostShare {
  std::string_view field;  // "peakGigaflops"
  hwdb::Provenance provenance = hwdb::Provenance::Derived;
  double microseconds = 0;
};

/// What bounds a task set: flops over the peak rate, the cycles of its loops, or bytes over memory
/// bandwidth, whichever takes longest. Of a part of the units, the rate is that part of the
/// device's; the bandwidth is the device's for any number.
CostShare rooflineBound(const Work& work, const hwdb::Description& device);
/// What one launch adds.
CostShare launchShare(const hwdb::Description& device);

/// Microseconds: the bound plus one launch.
double roofline(const Work& work, const hwdb::Description& device);

}  // namespace quartet::sched
