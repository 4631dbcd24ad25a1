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
  /// Instead of those: all alternatives than which no other is at least as good in time, unit time
  /// and resources (roller/front.h). They may add up in different orders, and so differ in bits.
  bool front = false;
};

/// Predicted time of one task set, in microseconds; injected, so that stages know no cost formula.
struct Work {
  double flops = 0;
  double bytes = 0;             // moved from and to device memory
  double vectorOperations = 0;  // arithmetic or accesses inside the loops, whichever are more
  double cycles = 0;            // of one unit, that its main loops take for all; 0: not known
  int64_t units = 0;            // of the device, that compute; 0: all
  double gigaflops = 0;         // of the matrix unit that does `flops`; 0: none does
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

/// What a group (a task) takes of the unit that it runs on, as far as that is predicted.
struct Resources {
  int64_t workgroupBytes = 0;  // of explicit memory, for what its invocations share
  int64_t privateBytes = 0;    // of memory of its own: states between slices, padded boxes
  // Of 32 bits, of an invocation of a reduction; 0: not known, or groups have one invocation, to
  // which a unit leaves all of its registers.
  int64_t registers = 0;

  bool operator==(const Resources&) const = default;
};

/// One way to compute a region: a small plan with the same parameters (layouts chosen where they
/// were free). It may hold several task sets: a padded copy, a packing, a second pass. Where it
/// stands alone, `microseconds` count; where units have other work too, `unitMicroseconds` do.
struct Alternative {
  ir::Module plan;
  double microseconds = 0;  // predicted, or measured
  /// Predicted time of a task x tasks, summed over its task sets: how long its groups take units,
  /// without those that are idle while the last groups end. At most microseconds x units.
  double unitMicroseconds = 0;
  int64_t tasks = 0;         // groups of its largest task set
  Resources resources = {};  // the most that a group of any of its task sets takes, of each
};

/// Microseconds that each alternative takes on the device, by running it; infinite for one that
/// does not run by itself; injected.
using Measure = std::function<Result<std::vector<double>>(const std::vector<Alternative>&)>;

/// Is told the front of each task set of a plan (Options::front), in the plan's order; injected.
using FrontReport = std::function<void(const std::vector<Alternative>&)>;

struct Env {
  const hwdb::Description& device;
  Cost cost;
  Options options;
  Measure measure = nullptr;          // none: predictions decide
  FrontReport reportFront = nullptr;  // none: fronts that nothing else asks for are not made
};

/// How Welder asks for tiles; Roller is one.
using TileSource =
    std::function<Result<std::vector<Alternative>>(const Region&, const Budget&, const Env&)>;
/// How Grinder has a region scheduled: Welder, then Rammer.
using RegionScheduler = std::function<Result<ir::Module>(ir::Module, const Budget&, const Env&)>;

}  // namespace quartet::sched
