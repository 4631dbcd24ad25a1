// What a live device says of itself, completed by the hardware database.
#pragma once

#include "backends/common/gpu/raise.h"
#include "backends/cuda/driver.h"
#include "backends/cuda/options.h"
#include "hwdb/description.h"

namespace quartet::cuda {

/// What kernels may use.
gpu::Limits kernelLimits(const PhysicalDevice& device, const TestOptions& options);

/// Queried limits over the entry of the device's name, or of the family "cuda gpu".
Result<hwdb::Description> describeDevice(const PhysicalDevice& device, const TestOptions& options);

}  // namespace quartet::cuda
