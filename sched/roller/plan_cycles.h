// What a tiled plan takes of one unit, by what the device's entry says of it.
#pragma once

#include "sched/env.h"

namespace quartet::sched {

/// Whether the entry says enough for planCycles: what device memory gives in a cycle.
bool countsCycles(const hwdb::Description& device);

/// Cycles that one unit takes for all task sets of a tiled plan, one after the other. For choices
/// between plans that round differently: they must not depend on the threads in use, nor on what a
/// CPU's probes measure at first use. Of a reduction, its main loops as its tile was ranked by,
/// constants that come from device memory, and what it writes; of a map, its arithmetic or its
/// accesses, whichever are more, and what it moves at the rate of the smallest cache that holds all
/// of it. Each task set adds a launch.
double planCycles(const ir::Module& plan, const hwdb::Description& device);

}  // namespace quartet::sched
