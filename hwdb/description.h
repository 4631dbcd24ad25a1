// What a device is, as data. No stage of the scheduler knows more of a device than this.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace quartet::hwdb {

/// Where a field's value comes from. Limits are Queried or Datasheet; costs Measured, Datasheet or
/// Derived (by a named formula, or from a family entry).
enum class Provenance : uint8_t { Queried, Datasheet, Measured, Derived };
std::string_view name(Provenance provenance);

/// A value and where it comes from ("cpuid", "vkGetPhysicalDeviceProperties", "family cpu-vulkan",
/// ...).
template <class T>
struct Field {
  T value{};
  Provenance provenance = Provenance::Derived;
  std::string source;
};
using Count = Field<int64_t>;  // pieces or bytes, by name
using Number = Field<double>;  // unit in the name
using Flag = Field<bool>;

/// A memory level, outermost (device memory) first in Description::memory.
struct MemoryLevel {
  enum class Kind : uint8_t { Device, Cache, Explicit };  // Explicit: workgroup scratch
  std::string name;                                       // "memory", "L3", "L2", "L1", "workgroup"
  Kind kind = Kind::Cache;
  int sharers = 1;            // units that share one instance
  Count bytes;                // of one instance
  Number gigabytesPerSecond;  // that one unit sustains from this level
  Number latencyNanoseconds;
  Count lineBytes;  // cache line or memory transaction
};

struct Description {
  enum class Kind : uint8_t { Cpu, Gpu };

  std::string name;    // "AMD EPYC (2 cores, AVX-512)"
  std::string driver;  // Vulkan: driver name and version; CPU: the JIT's CPU name
  std::string
      entry;  // hwdb entry that gave the costs; "family ..." when the device itself is unknown
  Kind kind = Kind::Cpu;

  // Execution hierarchy: units > groups > invocations > vector lanes.
  Count units;             // cores, compute units
  Count groupInvocations;  // invocations of a group that kernels are built for; 1 on a CPU
  Count maxGroupInvocations;
  Count maxGroupsPerAxis;  // of one launch
  Count subgroup;          // invocations that run in lockstep
  Count vectorLanes;  // f32 lanes of explicit vectors that kernels use (16 for AVX-512; 4: 16-byte
                      // accesses on GPUs)
  Count vectorRegisters;  // per invocation, of vectorLanes lanes: bounds register tiles
  Number fmaPerCycle;     // vector FMA instructions that one unit starts per cycle
  Number fmaLatencyCycles;

  // Numeric abilities.
  Flag storage8, storage16;      // 8/16-bit elements in buffers
  Flag int64, float64, float16;  // arithmetic

  std::vector<MemoryLevel> memory;
  /// Staging operands in Explicit memory beats reading them through the caches.
  Flag stagingPays;

  // Buffers.
  Count maxBindingBytes;    // window that one binding reaches
  Count bindingAlignBytes;  // of a window's start
  Count maxBindings;        // per kernel
  Count maxAllocationBytes;
  Count memoryBytes;  // all of the device's memory

  // Costs.
  Number peakGigaflops;             // f32 FMA (2 flops each), all units
  Number memoryGigabytesPerSecond;  // all units
  Number launchMicroseconds;        // one more launch in a recorded sequence
  Number submitMicroseconds;        // a whole submission, there and back
  Number taskMicroseconds;          // starting one more task (group) of a launch
  // Guarded steps per element of a padded copy from which the copy pays for itself.
  Number paddedCopySteps;
  Number parallelMicroseconds;  // a launch predicted to be shorter is done sooner by one unit
  // Vector operations (arithmetic or accesses) that make a task worth starting. A property of the
  // entry, never measured: it decides how work is cut, and code must not vary from run to run.
  Count taskVectorOperations;
  Count tasksPerUnit;           // that work is cut into, so that a unit done early takes another
  Number broadcastVectorLoads;  // loading one value for all lanes, in loads of a whole vector

  const MemoryLevel* level(std::string_view name) const;
};

}  // namespace quartet::hwdb
