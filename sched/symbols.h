// Which symbols of a plan its kernels should know as numbers.
#pragma once

#include <set>
#include <string>

#include "ir/module.h"

namespace quartet::sched {

/// Needs: a plan with tiles.
/// Gives: the symbols in extents of lane axes and of reduction axes of its task sets. Kernels are
/// right for any value of them, and faster for a known one: loops of known trip counts, whole
/// vectors without a rest. Symbols of other axes cost an extra bound for a loop or a grid.
std::set<std::string> loopSymbols(const ir::Module& plan);

}  // namespace quartet::sched
