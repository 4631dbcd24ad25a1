// The oracle: evaluates a graph op by op, written to be believed by reading.
#pragma once

#include <memory>
#include <vector>

#include "base/result.h"
#include "ir/module.h"

namespace quartet::reference {

/// Evaluates a graph-level module as it is before the `express` pass.
///
/// `inputs` correspond to the parameters of the top region, in order: equal dtype and rank;
/// symbolic extents take the inputs' values. The results correspond to `return`'s operands.
/// Contractions, convolutions and reductions accumulate in f64 (integers: modulo 2^64); every other
/// float operation is computed in double precision and rounded to its dtype after each op.
///
/// Errors: an input of another dtype or shape, a symbol that no input determines, an index out of
/// range and an integer division by zero (User, with the op's origin); a `compute` op, or an
/// arithmetic operation that has no meaning for its dtype (Unsupported).
Result<std::vector<std::shared_ptr<const ir::ConstantData>>> evaluateGraph(
    const ir::Module& graph, const std::vector<std::shared_ptr<const ir::ConstantData>>& inputs);

}  // namespace quartet::reference
