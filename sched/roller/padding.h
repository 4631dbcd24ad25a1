// Padded copies: a reduction reads a guarded operand from a copy that needs no guard.
#pragma once

#include "sched/env.h"

namespace quartet::sched {

/// For every operand buffer that the task set's reduction reads under bounds guards, in enough
/// steps per element (the device's paddedCopySteps): a task set in front that copies it into a
/// buffer with the border filled in, and the reduction reading that. Pays because the guard is
/// decided once per element, not once per step, and because steps without one are plain vector
/// operations. Other guards (strided positions of transposed convolutions, say) stay.
void padOperands(ir::Module& plan, ir::OpId tasks, const hwdb::Description& device);

/// Whether `guard` says exactly that some of `indices` lie inside an operand of this shape.
bool isBoundsGuard(const ir::Expr& guard, const std::vector<ir::Expr>& indices,
                   const std::vector<ir::Dim>& shape);

}  // namespace quartet::sched
