// Matrix units on Vulkan: what VK_NV_cooperative_matrix and VK_KHR_cooperative_matrix ask for.
//
// Debian's glslang 12 speaks GL_NV_cooperative_matrix alone, SPIRV-Tools 2023.1 optimises and
// validates SPV_NV_cooperative_matrix alone, and the Vulkan headers 1.3.239 know the NV extension
// alone. Kernels are printed, optimised and validated in the NV form; drivers with the KHR
// extension get what `toKhr` makes of that.
#pragma once

#include <vulkan/vulkan.h>

#include <cstdint>
#include <optional>
#include <vector>

#include "base/result.h"
#include "hwdb/description.h"
#include "ir/type.h"

namespace quartet::vulkan {

/// The extension by which a driver multiplies matrices.
enum class CooperativeMatrix : uint8_t { None, Nv, Khr };

struct PhysicalDevice;

/// Finds the extension of a device, KHR before NV, and the units that kernels can use by it: of
/// subgroups, of f16 in f32 and of i8 in i32, in memory that the device has as well. glslang's GLSL
/// has no type for bf16, and no product of unsigned bytes. None without the Vulkan memory model,
/// which such shaders are in, or where a kernel cannot ask for whole subgroups of the size that it
/// was made for.
void readMatrixUnits(VkInstance instance, PhysicalDevice& device);

/// The unit of an enumerated shape (of VkCooperativeMatrixPropertiesNV, or KHR without saturation);
/// nothing where kernels cannot use it.
std::optional<hwdb::MatrixUnit> matrixUnit(const VkCooperativeMatrixPropertiesNV& shape,
                                           const PhysicalDevice& device);

/// The NV form does not say what a matrix is used as; the KHR form does, in its type. In GLSL the
/// rows of a matrix are a specialisation constant of its own for each use, whose number says which.
inline int64_t matrixTag(const ir::Type& matrix) {
  return 3 * int64_t{matrix.rows} + static_cast<int64_t>(matrix.use);
}
inline ir::MatrixUse useOfTag(int64_t tag) { return static_cast<ir::MatrixUse>(tag % 3); }

/// SPIR-V in the NV form, valid and optimised, in the KHR form: types with their use, layouts in
/// place of flags, which components are signed. Modules without matrices stay as they are. What it
/// gives is not validated: no SPIRV-Tools of Debian 12 knows the extension. An error (kind
/// Internal) names an instruction of the NV form that kernels do not use.
Result<std::vector<uint32_t>> toKhr(const std::vector<uint32_t>& code);

}  // namespace quartet::vulkan
