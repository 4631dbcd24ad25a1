#include "backends/vulkan/cooperative_matrix.h"

#include <algorithm>

#include "backends/vulkan/cooperative_matrix_khr.h"
#include "backends/vulkan/instance.h"

namespace quartet::vulkan {

namespace {

bool has(const PhysicalDevice& device, const char* extension) {
  return std::find(device.extensions.begin(), device.extensions.end(), extension) !=
         device.extensions.end();
}

const char* elementName(VkComponentTypeNV component) {
  switch (component) {
    case VK_COMPONENT_TYPE_FLOAT16_NV:
      return "f16";
    case VK_COMPONENT_TYPE_FLOAT32_NV:
      return "f32";
    case VK_COMPONENT_TYPE_SINT8_NV:
      return "i8";
    case VK_COMPONENT_TYPE_UINT8_NV:
      return "u8";
    case VK_COMPONENT_TYPE_SINT32_NV:
      return "i32";
    default:
      return "";
  }
}

/// Whether a shader may be in the Vulkan memory model.
bool hasMemoryModel(const PhysicalDevice& device) {
  if (device.apiVersion < VK_API_VERSION_1_2 &&
      !has(device, VK_KHR_VULKAN_MEMORY_MODEL_EXTENSION_NAME)) {
    return false;
  }
  VkPhysicalDeviceVulkanMemoryModelFeatures feature{
      .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_MEMORY_MODEL_FEATURES};
  VkPhysicalDeviceFeatures2 all{.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_FEATURES_2,
                                .pNext = &feature};
  vkGetPhysicalDeviceFeatures2(device.handle, &all);
  return feature.vulkanMemoryModel == VK_TRUE;
}

template <class Features>
bool enabled(const PhysicalDevice& device, Features feature) {
  VkPhysicalDeviceFeatures2 all{.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_FEATURES_2,
                                .pNext = &feature};
  vkGetPhysicalDeviceFeatures2(device.handle, &all);
  return feature.cooperativeMatrix == VK_TRUE;
}

/// All that `get` enumerates.
template <class Shape, class Get>
std::vector<Shape> enumerate(const PhysicalDevice& device, Get get, const Shape& empty) {
  uint32_t count = 0;
  if (get == nullptr || get(device.handle, &count, nullptr) != VK_SUCCESS) return {};
  std::vector<Shape> shapes(count, empty);
  if (get(device.handle, &count, shapes.data()) != VK_SUCCESS) return {};
  shapes.resize(count);
  return shapes;
}

std::vector<VkCooperativeMatrixPropertiesNV> khrShapes(VkInstance instance,
                                                       const PhysicalDevice& device) {
  const auto get = reinterpret_cast<KhrGetCooperativeMatrixShapes>(
      vkGetInstanceProcAddr(instance, "vkGetPhysicalDeviceCooperativeMatrixPropertiesKHR"));
  std::vector<VkCooperativeMatrixPropertiesNV> shapes;
  for (const auto& each : enumerate(device, get, KhrCooperativeMatrixShape{})) {
    if (each.saturatingAccumulation == VK_TRUE) continue;
    shapes.push_back({VK_STRUCTURE_TYPE_COOPERATIVE_MATRIX_PROPERTIES_NV, nullptr, each.MSize,
                      each.NSize, each.KSize, each.AType, each.BType, each.CType, each.ResultType,
                      each.scope});
  }
  return shapes;
}

std::vector<VkCooperativeMatrixPropertiesNV> nvShapes(VkInstance instance,
                                                      const PhysicalDevice& device) {
  const auto get = reinterpret_cast<PFN_vkGetPhysicalDeviceCooperativeMatrixPropertiesNV>(
      vkGetInstanceProcAddr(instance, "vkGetPhysicalDeviceCooperativeMatrixPropertiesNV"));
  return enumerate(
      device, get,
      VkCooperativeMatrixPropertiesNV{.sType = VK_STRUCTURE_TYPE_COOPERATIVE_MATRIX_PROPERTIES_NV});
}

}  // namespace

std::optional<hwdb::MatrixUnit> matrixUnit(const VkCooperativeMatrixPropertiesNV& shape,
                                           const PhysicalDevice& device) {
  hwdb::MatrixUnit unit;
  unit.a = elementName(shape.AType);
  unit.b = elementName(shape.BType);
  unit.accumulator = elementName(shape.CType);
  const bool halves = unit.a == "f16" && unit.b == "f16" && unit.accumulator == "f32" &&
                      device.float16 && device.storage16;
  const bool bytes = unit.a == "i8" && unit.b == "i8" && unit.accumulator == "i32" && device.int8 &&
                     device.storage8;
  const bool fits = shape.scope == VK_SCOPE_SUBGROUP_NV && shape.CType == shape.DType;
  if (!fits || (!halves && !bytes)) return std::nullopt;
  const auto queried = [](uint32_t value) {
    return hwdb::Count{value, hwdb::Provenance::Queried, "VkCooperativeMatrixProperties"};
  };
  unit.m = queried(shape.MSize);
  unit.n = queried(shape.NSize);
  unit.k = queried(shape.KSize);
  return unit;
}

void readMatrixUnits(VkInstance instance, PhysicalDevice& device) {
  if (!device.subgroupControl || !hasMemoryModel(device)) return;
  std::vector<VkCooperativeMatrixPropertiesNV> shapes;
  if (has(device, kKhrCooperativeMatrix) && enabled(device, KhrCooperativeMatrixFeatures{})) {
    device.cooperativeMatrix = CooperativeMatrix::Khr;
    shapes = khrShapes(instance, device);
  } else if (has(device, VK_NV_COOPERATIVE_MATRIX_EXTENSION_NAME) &&
             enabled(
                 device,
                 VkPhysicalDeviceCooperativeMatrixFeaturesNV{
                     .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_COOPERATIVE_MATRIX_FEATURES_NV})) {
    device.cooperativeMatrix = CooperativeMatrix::Nv;
    shapes = nvShapes(instance, device);
  }
  for (const VkCooperativeMatrixPropertiesNV& shape : shapes) {
    if (auto unit = matrixUnit(shape, device)) device.matrixUnits.push_back(std::move(*unit));
  }
  if (device.matrixUnits.empty()) device.cooperativeMatrix = CooperativeMatrix::None;
}

}  // namespace quartet::vulkan
