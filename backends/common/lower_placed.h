// Plan over several devices -> a program for each.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "hwdb/description.h"
#include "ir/module.h"
#include "runtime/placed.h"

namespace quartet::common {

struct PlanTarget {
  std::string device;  // as the plan's task sets name it
  const hwdb::Description* description = nullptr;
};

/// Lowers a plan whose task sets name their devices. A device's waves up to a copy are one stage;
/// copies are among what the stages exchange. Memory is not yet placed, neither of the programs nor
/// of the host. Errors: those of lowerPlan.
Result<runtime::PlacedProgram> lowerPlaced(const ir::Module& plan,
                                           const std::vector<PlanTarget>& targets,
                                           const ir::SymbolValues& symbols = {});

}  // namespace quartet::common
