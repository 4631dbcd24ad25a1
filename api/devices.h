// Every device that this binary can compile for.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "quartet/quartet.h"
#include "runtime/device.h"

namespace quartet::api {

struct DeviceEntry {
  DeviceInfo info;  // without what the description gives (entry, memory)
  /// Opens the device; empty for the reference, which runs graphs and no programs.
  std::function<Result<std::shared_ptr<runtime::Device>>(const runtime::DeviceOptions&)> open;
};

/// All devices, the default marked: a discrete GPU, else an integrated one, else the CPU. Software
/// drivers, devices that cannot run, and CUDA's view of a GPU are never the default.
Result<std::vector<DeviceEntry>> listDevices();

/// The device that `selector` means: an id, a UUID or any part of a name; empty: the default. A GPU
/// that several APIs offer is told apart by "cuda:" or "vulkan:" before its UUID or name. An
/// error lists what there is when none or several match.
Result<DeviceEntry> findDevice(const std::string& selector);

/// "text" in lower case.
std::string lowerCase(std::string text);

}  // namespace quartet::api
