// The fields of a description as a table: loading, merging and printing walk over it.
#pragma once

#include "hwdb/description.h"

namespace quartet::hwdb {

/// What a field is: a Limit may not be derived, nor measured unless its rule says so; a Cost may.
enum class FieldClass : uint8_t { Limit, Cost };

/// What holds of a field, whatever device it describes.
struct FieldRule {
  FieldClass fieldClass = FieldClass::Cost;
  double minimum = 0;
  bool required = true;     // a description without it is incomplete
  bool measurable = false;  // a limit that most devices are silent about, and that can be seen
};

inline constexpr FieldRule kLimit{FieldClass::Limit, 1, true};
inline constexpr FieldRule kSize{FieldClass::Limit, 0, true};
inline constexpr FieldRule kAbility = kSize;
inline constexpr FieldRule kCount{FieldClass::Cost, 1, true};
inline constexpr FieldRule kCost{FieldClass::Cost, 0, true};
inline constexpr FieldRule kOptionalLimit{FieldClass::Limit, 1, false};
inline constexpr FieldRule kMeasurableLimit{FieldClass::Limit, 1, false, true};
inline constexpr FieldRule kOptionalCount{FieldClass::Cost, 1, false};
inline constexpr FieldRule kOptionalCost{FieldClass::Cost, 0, false};

/// Calls visit(name, field, rule) for every field, lists apart.
template <class D, class F>
void visitFields(D& d, F visit) {
  visit("units", d.units, kCount);
  visit("machineUnits", d.machineUnits, kOptionalCount);
  visit("schedulersPerUnit", d.schedulersPerUnit, kOptionalCount);
  visit("gigahertz", d.gigahertz, kOptionalCost);
  visit("reorderBuffer", d.reorderBuffer, kOptionalCount);
  visit("fmaLanes", d.fmaLanes, kOptionalCount);
  visit("groupInvocations", d.groupInvocations, kCount);
  visit("maxGroupInvocations", d.maxGroupInvocations, kLimit);
  visit("maxGroupsPerAxis", d.maxGroupsPerAxis, kLimit);
  visit("maxInvocationsPerUnit", d.maxInvocationsPerUnit, kOptionalLimit);
  visit("maxGroupsPerUnit", d.maxGroupsPerUnit, kOptionalLimit);
  visit("registersPerUnit", d.registersPerUnit, kOptionalLimit);
  visit("registersPerInvocation", d.registersPerInvocation, kOptionalLimit);
  visit("usableRegisters", d.usableRegisters, kOptionalCount);
  visit("subgroup", d.subgroup, kLimit);
  visit("subgroupMin", d.subgroupMin, kOptionalLimit);
  visit("subgroupMax", d.subgroupMax, kOptionalLimit);
  visit("subgroupControllable", d.subgroupControllable, kOptionalLimit);
  visit("forwardProgress", d.forwardProgress, kMeasurableLimit);
  visit("maxLoopIterations", d.maxLoopIterations, kOptionalLimit);
  visit("vectorLanes", d.vectorLanes, kCount);
  visit("vectorRegisters", d.vectorRegisters, kCount);
  visit("fmaPerCycle", d.fmaPerCycle, kCost);
  visit("fmaLatencyCycles", d.fmaLatencyCycles, kCost);
  visit("storage8", d.storage8, kAbility);
  visit("storage16", d.storage16, kAbility);
  visit("int64", d.int64, kAbility);
  visit("float64", d.float64, kAbility);
  visit("float16", d.float16, kAbility);
  visit("stagingPays", d.stagingPays, kCost);
  visit("maxBindingBytes", d.maxBindingBytes, kLimit);
  visit("bindingAlignBytes", d.bindingAlignBytes, kLimit);
  visit("maxBindings", d.maxBindings, kLimit);
  visit("maxAllocationBytes", d.maxAllocationBytes, kSize);
  visit("memoryBytes", d.memoryBytes, kSize);
  visit("peakGigaflops", d.peakGigaflops, kCost);
  visit("peakGigaflopsF64", d.peakGigaflopsF64, kOptionalCost);
  visit("peakGigaflopsF16", d.peakGigaflopsF16, kOptionalCost);
  visit("peakGigaflopsBf16", d.peakGigaflopsBf16, kOptionalCost);
  visit("peakGigaflopsI8", d.peakGigaflopsI8, kOptionalCost);
  visit("memoryGigabytesPerSecond", d.memoryGigabytesPerSecond, kCost);
  visit("launchMicroseconds", d.launchMicroseconds, kCost);
  visit("launchBarrierMicroseconds", d.launchBarrierMicroseconds, kOptionalCost);
  visit("submitMicroseconds", d.submitMicroseconds, kCost);
  visit("taskMicroseconds", d.taskMicroseconds, kCost);
  visit("groupBarrierNanoseconds", d.groupBarrierNanoseconds, kOptionalCost);
  visit("paddedCopySteps", d.paddedCopySteps, kCost);
  visit("packedCopySteps", d.packedCopySteps, kOptionalCost);
  visit("packedCopyStride", d.packedCopyStride, kOptionalCount);
  visit("parallelMicroseconds", d.parallelMicroseconds, kCost);
  visit("taskVectorOperations", d.taskVectorOperations, kCount);
  visit("tasksPerUnit", d.tasksPerUnit, kCount);
  visit("broadcastVectorLoads", d.broadcastVectorLoads, kCost);
  visit("shuffleVectorLoads", d.shuffleVectorLoads, kOptionalCost);
  visit("copyVectorBits", d.copyVectorBits, kOptionalLimit);
  visit("copyAsync", d.copyAsync, kOptionalLimit);
  visit("copyEngines", d.copyEngines, kOptionalLimit);
}

/// The same for the fields of a memory level.
template <class L, class F>
void visitLevelFields(L& level, F visit) {
  visit("bytes", level.bytes, kSize);
  visit("gigabytesPerSecond", level.gigabytesPerSecond, kCost);
  visit("latencyNanoseconds", level.latencyNanoseconds, kCost);
  visit("lineBytes", level.lineBytes, kCount);
  visit("perGroupMaxBytes", level.perGroupMaxBytes, kOptionalLimit);
  visit("perUnitBytes", level.perUnitBytes, kOptionalLimit);
  visit("transactionBytes", level.transactionBytes, kOptionalCount);
  visit("banks", level.banks, kOptionalCount);
  visit("bankBytes", level.bankBytes, kOptionalCount);
  visit("ways", level.ways, kOptionalCount);
  visit("usableFraction", level.usableFraction, kOptionalCost);
  visit("bytesPerCycle", level.bytesPerCycle, kOptionalCost);
  visit("saturation", level.saturation, kOptionalCost);
}

/// The same for the fields of a matrix unit.
template <class M, class F>
void visitMatrixFields(M& unit, F visit) {
  visit("m", unit.m, kLimit);
  visit("n", unit.n, kLimit);
  visit("k", unit.k, kLimit);
  visit("gigaflops", unit.gigaflops, kOptionalCost);
}

}  // namespace quartet::hwdb
