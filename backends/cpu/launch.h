// How the waves of a program are cut into the tasks of an executor, decided once at compile time.
#pragma once

#include <vector>

#include "runtime/program.h"

namespace quartet::cpu {

/// Groups [first, last) of one dispatch, run by one thread.
struct Chunk {
  int dispatch = 0;  // number in the program, waves in order
  int64_t first = 0;
  int64_t last = 0;
};

struct Launch {
  std::vector<Chunk> chunks;
  bool parallel = false;  // else the caller runs the chunks in order
};

/// One launch per wave. A wave whose predicted time is below `parallelMicroseconds` (what the
/// device's description says) runs inline; the others, and those without a prediction, are cut into
/// about four chunks a thread, longest first, in proportion to the predicted times. Groups write
/// disjoint data, so results do not depend on the cut.
std::vector<Launch> planLaunches(const runtime::Program& program, int threads,
                                 double parallelMicroseconds);

}  // namespace quartet::cpu
