// How the waves of a program become launches: which dispatches share an entry function, and
// where a barrier has to stand.
#pragma once

#include <vector>

#include "backends/common/gpu/raise.h"
#include "runtime/program.h"

namespace quartet::gpu {

/// One dispatch of the device: groups of several of the program's dispatches, one after another.
struct Launch {
  int entry = 0;                                     // of LaunchPlan::entries
  std::vector<const runtime::Dispatch*> dispatches;  // one per kernel of the entry, in order
  int64_t groups = 0;
  bool barrier = false;  // waits for all launches before it
};

struct LaunchPlan {
  std::vector<std::vector<int>> entries;  // the kernels of each entry function: a shader
  std::vector<Launch> launches;
  std::vector<size_t> waveEnds;  // by wave: its launches stand before this one
};

/// A wave is one launch as long as its kernels agree in `local` and fit the limits of one; else
/// several without a barrier between them. A barrier stands before the first launch of a wave that
/// reads or writes bytes written, or writes bytes read, since the last barrier. Dispatches without
/// groups vanish. The program must outlive the plan. `separate`: every dispatch on its own.
LaunchPlan planLaunches(const runtime::Program& program, const std::vector<ir::Module>& kernels,
                        const Limits& limits, bool separate = false);

/// Groups per axis for `groups` groups in all, x * y >= groups, surplus less than y.
struct Grid {
  uint32_t x = 1, y = 1;
};
Grid gridOf(int64_t groups, int64_t maxPerAxis);

}  // namespace quartet::gpu
