// What every stage of the scheduler is given, and the interfaces by which stages reach one another.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <vector>

#include "base/result.h"
#include "hwdb/description.h"
#include "ir/module.h"

namespace quartet::sched {

/// Which stages do their work; one that is off leaves the plan correct and unoptimised.
struct Options {
  bool welder = true;  // off: one task set per tensor expression
  bool roller = true;  // off: scalar tiles, one per element row; no packing, row-major buffers
  bool rammer = true;  // off: every task set is a wave of its own
  /// Of each task set, so many are made where there are as many: those with the shortest predicted
  /// time.
  int alternatives = 1;
  /// Seed. Set: alternatives are drawn from all legal tiles instead, to see how far predictions
  /// hold.
  std::optional<uint64_t> drawTiles = std::nullopt;
  /// Set: convolutions by Winograd's algorithm wherever that is possible, or nowhere. Otherwise
  /// where it is predicted to be faster.
  std::optional<bool> winograd = std::nullopt;
};

/// Predicted time of one task set, in microseconds; injected, so that stages know no cost formula.
struct Work {
  double flops = 0;
  double bytes = 0;             // moved from and to device memory
  double vectorOperations = 0;  // arithmetic or accesses inside the loops, whichever are more
  double cycles = 0;            // of one unit, that its main loops take for all; 0: not known
  int64_t units = 0;            // of the device, that compute; 0: all
};
using Cost = std::function<double(const Work&, const hwdb::Description&)>;

/// What a region may use of the device.
struct Budget {
  int64_t units = 1;
};

/// A piece of a plan handed to a stage: a small plan of its own (Level::Plan). Its parameters are
/// the buffers that it shares with the rest; `freeLayout` says, per parameter, whether the stage
/// may choose the buffer's layout (it writes the buffer, and nothing has fixed it yet).
struct Region {
  ir::Module plan;
  std::vector<bool> freeLayout;
};

/// One way to compute a region: a small plan with the same parameters (layouts chosen where they
/// were free). It may hold several task sets: a padded copy, a packing, a second pass.
struct Alternative {
  ir::Module plan;
  double microseconds = 0;  // predicted, or measured
};

/// Microseconds that each alternative takes on the device, by running it; infinite for one that
/// does not run by itself; injected.
using Measure = std::function<Result<std::vector<double>>(const std::vector<Alternative>&)>;

struct Env {
  const hwdb::Description& device;
  Cost cost;
  Options options;
  Measure measure = nullptr;  // none: predictions decide
};

/// How Welder asks for tiles; Roller is one.
using TileSource =
    std::function<Result<std::vector<Alternative>>(const Region&, const Budget&, const Env&)>;
/// How Grinder has a region scheduled: Welder, then Rammer.
using RegionScheduler = std::function<Result<ir::Module>(ir::Module, const Budget&, const Env&)>;

}  // namespace quartet::sched
