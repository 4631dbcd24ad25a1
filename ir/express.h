// Graph primitives -> tensor expressions. After this pass nothing knows an operator's name.
#pragma once

#include "base/result.h"
#include "ir/module.h"

namespace quartet::ir {

/// Turns every computing op of a graph into `compute {expr}`, one to one (constants, reshape and
/// return stay: a reshape is a buffer alias, not a computation). Index maps are affine wherever
/// they can be; padding becomes guarded loads; gathers bound the index that they load
/// (Expr::bounded). Narrow types: arithmetic on i8..u16 and bool is expressed in its own dtype; the
/// lowering to kernels widens.
Result<Module> express(Module graph);

}  // namespace quartet::ir
