#include "backends/vulkan/probe.h"

#include <algorithm>
#include <array>

namespace quartet::vulkan {

namespace {

bool has(const PhysicalDevice& device, const char* extension) {
  return std::find(device.extensions.begin(), device.extensions.end(), extension) !=
         device.extensions.end();
}

/// An extension that became core in `version`.
bool offers(const PhysicalDevice& device, const char* extension, uint32_t version) {
  return device.apiVersion >= version || has(device, extension);
}

std::string hexadecimal(const uint8_t (&bytes)[VK_UUID_SIZE]) {
  constexpr char kDigits[] = "0123456789abcdef";
  std::string text;
  for (const uint8_t byte : bytes) {
    text += kDigits[byte >> 4];
    text += kDigits[byte & 15];
  }
  return text;
}

std::vector<VkQueueFamilyProperties> queueFamilies(VkPhysicalDevice handle) {
  uint32_t count = 0;
  vkGetPhysicalDeviceQueueFamilyProperties(handle, &count, nullptr);
  std::vector<VkQueueFamilyProperties> families(count);
  vkGetPhysicalDeviceQueueFamilyProperties(handle, &count, families.data());
  return families;
}

/// A family for compute: one without graphics where there is one, so that a display is not held up.
std::optional<uint32_t> computeFamily(const std::vector<VkQueueFamilyProperties>& families) {
  const auto count = static_cast<uint32_t>(families.size());
  std::optional<uint32_t> found;
  for (uint32_t i = 0; i < count; ++i) {
    const VkQueueFlags flags = families[i].queueFlags;
    if ((flags & VK_QUEUE_COMPUTE_BIT) == 0 || families[i].queueCount == 0) continue;
    if ((flags & VK_QUEUE_GRAPHICS_BIT) == 0) return i;
    if (!found) found = i;
  }
  return found;
}

void readExtensions(PhysicalDevice& device) {
  uint32_t count = 0;
  vkEnumerateDeviceExtensionProperties(device.handle, nullptr, &count, nullptr);
  std::vector<VkExtensionProperties> properties(count);
  vkEnumerateDeviceExtensionProperties(device.handle, nullptr, &count, properties.data());
  for (const VkExtensionProperties& each : properties) {
    device.extensions.emplace_back(each.extensionName);
  }
}

void readProperties(PhysicalDevice& device) {
  VkPhysicalDeviceDriverProperties driver{.sType =
                                              VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_DRIVER_PROPERTIES};
  VkPhysicalDeviceMaintenance3Properties maintenance{
      .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_MAINTENANCE_3_PROPERTIES};
  VkPhysicalDeviceSubgroupProperties subgroup{
      .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_SUBGROUP_PROPERTIES, .pNext = &maintenance};
  VkPhysicalDeviceIDProperties id{.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_ID_PROPERTIES,
                                  .pNext = &subgroup};
  const bool namesDriver =
      offers(device, VK_KHR_DRIVER_PROPERTIES_EXTENSION_NAME, VK_API_VERSION_1_2);
  if (namesDriver) maintenance.pNext = &driver;
  VkPhysicalDeviceProperties2 all{.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_PROPERTIES_2,
                                  .pNext = &id};
  vkGetPhysicalDeviceProperties2(device.handle, &all);
  device.limits = all.properties.limits;
  device.vendor = all.properties.vendorID;
  device.device = all.properties.deviceID;
  device.driverVersion = all.properties.driverVersion;
  std::copy_n(static_cast<const uint8_t*>(all.properties.pipelineCacheUUID), VK_UUID_SIZE,
              device.pipelineCacheUuid.begin());
  device.uuid = hexadecimal(id.deviceUUID);
  device.subgroupSize = subgroup.subgroupSize;
  device.maxAllocationBytes = maintenance.maxMemoryAllocationSize;
  if (namesDriver) {
    device.driver = driver.driverName;
    device.driverInfo = driver.driverInfo;
  } else {
    device.driver = "vendor " + std::to_string(all.properties.vendorID);
    device.driverInfo = std::to_string(all.properties.driverVersion);
  }
}

void readFeatures(PhysicalDevice& device) {
  const bool eight = offers(device, VK_KHR_8BIT_STORAGE_EXTENSION_NAME, VK_API_VERSION_1_2);
  const bool arithmetic =
      offers(device, VK_KHR_SHADER_FLOAT16_INT8_EXTENSION_NAME, VK_API_VERSION_1_2);
  VkPhysicalDevice8BitStorageFeatures storage8{
      .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_8BIT_STORAGE_FEATURES};
  VkPhysicalDeviceShaderFloat16Int8Features float16{
      .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_SHADER_FLOAT16_INT8_FEATURES};
  VkPhysicalDevice16BitStorageFeatures storage16{
      .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_16BIT_STORAGE_FEATURES};
  if (eight) storage16.pNext = &storage8;
  if (arithmetic) {
    float16.pNext = storage16.pNext;
    storage16.pNext = &float16;
  }
  VkPhysicalDeviceFeatures2 all{.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_FEATURES_2,
                                .pNext = &storage16};
  vkGetPhysicalDeviceFeatures2(device.handle, &all);
  device.storage8 = storage8.storageBuffer8BitAccess == VK_TRUE;
  device.storage16 = storage16.storageBuffer16BitAccess == VK_TRUE;
  device.float16 = float16.shaderFloat16 == VK_TRUE;
  device.int8 = float16.shaderInt8 == VK_TRUE;
  device.int64 = all.features.shaderInt64 == VK_TRUE;
  device.float64 = all.features.shaderFloat64 == VK_TRUE;
}

bool tellsStatistics(const PhysicalDevice& device) {
  if (!has(device, VK_KHR_PIPELINE_EXECUTABLE_PROPERTIES_EXTENSION_NAME)) return false;
  VkPhysicalDevicePipelineExecutablePropertiesFeaturesKHR feature{
      .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_PIPELINE_EXECUTABLE_PROPERTIES_FEATURES_KHR};
  VkPhysicalDeviceFeatures2 all{.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_FEATURES_2,
                                .pNext = &feature};
  vkGetPhysicalDeviceFeatures2(device.handle, &all);
  return feature.pipelineExecutableInfo == VK_TRUE;
}

/// Whether a compute kernel may ask for whole subgroups of the size that the device names.
bool controlsSubgroups(const PhysicalDevice& device) {
  if (!offers(device, VK_EXT_SUBGROUP_SIZE_CONTROL_EXTENSION_NAME, VK_API_VERSION_1_3))
    return false;
  VkPhysicalDeviceSubgroupSizeControlFeatures feature{
      .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_SUBGROUP_SIZE_CONTROL_FEATURES};
  VkPhysicalDeviceFeatures2 features{.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_FEATURES_2,
                                     .pNext = &feature};
  vkGetPhysicalDeviceFeatures2(device.handle, &features);
  VkPhysicalDeviceSubgroupSizeControlProperties sizes{
      .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_SUBGROUP_SIZE_CONTROL_PROPERTIES};
  VkPhysicalDeviceProperties2 properties{.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_PROPERTIES_2,
                                         .pNext = &sizes};
  vkGetPhysicalDeviceProperties2(device.handle, &properties);
  return feature.subgroupSizeControl == VK_TRUE && feature.computeFullSubgroups == VK_TRUE &&
         (sizes.requiredSubgroupSizeStages & VK_SHADER_STAGE_COMPUTE_BIT) != 0 &&
         device.subgroupSize >= sizes.minSubgroupSize &&
         device.subgroupSize <= sizes.maxSubgroupSize;
}

}  // namespace

std::optional<PhysicalDevice> probe(VkInstance instance, VkPhysicalDevice handle) {
  VkPhysicalDeviceProperties properties;
  vkGetPhysicalDeviceProperties(handle, &properties);
  const std::vector<VkQueueFamilyProperties> families = queueFamilies(handle);
  const auto family = computeFamily(families);
  if (properties.apiVersion < VK_API_VERSION_1_1 || !family) return std::nullopt;
  PhysicalDevice device;
  device.handle = handle;
  device.name = properties.deviceName;
  device.type = properties.deviceType;
  device.apiVersion = properties.apiVersion;
  device.queueFamily = *family;
  device.timestampBits = families[*family].timestampValidBits;
  vkGetPhysicalDeviceMemoryProperties(handle, &device.memory);
  readExtensions(device);
  readProperties(device);
  readFeatures(device);
  device.memoryBudget = has(device, VK_EXT_MEMORY_BUDGET_EXTENSION_NAME);
  device.pipelineStatistics = tellsStatistics(device);
  device.subgroupControl = controlsSubgroups(device);
  readMatrixUnits(instance, device);
  return device;
}

FeatureChain::FeatureChain(const PhysicalDevice& device) {
  features_.features.shaderInt64 = device.int64 ? VK_TRUE : VK_FALSE;
  features_.features.shaderFloat64 = device.float64 ? VK_TRUE : VK_FALSE;
  storage16_.storageBuffer16BitAccess = device.storage16 ? VK_TRUE : VK_FALSE;
  storage8_.storageBuffer8BitAccess = device.storage8 ? VK_TRUE : VK_FALSE;
  features_.pNext = &storage16_;
  if (device.storage8) {
    storage16_.pNext = &storage8_;
    if (device.apiVersion < VK_API_VERSION_1_2) {
      extensions_.push_back(VK_KHR_8BIT_STORAGE_EXTENSION_NAME);
    }
  }
  if (device.memoryBudget) extensions_.push_back(VK_EXT_MEMORY_BUDGET_EXTENSION_NAME);
  if (device.pipelineStatistics) {
    statistics_.pipelineExecutableInfo = VK_TRUE;
    statistics_.pNext = features_.pNext;
    features_.pNext = &statistics_;
    extensions_.push_back(VK_KHR_PIPELINE_EXECUTABLE_PROPERTIES_EXTENSION_NAME);
  }
  if (device.cooperativeMatrix != CooperativeMatrix::None) enableMatrices(device);
}

void FeatureChain::enableMatrices(const PhysicalDevice& device) {
  if (device.cooperativeMatrix == CooperativeMatrix::Khr) {
    khrMatrices_.cooperativeMatrix = VK_TRUE;
    chain(khrMatrices_);
    extensions_.push_back(kKhrCooperativeMatrix);
  } else {
    nvMatrices_.cooperativeMatrix = VK_TRUE;
    chain(nvMatrices_);
    extensions_.push_back(VK_NV_COOPERATIVE_MATRIX_EXTENSION_NAME);
  }
  memoryModel_.vulkanMemoryModel = VK_TRUE;
  chain(memoryModel_);
  arithmetic_.shaderFloat16 = device.float16 ? VK_TRUE : VK_FALSE;
  arithmetic_.shaderInt8 = device.int8 ? VK_TRUE : VK_FALSE;
  chain(arithmetic_);
  if (device.apiVersion < VK_API_VERSION_1_2) {
    extensions_.push_back(VK_KHR_VULKAN_MEMORY_MODEL_EXTENSION_NAME);
    extensions_.push_back(VK_KHR_SHADER_FLOAT16_INT8_EXTENSION_NAME);
  }
  subgroups_.subgroupSizeControl = VK_TRUE;
  subgroups_.computeFullSubgroups = VK_TRUE;
  chain(subgroups_);
  if (device.apiVersion < VK_API_VERSION_1_3) {
    extensions_.push_back(VK_EXT_SUBGROUP_SIZE_CONTROL_EXTENSION_NAME);
  }
}

}  // namespace quartet::vulkan
