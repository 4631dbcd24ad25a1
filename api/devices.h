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

/// All devices, sorted by id, the default marked: a discrete GPU, else an integrated one, else the
/// CPU. Software drivers and devices that cannot run are never the default.
Result<std::vector<DeviceEntry>> listDevices();

/// The device that `selector` means: an id, a UUID or any part of a name; empty: the default. An
/// error lists what there is when none or several match.
Result<DeviceEntry> findDevice(const std::string& selector);

/// "text" in lower case.
std::string lowerCase(std::string text);

}  // namespace quartet::api
