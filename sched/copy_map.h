// The expression that copies.
#pragma once

#include "ir/module.h"

namespace quartet::sched {

/// The map over all elements of `type` that gives operand 0 as it is.
ir::TensorExpr copyOf(const ir::Type& type);

}  // namespace quartet::sched
