// The CUDA driver of the process and its devices.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "backends/cuda/driver_api.h"
#include "base/result.h"

namespace quartet::cuda {

/// What a device is and offers; queried once.
struct PhysicalDevice {
  CuDevice handle = 0;
  int index = 0;       // in the driver's order: "cuda:<index>"
  std::string name;    // "NVIDIA H200"
  std::string driver;  // "NVIDIA CUDA driver 13.0"
  std::string uuid;    // 32 hexadecimal digits
  int64_t memoryBytes = 0;
  std::map<int, int64_t> attributes;  // by CuDeviceAttribute; those that the driver knows
  int64_t attribute(CuDeviceAttribute which, int64_t otherwise = 0) const;
  /// 10 * major + minor
  int computeCapability() const;
};

class Driver {
 public:
  /// The process's, opened at first use: the file that QUARTET_CUDA_DRIVER names, else the loader's
  /// libcuda. An error (Unsupported) says what is missing: the library, a device, a function.
  static Result<std::shared_ptr<const Driver>> get();
  /// The same from these files, not the process's.
  static Result<std::shared_ptr<const Driver>> open(const std::vector<std::string>& files);

  const DriverApi& api() const { return api_; }
  const std::vector<PhysicalDevice>& devices() const { return devices_; }
  /// "CUDA_ERROR_OUT_OF_MEMORY: out of memory"
  std::string resultText(CuResult result) const;
  /// `call` failed with `result`: exhausted memory, a failed launch and a lost device are resource
  /// errors with a hint. `where`: the device, and what was run on it.
  tl::unexpected<Diagnostic> error(std::string_view call, CuResult result,
                                   const std::string& where) const;

 private:
  Status load(const std::vector<std::string>& files);
  Status enumerate();
  Result<PhysicalDevice> query(int index) const;

  DriverApi api_;
  std::string file_;
  std::string version_;
  std::vector<PhysicalDevice> devices_;
};

/// Whether nothing can be run on a device any more after this result.
bool isLost(CuResult result);

}  // namespace quartet::cuda

/// Returns from the function with a diagnostic when a call of the driver does not succeed.
/// QT_CUDA(driver, where, cuMemFree(address));
#define QT_CUDA(driver, where, call)                               \
  do {                                                             \
    const ::quartet::cuda::CuResult qtCuda_ = (driver).api().call; \
    if (qtCuda_ != ::quartet::cuda::kCuSuccess) {                  \
      return (driver).error(#call, qtCuda_, where);                \
    }                                                              \
  } while (false)
