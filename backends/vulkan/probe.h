// Reads what a physical device is and can do.
#pragma once

#include <optional>

#include "backends/vulkan/cooperative_matrix_khr.h"
#include "backends/vulkan/instance.h"

namespace quartet::vulkan {

/// Nothing when the device has no Vulkan 1.1 or no compute queue. `index` is left to the caller.
std::optional<PhysicalDevice> probe(VkInstance instance, VkPhysicalDevice handle);

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
  void enableMatrices(const PhysicalDevice& device);
  template <class Features>
  void chain(Features& features) {
    features.pNext = features_.pNext;
    features_.pNext = &features;
  }

  VkPhysicalDeviceCooperativeMatrixFeaturesNV nvMatrices_{
      .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_COOPERATIVE_MATRIX_FEATURES_NV};
  KhrCooperativeMatrixFeatures khrMatrices_;
  VkPhysicalDeviceVulkanMemoryModelFeatures memoryModel_{
      .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_MEMORY_MODEL_FEATURES};
  VkPhysicalDeviceShaderFloat16Int8Features arithmetic_{
      .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_SHADER_FLOAT16_INT8_FEATURES};
  VkPhysicalDeviceSubgroupSizeControlFeatures subgroups_{
      .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_SUBGROUP_SIZE_CONTROL_FEATURES};
  VkPhysicalDevicePipelineExecutablePropertiesFeaturesKHR statistics_{
      .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_PIPELINE_EXECUTABLE_PROPERTIES_FEATURES_KHR};
  std::vector<const char*> extensions_;
};

}  // namespace quartet::vulkan
