#include "backends/cuda/driver.h"

#include <array>
#include <mutex>

#include "backends/cuda/shared_library.h"
#include "base/env.h"

namespace quartet::cuda {

namespace {

constexpr const char* kHint =
    "install NVIDIA's driver, or set QUARTET_CUDA_DRIVER to the path of its libcuda.so.1";

constexpr CuDeviceAttribute kAttributes[] = {kCuMaxThreadsPerBlock,
                                             kCuMaxGridX,
                                             kCuMaxSharedPerBlock,
                                             kCuWarpSize,
                                             kCuMaxRegistersPerBlock,
                                             kCuClockKilohertz,
                                             kCuMultiprocessors,
                                             kCuIntegrated,
                                             kCuMemoryClockKilohertz,
                                             kCuMemoryBusBits,
                                             kCuL2Bytes,
                                             kCuThreadsPerMultiprocessor,
                                             kCuAsyncEngines,
                                             kCuComputeCapabilityMajor,
                                             kCuComputeCapabilityMinor,
                                             kCuSharedPerMultiprocessor,
                                             kCuRegistersPerMultiprocessor,
                                             kCuMaxSharedPerBlockOptin,
                                             kCuBlocksPerMultiprocessor};

std::string hexadecimal(const CuUuid& uuid) {
  constexpr const char* kDigits = "0123456789abcdef";
  std::string text;
  for (const unsigned char byte : uuid.bytes) {
    text += kDigits[byte >> 4];
    text += kDigits[byte & 15];
  }
  return text;
}

std::vector<std::string> driverFiles() {
  if (const auto file = envPath(EnvSwitch::CudaDriver); file && *file) return {**file};
  return {"libcuda.so.1"};
}

}  // namespace

int64_t PhysicalDevice::attribute(CuDeviceAttribute which, int64_t otherwise) const {
  const auto found = attributes.find(which);
  return found == attributes.end() ? otherwise : found->second;
}

int PhysicalDevice::computeCapability() const {
  return static_cast<int>(10 * attribute(kCuComputeCapabilityMajor) +
                          attribute(kCuComputeCapabilityMinor));
}

Result<std::shared_ptr<const Driver>> Driver::get() {
  static std::mutex mutex;
  static std::shared_ptr<const Driver> opened;
  const std::lock_guard lock(mutex);
  if (opened == nullptr) opened = QT_TRY(open(driverFiles()));
  return opened;
}

Result<std::shared_ptr<const Driver>> Driver::open(const std::vector<std::string>& files) {
  auto driver = std::make_shared<Driver>();
  QT_CHECK(driver->load(files));
  QT_CHECK(driver->enumerate());
  return driver;
}

Status Driver::load(const std::vector<std::string>& files) {
  const SharedLibrary library =
      QT_TRY(SharedLibrary::open("the CUDA driver's library", files, kHint));
  file_ = library.file();
#define QT_CUDA_FIND(member, name, parameters)                 \
  if (!library.find(name, api_.member)) {                      \
    return unsupported("the CUDA driver has no function " name \
                       ": one for CUDA 11.4 or later is "      \
                       "needed",                               \
                       file_, kHint);                          \
  }
  QT_CUDA_FUNCTIONS(QT_CUDA_FIND)
#undef QT_CUDA_FIND
  return {};
}

Status Driver::enumerate() {
  int version = 0;
  CuResult result = api_.cuInit(0);
  if (result == kCuSuccess) result = api_.cuDriverGetVersion(&version);
  version_ = std::to_string(version / 1000) + "." + std::to_string(version % 1000 / 10);
  int count = 0;
  if (result == kCuSuccess) result = api_.cuDeviceGetCount(&count);
  if (result == kCuNoDevice || (result == kCuSuccess && count == 0)) {
    return unsupported("the CUDA driver finds no device", file_,
                       "check with nvidia-smi what the driver sees, and CUDA_VISIBLE_DEVICES");
  }
  if (result != kCuSuccess) {
    return unsupported("the CUDA driver does not start: " + resultText(result), file_,
                       "check with nvidia-smi that the driver works");
  }
  for (int i = 0; i < count; ++i) devices_.push_back(QT_TRY(query(i)));
  return {};
}

Result<PhysicalDevice> Driver::query(int index) const {
  PhysicalDevice device;
  device.index = index;
  device.driver = "NVIDIA CUDA driver " + version_;
  const std::string where = "cuda:" + std::to_string(index);
  QT_CUDA(*this, where, cuDeviceGet(&device.handle, index));
  std::array<char, 256> name{};
  QT_CUDA(*this, where, cuDeviceGetName(name.data(), name.size() - 1, device.handle));
  device.name = name.data();
  CuUuid uuid{};
  QT_CUDA(*this, where, cuDeviceGetUuid(&uuid, device.handle));
  device.uuid = hexadecimal(uuid);
  size_t bytes = 0;
  QT_CUDA(*this, where, cuDeviceTotalMem(&bytes, device.handle));
  device.memoryBytes = static_cast<int64_t>(bytes);
  for (const CuDeviceAttribute attribute : kAttributes) {
    int value = 0;
    // A driver may know fewer of them: those are left out.
    if (api_.cuDeviceGetAttribute(&value, attribute, device.handle) == kCuSuccess) {
      device.attributes[attribute] = value;
    }
  }
  return device;
}

std::string Driver::resultText(CuResult result) const {
  const char* name = nullptr;
  const char* text = nullptr;
  if (api_.cuGetErrorName(result, &name) != kCuSuccess || name == nullptr) {
    return "error " + std::to_string(result);
  }
  if (api_.cuGetErrorString(result, &text) != kCuSuccess || text == nullptr) return name;
  return std::string(name) + ": " + text;
}

bool isLost(CuResult result) {
  return result == kCuLaunchTimeout || result == kCuLaunchFailed ||
         (result >= kCuIllegalAddress && result != kCuLaunchOutOfResources && result < 720);
}

tl::unexpected<Diagnostic> Driver::error(std::string_view call, CuResult result,
                                         const std::string& where) const {
  const std::string function(call.substr(0, call.find('(')));
  const std::string message = function + " failed: " + resultText(result);
  if (result == kCuOutOfMemory) {
    return resourceError(message, where,
                         "the device's memory is exhausted: use a smaller model or batch, or "
                         "another device");
  }
  if (result == kCuLaunchTimeout) {
    return resourceError(message, where,
                         "the system limits the time of a kernel: use a device without a display, "
                         "or a smaller model or batch");
  }
  if (isLost(result)) {
    return resourceError(message, where,
                         "this process cannot use the device any more: start another");
  }
  return resourceError(message, where);
}

}  // namespace quartet::cuda
