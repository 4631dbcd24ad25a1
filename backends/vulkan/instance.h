// The Vulkan instance of the process, its physical devices and what they can do.
#pragma once

#include <vulkan/vulkan.h>

#include <array>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "backends/vulkan/cooperative_matrix.h"
#include "base/result.h"
#include "hwdb/description.h"

namespace quartet::vulkan {

/// What a physical device is and offers; queried once. Optional features are false and optional
/// limits zero when neither the device's version nor an extension provides them.
struct PhysicalDevice {
  VkPhysicalDevice handle = VK_NULL_HANDLE;
  int index = 0;           // position in the loader's order: "vulkan:<index>"
  std::string name;        // "llvmpipe (LLVM 15.0.6, 256 bits)"
  std::string driver;      // "llvmpipe", "SwiftShader driver"
  std::string driverInfo;  // "Mesa 22.3.6 (LLVM 15.0.6)"
  std::string uuid;        // 32 hexadecimal digits
  // What the data of pipeline caches is made for.
  uint32_t vendor = 0, device = 0, driverVersion = 0;
  std::array<uint8_t, VK_UUID_SIZE> pipelineCacheUuid{};
  VkPhysicalDeviceType type = VK_PHYSICAL_DEVICE_TYPE_OTHER;
  uint32_t apiVersion = 0;
  VkPhysicalDeviceLimits limits{};
  VkPhysicalDeviceMemoryProperties memory{};
  uint32_t queueFamily = 0;    // the one that compute is submitted to
  uint32_t timestampBits = 0;  // that its timestamps count with; 0: none
  uint32_t subgroupSize = 0;
  VkDeviceSize maxAllocationBytes = 0;
  bool storage8 = false, storage16 = false;
  bool int64 = false, float64 = false, float16 = false, int8 = false;
  bool subgroupControl = false;  // kernels may ask for whole subgroups of subgroupSize
  CooperativeMatrix cooperativeMatrix = CooperativeMatrix::None;
  std::vector<hwdb::MatrixUnit> matrixUnits;  // that kernels can use; without rates
  bool memoryBudget = false;                  // VK_EXT_memory_budget
  bool pipelineStatistics = false;            // VK_KHR_pipeline_executable_properties
  std::vector<std::string> extensions;

  /// Runs on the host's cores: never a default.
  bool software() const { return type == VK_PHYSICAL_DEVICE_TYPE_CPU; }
  /// A driver without memory compiles pipelines but cannot run them; allocating may crash it.
  bool hasMemory() const { return memory.memoryHeapCount > 0; }
};

/// One per process, made at first use. With QUARTET_VULKAN_VALIDATION=1 the validation layer runs,
/// with synchronization validation; its messages are collected here, and none is expected.
class Instance {
 public:
  /// An error (Unsupported) where there is no Vulkan loader or driver, or no validation layer
  /// although it was asked for.
  static Result<std::shared_ptr<Instance>> get();

  Instance() = default;
  Instance(const Instance&) = delete;
  Instance& operator=(const Instance&) = delete;
  ~Instance();

  /// Devices with a compute queue and Vulkan 1.1, in the loader's order.
  const std::vector<PhysicalDevice>& devices() const { return devices_; }
  bool validating() const { return validating_; }
  /// The messages of the validation layer since the last call.
  std::vector<std::string> takeMessages();

 private:
  Status create();
  void enumerate();
  static VKAPI_ATTR VkBool32 VKAPI_CALL collect(VkDebugUtilsMessageSeverityFlagBitsEXT severity,
                                                VkDebugUtilsMessageTypeFlagsEXT kinds,
                                                const VkDebugUtilsMessengerCallbackDataEXT* data,
                                                void* user);

  VkInstance handle_ = VK_NULL_HANDLE;
  VkDebugUtilsMessengerEXT messenger_ = VK_NULL_HANDLE;
  bool validating_ = false;
  std::vector<PhysicalDevice> devices_;
  std::mutex mutex_;
  std::vector<std::string> messages_;
};

/// The device that `selector` means: an index ("0"), a UUID, or a part of the name (any case). An
/// error lists what there is when none or several match.
Result<const PhysicalDevice*> selectDevice(const std::vector<PhysicalDevice>& devices,
                                           std::string_view selector);

/// "VK_ERROR_DEVICE_LOST", as text.
std::string resultName(VkResult result);

/// `call` failed with `result`: out of memory and a lost device are resource errors with a hint.
tl::unexpected<Diagnostic> vulkanError(std::string_view call, VkResult result,
                                       const std::string& device);

}  // namespace quartet::vulkan

/// Returns from the function with a diagnostic when a Vulkan call does not succeed.
#define QT_VK(call, device)                                                               \
  do {                                                                                    \
    const VkResult qtVk_ = (call);                                                        \
    if (qtVk_ != VK_SUCCESS) return ::quartet::vulkan::vulkanError(#call, qtVk_, device); \
  } while (false)
