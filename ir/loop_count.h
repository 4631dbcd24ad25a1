// How long the loops of a kernel are.
#pragma once

#include <cstdint>
#include <vector>

#include "ir/tensor_expr.h"
#include "ir/tile.h"

namespace quartet::ir {

/// Turns of all loops, nested ones included, that the invocations of one group go through in
/// lockstep for `expr` cut by `tile`, at most; every loop counts one more, for the turn in which it
/// finds its end, and both sides of a branch count. `extents`: of the domain, then of the
/// reduction; `invocations`: of a group. With one, a group's register tiles are looped over axis by
/// axis, else they are spread over the invocations.
double loopIterations(const TensorExpr& expr, const Tile& tile, const std::vector<int64_t>& extents,
                      int64_t invocations);

/// The same for single points, each by an invocation of its own, in the order of loops that counts
/// most: what no tile of `expr` needs to exceed.
double leastLoopIterations(const TensorExpr& expr, const std::vector<int64_t>& extents,
                           int64_t invocations);

}  // namespace quartet::ir
