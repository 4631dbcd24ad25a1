// How long loops may be on devices whose drivers end them.
#pragma once

#include "base/result.h"
#include "hwdb/description.h"
#include "ir/module.h"

namespace quartet::common {

/// An error (Unsupported) when no tile of `expr` keeps to the loop iterations that `device` makes.
/// Extents that are not constant are checked when they are known: checkLoopLimit.
Status supportsLoops(const ir::TensorExpr& expr, const hwdb::Description& device);

/// An error (Unsupported) that names the node when the kernel of `tasks` loops longer than `device`
/// does.
Status checkLoopLimit(const ir::Module& plan, ir::OpId tasks, const hwdb::Description& device,
                      const ir::SymbolValues& symbols);

}  // namespace quartet::common
