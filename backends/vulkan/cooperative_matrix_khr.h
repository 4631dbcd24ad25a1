// VK_KHR_cooperative_matrix, of which Debian's Vulkan headers (1.3.239) know nothing: the part that
// is used, by hand, as in the registry's vk.xml (extension 507).
#pragma once

#include <vulkan/vulkan.h>

namespace quartet::vulkan {

#ifdef VK_KHR_cooperative_matrix
#error "the Vulkan headers declare VK_KHR_cooperative_matrix: take theirs"
#endif

constexpr const char* kKhrCooperativeMatrix = "VK_KHR_cooperative_matrix";
constexpr auto kKhrCooperativeMatrixFeatures = static_cast<VkStructureType>(1000506000);
constexpr auto kKhrCooperativeMatrixShape = static_cast<VkStructureType>(1000506001);

/// VkPhysicalDeviceCooperativeMatrixFeaturesKHR
struct KhrCooperativeMatrixFeatures {
  VkStructureType sType = kKhrCooperativeMatrixFeatures;
  void* pNext = nullptr;
  VkBool32 cooperativeMatrix = VK_FALSE;
  VkBool32 cooperativeMatrixRobustBufferAccess = VK_FALSE;
};

/// VkCooperativeMatrixPropertiesKHR. VkComponentTypeKHR and VkScopeKHR have the values of their NV
/// namesakes, and more.
struct KhrCooperativeMatrixShape {
  VkStructureType sType = kKhrCooperativeMatrixShape;
  void* pNext = nullptr;
  uint32_t MSize = 0;
  uint32_t NSize = 0;
  uint32_t KSize = 0;
  VkComponentTypeNV AType = VK_COMPONENT_TYPE_FLOAT16_NV;
  VkComponentTypeNV BType = VK_COMPONENT_TYPE_FLOAT16_NV;
  VkComponentTypeNV CType = VK_COMPONENT_TYPE_FLOAT16_NV;
  VkComponentTypeNV ResultType = VK_COMPONENT_TYPE_FLOAT16_NV;
  VkBool32 saturatingAccumulation = VK_FALSE;
  VkScopeNV scope = VK_SCOPE_SUBGROUP_NV;
};

/// vkGetPhysicalDeviceCooperativeMatrixPropertiesKHR
using KhrGetCooperativeMatrixShapes = VkResult(VKAPI_PTR*)(VkPhysicalDevice, uint32_t*,
                                                           KhrCooperativeMatrixShape*);

}  // namespace quartet::vulkan
