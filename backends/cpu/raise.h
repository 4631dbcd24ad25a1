// Kernel IR -> kernel IR that the emitter takes.
#pragma once

#include "ir/module.h"

namespace quartet::cpu {

/// Legalises a kernel for the CPU: f32 transcendentals become polynomials (backends/common/math.h),
/// so that vectors never call scalar functions. Needs one invocation per group (asserted).
ir::Module raise(const ir::Module& kernel);

}  // namespace quartet::cpu
