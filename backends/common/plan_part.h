// Inside of the lowering of placed plans: the part of a plan that one device runs.
#pragma once

#include <map>
#include <vector>

#include "base/result.h"
#include "hwdb/description.h"
#include "runtime/program.h"

namespace quartet::common {

struct PlanPart {
  struct Stage {
    std::vector<ir::OpId> nodes;         // waves, and task sets that stand alone
    std::vector<ir::ValueId> uploads;    // targets of copies to this device
    std::vector<ir::ValueId> downloads;  // sources of copies from it
  };
  std::vector<Stage> stages;
};

struct LoweredPart {
  runtime::Program program;
  std::map<ir::ValueId, int> buffers;  // of the program
  /// Which parameter of the plan each Input (Output) buffer is, counted from the first input
  /// (output).
  std::vector<size_t> inputs;
  std::vector<size_t> outputs;
};

/// Lowers the nodes of `part`: a program with a stage for each of its stages, whose buffers are
/// those that the part touches.
Result<LoweredPart> lowerPart(const ir::Module& plan, const PlanPart& part,
                              const hwdb::Description& device, const ir::SymbolValues& symbols);

}  // namespace quartet::common
