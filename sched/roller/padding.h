// Padded copies: a reduction reads a guarded operand from a copy that needs no guard.
#pragma once

#include "sched/env.h"

namespace quartet::sched {

/// For every operand buffer that the task set's reduction reads under bounds guards, in enough
/// steps per element (the device's paddedCopySteps): a task set in front that copies it into a
/// buffer with the border filled in, and the reduction reading that. Pays because the guard is
/// decided once per element, not once per step, and because steps without one are plain vector
/// operations. Not where tasks can bring padded boxes into memory of their own (padded_boxes.h).
/// Other guards (strided positions of transposed convolutions, say) stay.
void padOperands(ir::Module& plan, ir::OpId tasks, const hwdb::Description& device);

}  // namespace quartet::sched
