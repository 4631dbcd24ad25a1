// The ways to compute a task set: as it is, in parts, by Winograd's algorithm, by dot products, by
// matrix units.
#pragma once

#include <functional>
#include <optional>
#include <vector>

#include "sched/roller/tiling.h"

namespace quartet::sched {

/// One of them: task sets, one after the other, without tiles.
struct Way {
  ir::Module plan;
  std::vector<ir::ValueId> intermediates;  // buffers between them whose layouts are open
  ir::OpId main;  // the task set with the most steps: its tiles make alternatives
  std::function<void(ir::Module&)> fillConstants;  // of a plan that is chosen; none: they are there
  bool asked = false;                              // for, by options
  Base base = Base::Vectors;                       // of the main task set's tiles
};

/// The task set of a plan with padded operands; in the parts that take least time, where idle units
/// make that pay.
Way directWay(ir::Module plan, const std::vector<ir::ValueId>& freeLayout, const Env& env);
/// The same, and in every number of parts worth trying, where its groups leave units idle.
std::vector<Way> directWays(ir::Module plan, const std::vector<ir::ValueId>& freeLayout,
                            const Env& env);
/// The task set of a plan by matrix units, whose operands may be read outside of their extents: no
/// padded copies. It has no tiles where no unit fits.
Way matrixWay(ir::Module plan);
/// By another algorithm, or another instruction.
std::optional<Way> otherWay(const ir::Module& plan, const Env& env);

/// Tiles for the main task set of a way, out of those that it may have in a plan.
using ChooseTiles = std::function<std::vector<RegisterTile>(const Tiling&, const ir::Module&)>;

/// The plan of a way with each of the tiles that `choose` gives for its main task set, all others
/// with the tile that is best for them; constants that it transforms have no data yet.
std::vector<Alternative> completed(const Way& way, std::vector<ir::ValueId> freeLayout,
                                   const ChooseTiles& choose, const Budget& budget, const Env& env);

/// All units of the machine, whatever threads are in use: decides where results depend on it.
Budget machineBudget(const hwdb::Description& device);

}  // namespace quartet::sched
