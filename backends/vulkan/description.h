// A Vulkan device as data.
#pragma once

#include "backends/common/gpu/raise.h"
#include "backends/vulkan/instance.h"
#include "backends/vulkan/options.h"
#include "hwdb/description.h"

namespace quartet::vulkan {

/// Limits as queried; costs from the hwdb entry that names the device or its driver, else from the
/// family "vulkan software" or "vulkan gpu".
Result<hwdb::Description> describeDevice(const PhysicalDevice& device, const TestOptions& options);

/// The same limits as far as shaders depend on them.
gpu::Limits shaderLimits(const PhysicalDevice& device, const TestOptions& options);

}  // namespace quartet::vulkan
