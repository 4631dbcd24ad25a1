#include "sched/cost/roofline.h"

#include <algorithm>

namespace quartet::sched {

double roofline(const Work& work, const hwdb::Description& device) {
  const double arithmetic = work.flops / (std::max(device.peakGigaflops.value, 1e-3) * 1e3);
  const double memory = work.bytes / (std::max(device.memoryGigabytesPerSecond.value, 1e-3) * 1e3);
  return std::max(arithmetic, memory) + device.launchMicroseconds.value;
}

}  // namespace quartet::sched
