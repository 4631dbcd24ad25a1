// The Vulkan backend from outside: what devices there are, and one of them.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "backends/vulkan/options.h"
#include "runtime/device.h"

namespace quartet::vulkan {

struct DeviceInfo {
  enum class Kind : uint8_t { Discrete, Integrated, Virtual, Software, Other };
  std::string id;      // "vulkan:0"
  std::string name;    // "llvmpipe (LLVM 15.0.6, 256 bits)"
  std::string driver;  // name and version
  std::string uuid;    // 32 hexadecimal digits
  Kind kind = Kind::Other;
  bool compileOnly = false;  // has no memory: compiles programs, cannot run them
  /// Software drivers are never chosen unasked, nor are devices that cannot run.
  bool mayBeDefault() const { return kind != Kind::Software && !compileOnly; }
};

/// All devices with Vulkan 1.1 and compute. No driver is no error: the list is then empty.
Result<std::vector<DeviceInfo>> listDevices();

/// `selector`: an index, a UUID or a part of the name, with or without "vulkan:" before it; empty
/// (or "vulkan") when there is only one device.
Result<std::shared_ptr<runtime::Device>> openDevice(
    std::string_view selector, const TestOptions& options = {},
    std::shared_ptr<runtime::CodeCache> cache = nullptr);

/// Messages of the validation layer since the last call. With QUARTET_VULKAN_VALIDATION=1 in the
/// environment the layer runs, and any message is an error of ours; without, there are none.
std::vector<std::string> takeValidationMessages();

}  // namespace quartet::vulkan
