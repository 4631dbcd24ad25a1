// Compiling several pieces of code at once.
#pragma once

#include <cstdint>
#include <functional>

#include "base/result.h"

namespace quartet::gpu {

/// work(i) for i in [0, count) on a few threads; the error of the lowest i that failed, if any.
Status parallel(int64_t count, const std::function<Status(int64_t)>& work);

}  // namespace quartet::gpu
