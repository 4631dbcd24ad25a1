// The CUDA devices of this machine.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "backends/cuda/options.h"
#include "runtime/device.h"

namespace quartet::cuda {

class Driver;
class Nvrtc;

struct DeviceInfo {
  std::string id;  // "cuda:0"
  std::string name;
  std::string driver;
  std::string uuid;
  bool integrated = false;  // memory shared with the host
};

struct DeviceList {
  std::vector<DeviceInfo> usable;  // in the driver's order
  /// Why there is none, or which cannot be used: what is missing, and what to do.
  std::vector<Diagnostic> lacking;
};
DeviceList listDevices();

/// The device of this number ("cuda:<index>"). `cache` may be null.
Result<std::shared_ptr<runtime::Device>> openDevice(int index, const TestOptions& options = {},
                                                    std::shared_ptr<runtime::CodeCache> cache = {});
/// The same with this driver and compiler.
Result<std::shared_ptr<runtime::Device>> openDevice(std::shared_ptr<const Driver> driver,
                                                    std::shared_ptr<const Nvrtc> nvrtc, int index,
                                                    const TestOptions& options,
                                                    std::shared_ptr<runtime::CodeCache> cache);

}  // namespace quartet::cuda
