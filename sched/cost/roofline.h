// A first cost: what bounds a task set, arithmetic or memory.
#pragma once

#include <string_view>
#include <vector>

#include "sched/env.h"

namespace quartet::sched {

/// A part of an estimate, and the field of the description that it rests on.
struct CostShare {
  std::string_view field;  // "peakGigaflops"
  hwdb::Provenance provenance = hwdb::Provenance::Derived;
  double microseconds = 0;
};

/// What a task set takes: flops over the peak rate, or the cycles of its loops, and bytes over
/// memory bandwidth. The longer of the two alone, where other groups of a unit compute while one
/// waits for memory; both, where a group is one invocation. Of a part of the units, the rate is
/// that part of the device's; the bandwidth is the device's for any number.
std::vector<CostShare> rooflineShares(const Work& work, const hwdb::Description& device);
/// What one launch adds.
CostShare launchShare(const hwdb::Description& device);

/// Microseconds: these shares and one launch.
double roofline(const Work& work, const hwdb::Description& device);

}  // namespace quartet::sched
