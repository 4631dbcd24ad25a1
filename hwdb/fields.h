// The fields of a description as a table: loading, merging and printing walk over it.
#pragma once

#include "hwdb/description.h"

namespace quartet::hwdb {

/// What a field is: a Limit may not be derived; a Cost may.
enum class FieldClass : uint8_t { Limit, Cost };

/// Calls visit(name, field, class, minimum) for every field, memory levels apart.
template <class D, class F>
void visitFields(D& d, F visit) {
  constexpr auto kLimit = FieldClass::Limit;
  constexpr auto kCost = FieldClass::Cost;
  visit("units", d.units, kCost, 1);
  visit("groupInvocations", d.groupInvocations, kCost, 1);
  visit("maxGroupInvocations", d.maxGroupInvocations, kLimit, 1);
  visit("maxGroupsPerAxis", d.maxGroupsPerAxis, kLimit, 1);
  visit("subgroup", d.subgroup, kLimit, 1);
  visit("vectorLanes", d.vectorLanes, kCost, 1);
  visit("vectorRegisters", d.vectorRegisters, kCost, 1);
  visit("fmaPerCycle", d.fmaPerCycle, kCost, 0);
  visit("fmaLatencyCycles", d.fmaLatencyCycles, kCost, 0);
  visit("storage8", d.storage8, kLimit, 0);
  visit("storage16", d.storage16, kLimit, 0);
  visit("int64", d.int64, kLimit, 0);
  visit("float64", d.float64, kLimit, 0);
  visit("float16", d.float16, kLimit, 0);
  visit("stagingPays", d.stagingPays, kCost, 0);
  visit("maxBindingBytes", d.maxBindingBytes, kLimit, 1);
  visit("bindingAlignBytes", d.bindingAlignBytes, kLimit, 1);
  visit("maxBindings", d.maxBindings, kLimit, 1);
  visit("maxAllocationBytes", d.maxAllocationBytes, kLimit, 0);
  visit("memoryBytes", d.memoryBytes, kLimit, 0);
  visit("peakGigaflops", d.peakGigaflops, kCost, 0);
  visit("memoryGigabytesPerSecond", d.memoryGigabytesPerSecond, kCost, 0);
  visit("launchMicroseconds", d.launchMicroseconds, kCost, 0);
  visit("submitMicroseconds", d.submitMicroseconds, kCost, 0);
  visit("taskMicroseconds", d.taskMicroseconds, kCost, 0);
  visit("paddedCopySteps", d.paddedCopySteps, kCost, 0);
  visit("parallelMicroseconds", d.parallelMicroseconds, kCost, 0);
  visit("taskVectorOperations", d.taskVectorOperations, kCost, 1);
  visit("tasksPerUnit", d.tasksPerUnit, kCost, 1);
  visit("broadcastVectorLoads", d.broadcastVectorLoads, kCost, 0);
}

/// The same for the fields of a memory level.
template <class L, class F>
void visitLevelFields(L& level, F visit) {
  visit("bytes", level.bytes, FieldClass::Limit, 0);
  visit("gigabytesPerSecond", level.gigabytesPerSecond, FieldClass::Cost, 0);
  visit("latencyNanoseconds", level.latencyNanoseconds, FieldClass::Cost, 0);
  visit("lineBytes", level.lineBytes, FieldClass::Cost, 1);
}

template <class T>
bool given(const Field<T>& field) {
  return !field.source.empty();
}

}  // namespace quartet::hwdb
