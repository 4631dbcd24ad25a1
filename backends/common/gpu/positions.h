// Which integers of a kernel are positions in memory.
#pragma once

#include <vector>

#include "ir/module.h"

namespace quartet::gpu {

/// By value id: i32 values that are made of group and invocation ids, parameters, literals and loop
/// counters alone, and serve as indices, counts, loop bounds and in comparisons alone. Every
/// element has a number that an i32 holds, and where a number overflows nothing is accessed
/// (index_limits.h): so these may be printed as arithmetic whose overflow is undefined, from which
/// compilers conclude that neighbouring elements lie at constant offsets. All other integers wrap.
std::vector<bool> positions(const ir::Module& kernel);

}  // namespace quartet::gpu
