// Copies of operands that a schedule adds in front of a task set.
#pragma once

#include <string>

#include "sched/task_set.h"

namespace quartet::sched {

/// Adds a buffer with `layout` and, in front of `tasks`, a task set called `name` that fills it
/// with `copy`, a map over `source` (its operand 0); returns both.
struct AddedCopy {
  ir::ValueId buffer;
  ir::OpId tasks;
};
AddedCopy addCopy(ir::Module& plan, ir::OpId tasks, ir::ValueId source, ir::TensorExpr copy,
                  ir::Layout layout, const std::string& name);

}  // namespace quartet::sched
