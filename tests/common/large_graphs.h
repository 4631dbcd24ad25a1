// Graphs of the sizes that networks have, for what compilers make of their kernels.
#pragma once

#include <vector>

#include "tests/sched/graphs.h"

namespace quartet::test {

/// Contractions, windows, reductions and integers of such sizes, and the scheduled graphs: all
/// kinds of kernels.
std::vector<NamedGraph> graphsToCompile();

}  // namespace quartet::test
