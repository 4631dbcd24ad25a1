#include "backends/vulkan/description.h"

#include <algorithm>
#include <thread>

#include "hwdb/load.h"

namespace quartet::vulkan {

namespace {

using hwdb::Provenance;

constexpr const char* kLimits = "VkPhysicalDeviceLimits";
constexpr const char* kFeatures = "VkPhysicalDeviceFeatures2";

template <class T>
hwdb::Field<T> queried(T value, std::string source) {
  return {value, Provenance::Queried, std::move(source)};
}

/// Two bindings of a shader are kept for the status word and for parameters.
constexpr int64_t kReservedBindings = 2;

int64_t bindingLimit(const VkPhysicalDeviceLimits& limits) {
  const uint32_t buffers =
      std::min({limits.maxPerStageDescriptorStorageBuffers, limits.maxDescriptorSetStorageBuffers,
                limits.maxPerStageResources});
  return std::min<int64_t>(buffers, INT32_MAX) - kReservedBindings;
}

int64_t memoryBytes(const PhysicalDevice& device) {
  int64_t bytes = 0;
  for (uint32_t i = 0; i < device.memory.memoryHeapCount; ++i) {
    const VkMemoryHeap& heap = device.memory.memoryHeaps[i];
    if ((heap.flags & VK_MEMORY_HEAP_DEVICE_LOCAL_BIT) == 0) continue;
    bytes = std::max(bytes, static_cast<int64_t>(heap.size));
  }
  return bytes;
}

}  // namespace

gpu::Limits shaderLimits(const PhysicalDevice& device, const TestOptions& options) {
  const VkPhysicalDeviceLimits& limits = device.limits;
  gpu::Limits shader;
  shader.device = device.name;
  shader.target.int64 = device.int64 && !options.emulateInt64;
  shader.target.float64 = device.float64;
  const int64_t pushBytes =
      options.maxPushBytes > 0 ? options.maxPushBytes : int64_t{limits.maxPushConstantsSize};
  shader.target.pushWords = pushBytes / 4;
  const bool narrow = !options.widenStorage;  // what is not stored so is not multiplied so
  if (device.cooperativeMatrix != CooperativeMatrix::None && narrow) {
    shader.matrices = {ir::DType::F16, ir::DType::I8};
  }
  shader.storage8 = device.storage8 && !options.widenStorage;
  shader.storage16 = device.storage16 && !options.widenStorage;
  shader.invocations =
      std::min(limits.maxComputeWorkGroupInvocations, limits.maxComputeWorkGroupSize[0]);
  shader.sharedBytes = limits.maxComputeSharedMemorySize;
  shader.bindings = bindingLimit(limits);
  const uint32_t axis =
      std::min(limits.maxComputeWorkGroupCount[0], limits.maxComputeWorkGroupCount[1]);
  shader.groupsPerAxis =
      options.maxGroupsPerAxis > 0 ? options.maxGroupsPerAxis : std::min<int64_t>(axis, INT32_MAX);
  return shader;
}

Result<hwdb::Description> describeDevice(const PhysicalDevice& device, const TestOptions& options) {
  const gpu::Limits shader = shaderLimits(device, options);
  const VkPhysicalDeviceLimits& limits = device.limits;
  hwdb::Description d;
  d.name = device.name;
  d.driver = device.driver + " " + device.driverInfo;
  d.entry = device.software() ? "vulkan software" : "vulkan gpu";
  d.kind = hwdb::Description::Kind::Gpu;
  if (device.software()) {
    const auto cores = static_cast<int64_t>(std::max(1U, std::thread::hardware_concurrency()));
    d.units = queried(cores, "the host's cores");
  }
  d.maxGroupInvocations = queried(shader.invocations, kLimits);
  d.maxGroupsPerAxis = queried(shader.groupsPerAxis, kLimits);
  d.subgroup =
      queried(std::max<int64_t>(1, device.subgroupSize), "VkPhysicalDeviceSubgroupProperties");
  d.storage8 = queried(shader.storage8, "VkPhysicalDevice8BitStorageFeatures");
  d.storage16 = queried(shader.storage16, "VkPhysicalDevice16BitStorageFeatures");
  d.int64 = queried(shader.target.int64, kFeatures);
  d.float64 = queried(shader.target.float64, kFeatures);
  d.float16 = queried(device.float16, "VkPhysicalDeviceShaderFloat16Int8Features");
  d.maxBindingBytes = queried(int64_t{limits.maxStorageBufferRange}, kLimits);
  d.bindingAlignBytes =
      queried(static_cast<int64_t>(limits.minStorageBufferOffsetAlignment), kLimits);
  d.maxBindings = queried(shader.bindings, kLimits);
  d.maxAllocationBytes = queried(static_cast<int64_t>(device.maxAllocationBytes),
                                 "VkPhysicalDeviceMaintenance3Properties");
  d.memoryBytes = queried(memoryBytes(device), "VkPhysicalDeviceMemoryProperties");
  hwdb::MemoryLevel workgroup;
  workgroup.name = "workgroup";
  workgroup.kind = hwdb::MemoryLevel::Kind::Explicit;
  workgroup.bytes = queried(shader.sharedBytes, kLimits);
  d.memory.push_back(workgroup);
  if (!shader.matrices.empty()) d.matrixUnits = device.matrixUnits;
  hwdb::Description described = QT_TRY(hwdb::describe(std::move(d)));
  // What the database knows of other interfaces is not this one's to use.
  if (shader.matrices.empty()) described.matrixUnits.clear();
  return described;
}

}  // namespace quartet::vulkan
