// The device `null`: takes any program, checks it, computes nothing; its outputs are zero. A new
// backend starts as a copy of this folder.
#pragma once

#include <memory>

#include "runtime/device.h"

namespace quartet::null {

/// A made-up GPU, the same on every machine: 4 units, 64 invocations, windows of 16 MiB aligned to
/// 256 bytes, storage of all widths.
Result<hwdb::Description> defaultDescription();

std::unique_ptr<runtime::Device> createDevice(hwdb::Description description);

}  // namespace quartet::null
