#include "sched/cost/roofline.h"

#include <algorithm>

namespace quartet::sched {

CostShare rooflineBound(const Work& work, const hwdb::Description& device) {
  const double peak = std::max(device.peakGigaflops.value, 1e-3) * 1e3;  // flops per microsecond
  const double perCycle = 2 * device.fmaPerCycle.value *
                          static_cast<double>(device.vectorLanes.value);  // flops of one unit
  const double rate = work.gigaflops > 0 ? work.gigaflops * 1e3 : peak;
  const auto units = static_cast<double>(device.units.value);
  const double share = work.units == 0 ? 1 : std::min(static_cast<double>(work.units) / units, 1.0);
  const double arithmetic = std::max(work.flops / rate, work.cycles * perCycle / peak) / share;
  const double memory = work.bytes / (std::max(device.memoryGigabytesPerSecond.value, 1e-3) * 1e3);
  if (arithmetic >= memory) return {"peakGigaflops", device.peakGigaflops.provenance, arithmetic};
  return {"memoryGigabytesPerSecond", device.memoryGigabytesPerSecond.provenance, memory};
}

CostShare launchShare(const hwdb::Description& device) {
  return {"launchMicroseconds", device.launchMicroseconds.provenance,
          device.launchMicroseconds.value};
}

double roofline(const Work& work, const hwdb::Description& device) {
  return rooflineBound(work, device).microseconds + launchShare(device).microseconds;
}

}  // namespace quartet::sched
