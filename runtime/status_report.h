// What the status of a run says.
#pragma once

#include "base/result.h"
#include "runtime/program.h"

namespace quartet::runtime {

/// The status as kernels write it; `detail` is written by the invocation that set the others.
struct alignas(8) RunStatus {
  uint32_t code = 0;
  uint32_t node = 0;
  int64_t detail = 0;
};
static_assert(sizeof(RunStatus) == 16);

/// The status after a run: nothing, or an error that names node, operation, index and extent.
Status statusReport(const Program& program, const RunStatus& status);

}  // namespace quartet::runtime
