// Reads what a physical device is and can do.
#pragma once

#include <optional>

#include "backends/vulkan/instance.h"

namespace quartet::vulkan {

/// Nothing when the device has no Vulkan 1.1 or no compute queue. `index` is left to the caller.
std::optional<PhysicalDevice> probe(VkPhysicalDevice handle);

/// The features to enable when a logical device is made: what the probe found and kernels use. The
/// chain is valid as long as the object is.
class FeatureChain {
 public:
  explicit FeatureChain(const PhysicalDevice& device);
  FeatureChain(const FeatureChain&) = delete;
  FeatureChain& operator=(const FeatureChain&) = delete;
  const void* chain() const { return &features_; }
  /// Device extensions that the features need.
  const std::vector<const char*>& extensions() const { return extensions_; }

 private:
  VkPhysicalDeviceFeatures2 features_{.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_FEATURES_2};
  VkPhysicalDevice16BitStorageFeatures storage16_{
      .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_16BIT_STORAGE_FEATURES};
  VkPhysicalDevice8BitStorageFeatures storage8_{
      .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_8BIT_STORAGE_FEATURES};
  VkPhysicalDevicePipelineExecutablePropertiesFeaturesKHR statistics_{
      .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_PIPELINE_EXECUTABLE_PROPERTIES_FEATURES_KHR};
  std::vector<const char*> extensions_;
};

}  // namespace quartet::vulkan
