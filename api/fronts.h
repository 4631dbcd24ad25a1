// Fronts of alternatives (sched/roller/front.h) as text.
#pragma once

#include <string>
#include <vector>

#include "sched/env.h"

namespace quartet::api {

/// A table of the front of one task set: for each member, the microseconds that it takes alone, the
/// microseconds that its tasks take units for, all together, how many they are, what each of them
/// takes, and the tiles of its task sets. Begins with the nodes that it computes.
std::string frontText(const std::vector<sched::Alternative>& front);

}  // namespace quartet::api
