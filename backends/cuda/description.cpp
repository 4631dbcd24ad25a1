#include "backends/cuda/description.h"

#include <algorithm>

#include "backends/cuda/matrix_header.h"
#include "hwdb/load.h"

namespace quartet::cuda {

namespace {

using hwdb::Provenance;

/// A kernel's parameters take 4 KiB on every driver: half is left to words, the rest holds
/// pointers.
constexpr int64_t kParameterBytes = 4096;
constexpr int64_t kWordBytes = 2048;
/// Two parameters are kept for the status word and for words in a buffer.
constexpr int64_t kReservedBindings = 2;
constexpr int64_t kBindings =
    (kParameterBytes - kWordBytes) / static_cast<int64_t>(sizeof(CuDeviceAddress)) -
    kReservedBindings;

template <class T>
hwdb::Field<T> queried(T value, std::string source) {
  return {value, Provenance::Queried, std::move(source)};
}

template <class T>
hwdb::Field<T> documented(T value, std::string source) {
  return {value, Provenance::Datasheet, std::move(source)};
}

/// What tensor cores multiply from this compute capability on (PTX ISA, wmma).
std::vector<ir::DType> matrixElements(int computeCapability) {
  std::vector<ir::DType> elements;
  if (computeCapability >= 70) elements.push_back(ir::DType::F16);
  if (computeCapability >= 72) elements.insert(elements.end(), {ir::DType::I8, ir::DType::U8});
  if (computeCapability >= 80) elements.push_back(ir::DType::BF16);
  return elements;
}

/// Whether kernels are printed for a unit (matrix_header.h).
bool usable(const hwdb::MatrixUnit& unit, const std::vector<ir::DType>& elements) {
  if (unit.scope == hwdb::MatrixUnit::Scope::Invocation) return true;
  const bool square =
      unit.m.value == kMatrixSide && unit.n.value == kMatrixSide && unit.k.value == kMatrixSide;
  return unit.scope == hwdb::MatrixUnit::Scope::Subgroup && square && unit.a == unit.b &&
         std::any_of(elements.begin(), elements.end(), [&](ir::DType element) {
           return unit.a == ir::name(element) &&
                  unit.accumulator == (ir::isFloat(element) ? "f32" : "i32");
         });
}

}  // namespace

gpu::Limits kernelLimits(const PhysicalDevice& device, const TestOptions& options) {
  gpu::Limits limits;
  limits.device = device.name;
  limits.target.int64 = true;
  limits.target.float64 = true;
  limits.target.float64Functions = true;
  limits.target.pushWords = options.pushWords > 0 ? options.pushWords : kWordBytes / 4;
  limits.storage8 = true;
  limits.storage16 = true;
  limits.matrices = matrixElements(device.computeCapability());
  limits.invocations = device.attribute(kCuMaxThreadsPerBlock, limits.invocations);
  limits.sharedBytes = device.attribute(kCuMaxSharedPerBlock, limits.sharedBytes);
  limits.bindings = kBindings;
  limits.groupsPerAxis = device.attribute(kCuMaxGridX, limits.groupsPerAxis);
  return limits;
}

Result<hwdb::Description> describeDevice(const PhysicalDevice& device, const TestOptions& options) {
  const gpu::Limits limits = kernelLimits(device, options);
  hwdb::Description d;
  d.name = device.name;
  d.driver = device.driver;
  d.entry = "cuda gpu";
  d.kind = hwdb::Description::Kind::Gpu;
  const auto give = [&](hwdb::Count& field, CuDeviceAttribute attribute) {
    const int64_t value = device.attribute(attribute);
    if (value > 0) field = queried(value, "cuDeviceGetAttribute");
  };
  give(d.units, kCuMultiprocessors);
  give(d.maxGroupInvocations, kCuMaxThreadsPerBlock);
  give(d.maxGroupsPerAxis, kCuMaxGridX);
  give(d.subgroup, kCuWarpSize);
  give(d.maxInvocationsPerUnit, kCuThreadsPerMultiprocessor);
  give(d.maxGroupsPerUnit, kCuBlocksPerMultiprocessor);
  give(d.registersPerUnit, kCuRegistersPerMultiprocessor);
  give(d.copyEngines, kCuAsyncEngines);
  const std::string guide = "CUDA C++ Programming Guide, all compute capabilities";
  for (hwdb::Flag* flag : {&d.storage8, &d.storage16, &d.int64, &d.float64, &d.float16}) {
    *flag = documented(true, guide);
  }
  d.maxBindingBytes = documented(int64_t{INT32_MAX} * 8,
                                 "pointers reach all memory; kernels number elements by an i32");
  d.bindingAlignBytes = documented(int64_t{256}, "CUDA C++ Programming Guide, allocations");
  d.maxBindings = documented(kBindings, "CUDA C++ Programming Guide: 4 KiB of kernel parameters");
  d.maxAllocationBytes = queried(device.memoryBytes, "cuDeviceTotalMem");
  d.memoryBytes = queried(device.memoryBytes, "cuDeviceTotalMem");
  hwdb::MemoryLevel cache;
  cache.name = "L2";
  cache.kind = hwdb::MemoryLevel::Kind::Cache;
  give(cache.bytes, kCuL2Bytes);
  hwdb::MemoryLevel workgroup;
  workgroup.name = "workgroup";
  workgroup.kind = hwdb::MemoryLevel::Kind::Explicit;
  workgroup.bytes = queried(limits.sharedBytes, "cuDeviceGetAttribute");
  give(workgroup.perGroupMaxBytes, kCuMaxSharedPerBlockOptin);
  give(workgroup.perUnitBytes, kCuSharedPerMultiprocessor);
  if (hwdb::given(cache.bytes)) d.memory.push_back(cache);
  d.memory.push_back(workgroup);
  hwdb::Description described = QT_TRY(hwdb::describe(std::move(d)));
  std::erase_if(described.matrixUnits,
                [&](const hwdb::MatrixUnit& unit) { return !usable(unit, limits.matrices); });
  return described;
}

}  // namespace quartet::cuda
