// Places the arena buffers of a program. Runs after Rammer, on what the waves access.
#pragma once

#include <cstdint>
#include <vector>

#include "base/result.h"
#include "runtime/program.h"

namespace quartet::runtime {

/// Sets arenaOffset of every Arena buffer (a multiple of `alignBytes`), arenaBytes, arenaBound,
/// arenaSum. A buffer lives from the first to the last wave that binds it, or at whose border it is
/// exchanged with another device; buffers that live in a common wave never overlap.
void planMemory(Program& program, int64_t alignBytes);

/// Memory that is needed from moment `first` to moment `last`.
struct Interval {
  int64_t bytes = 0;
  int first = 0;
  int last = 0;
};
struct IntervalPlan {
  std::vector<int64_t> offsets;  // multiples of the alignment, by interval
  int64_t bytes = 0;
};
/// Places intervals such that none overlap in a common moment.
IntervalPlan placeIntervals(const std::vector<Interval>& intervals, int64_t alignBytes);

}  // namespace quartet::runtime
