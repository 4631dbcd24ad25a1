// Which loops of a kernel a driver is left to unroll.
#pragma once

#include "ir/module.h"

namespace quartet::vulkan {

/// Whether a driver may unroll this loop (Opcode::For). One that does may hold the loads of all
/// turns in registers at once, of which the schedule has counted one turn's: so only where they are
/// few.
bool mayUnroll(const ir::Module& kernel, const ir::Op& loop);

}  // namespace quartet::vulkan
