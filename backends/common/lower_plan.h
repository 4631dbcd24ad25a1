// Plan -> program: every task set becomes a kernel and its dispatches, every wave one launch.
#pragma once

#include "base/result.h"
#include "hwdb/description.h"
#include "ir/module.h"
#include "runtime/program.h"

namespace quartet::common {

/// Lowers a scheduled plan for a device. `symbols` gives the values of the plan's symbols (launch
/// parameters and buffer sizes; the kernels do not depend on them). Kernels with equal text are
/// made once. Buffers over the device's binding range are bound in windows: the task set is cut
/// along the tiles of one axis. Memory is not yet placed (see runtime/memory_planner.h). Errors: a
/// symbol without a value; a tensor that no cut brings within the binding range.
Result<runtime::Program> lowerPlan(const ir::Module& plan, const hwdb::Description& device,
                                   const ir::SymbolValues& symbols = {});

}  // namespace quartet::common
