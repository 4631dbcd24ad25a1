// What the status word of a run says.
#pragma once

#include "base/result.h"
#include "runtime/program.h"

namespace quartet::runtime {

/// The status word {code, node} after a run: nothing, or an error that names the node.
Status statusReport(const Program& program, uint32_t code, uint32_t node);

}  // namespace quartet::runtime
