#include "sched/cost/roofline.h"

#include <algorithm>

namespace quartet::sched {

std::vector<CostShare> rooflineShares(const Work& work, const hwdb::Description& device) {
  const double peak = std::max(device.peakGigaflops.value, 1e-3) * 1e3;  // flops per microsecond
  const double perCycle = 2 * device.fmaPerCycle.value *
                          static_cast<double>(device.vectorLanes.value);  // flops of one unit
  const double rate = work.gigaflops > 0 ? work.gigaflops * 1e3 : peak;
  const auto units = static_cast<double>(device.units.value);
  const double share = work.units == 0 ? 1 : std::min(static_cast<double>(work.units) / units, 1.0);
  const CostShare arithmetic{"peakGigaflops", device.peakGigaflops.provenance,
                             std::max(work.flops / rate, work.cycles * perCycle / peak) / share};
  const CostShare memory{
      "memoryGigabytesPerSecond", device.memoryGigabytesPerSecond.provenance,
      work.bytes / (std::max(device.memoryGigabytesPerSecond.value, 1e-3) * 1e3)};
  if (device.groupInvocations.value == 1) return {arithmetic, memory};
  return {arithmetic.microseconds >= memory.microseconds ? arithmetic : memory};
}

CostShare launchShare(const hwdb::Description& device) {
  return {"launchMicroseconds", device.launchMicroseconds.provenance,
          device.launchMicroseconds.value};
}

double roofline(const Work& work, const hwdb::Description& device) {
  double microseconds = launchShare(device).microseconds;
  for (const CostShare& share : rooflineShares(work, device)) microseconds += share.microseconds;
  return microseconds;
}

}  // namespace quartet::sched
