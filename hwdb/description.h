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

/// What a memory level gives one unit on which so few invocations are resident.
struct SaturationPoint {
  int64_t invocations = 0;  // resident on the unit
  double gigabytesPerSecond = 0;
};
/// Ascending in both; beyond the last point the level is saturated.
using Curve = Field<std::vector<SaturationPoint>>;

/// Does anything give the field? One that nothing gives has no meaning: its value is no default.
template <class T>
bool given(const Field<T>& field) {
  return !field.source.empty();
}

/// A memory level, outermost (device memory) first in Description::memory. Optional fields are
/// those after the blank line: check with given() before reading.
struct MemoryLevel {
  enum class Kind : uint8_t { Device, Cache, Explicit };  // Explicit: workgroup scratch
  std::string name;  // "memory", "L3", "L2", "L1", "L0", "workgroup"
  Kind kind = Kind::Cache;
  int sharers = 1;            // units that share one instance
  Count bytes;                // of one instance; explicit: that any group may take
  Number gigabytesPerSecond;  // that one unit sustains from this level
  Number latencyNanoseconds;
  Count lineBytes;  // cache line or memory transaction

  Count perGroupMaxBytes;  // explicit: that a group may take where it asks for more than `bytes`
  Count perUnitBytes;      // explicit: that all groups resident on a unit share
  Count transactionBytes;  // smallest piece that moves; a line may hold several
  Count banks, bankBytes;  // accesses of a subgroup to one bank are done one after another
  Count ways;              // associativity of a cache
  Number usableFraction;   // of a cache that one task set may count on
  // What one unit reads from this level in a cycle while it computes. A property of the entry,
  // never measured: it decides on tiles, and code must not vary from run to run.
  Number bytesPerCycle;
  Curve saturation;
};

/// An instruction that multiplies matrices: m x k of `a` by k x n of `b`, added up in
/// `accumulator`.
struct MatrixUnit {
  enum class Scope : uint8_t { Invocation, Subgroup, Group };  // who issues it together
  Scope scope = Scope::Subgroup;
  std::string a, b, accumulator;  // element types: "f16", "bf16", "tf32", "i8", ...
  Count m, n, k;
  Number gigaflops;  // optional; all units, two operations per product, no sparsity
};

/// Required fields are given in every description that `describe` returns; those marked optional
/// may be absent: check with given().
struct Description {
  enum class Kind : uint8_t { Cpu, Gpu };

  std::string name;    // "AMD EPYC (2 cores, AVX-512)"
  std::string driver;  // Vulkan: driver name and version; CPU: the JIT's CPU name
  std::string
      entry;  // hwdb entry that gave the costs; "family ..." when the device itself is unknown
  Kind kind = Kind::Cpu;

  // Execution hierarchy: units > groups > invocations > vector lanes.
  Count units;         // cores, compute units
  Count machineUnits;  // optional: of the machine, where `units` are those in use. Results must not
                       // depend on the number of threads: what decides on them reads this.
  Count groupInvocations;  // invocations of a group that kernels are built for; 1 on a CPU
  Count maxGroupInvocations;
  Count maxGroupsPerAxis;  // of one launch
  Count subgroup;          // invocations that run in lockstep, unless another size is asked for
  Count vectorLanes;  // f32 lanes of explicit vectors that kernels use (16 for AVX-512; 4: 16-byte
                      // accesses on GPUs)
  Count vectorRegisters;  // per invocation, of vectorLanes lanes: bounds register tiles
  Number fmaPerCycle;     // vector FMA instructions that one unit starts per cycle
  Number fmaLatencyCycles;

  // Optional: more of the execution hierarchy.
  Count schedulersPerUnit;       // parts of a unit that start instructions independently
  Number gigahertz;              // the clock that peaks are given for
  Count reorderBuffer;           // instructions of one invocation that are under way at a time
  Count fmaLanes;                // f32 multiply-adds that one unit starts per cycle
  Count maxInvocationsPerUnit;   // resident
  Count maxGroupsPerUnit;        // resident
  Count registersPerUnit;        // of 32 bits, for all resident invocations
  Count registersPerInvocation;  // of 32 bits, at most
  Count usableRegisters;         // of these, that a tile may take and leave the unit busy
  Count subgroupMin, subgroupMax;
  Flag subgroupControllable;  // a kernel may ask for a size between the two
  Flag forwardProgress;       // groups that are resident at once all make progress
  Count maxLoopIterations;    // of all loops of an invocation together, and of those in lockstep
                              // with it; a driver may end loops after so many, without a word

  // Numeric abilities.
  Flag storage8, storage16;      // 8/16-bit elements in buffers
  Flag int64, float64, float16;  // arithmetic

  std::vector<MatrixUnit> matrixUnits;  // none: nothing is known of any
  std::vector<MemoryLevel> memory;
  /// Explicit memory lies apart from the caches: staging operands in it can pay.
  Flag stagingPays;

  // Buffers.
  Count maxBindingBytes;    // window that one binding reaches
  Count bindingAlignBytes;  // of a window's start
  Count maxBindings;        // per kernel
  Count maxAllocationBytes;
  Count memoryBytes;  // all of the device's memory

  // Costs.
  Number peakGigaflops;  // f32 FMA (2 flops each), all units
  // Optional: the same for other dtypes, matrix units apart (i8: dot products into i32). A dtype
  // without a rate of its own is computed as another.
  Number peakGigaflopsF64, peakGigaflopsF16, peakGigaflopsBf16, peakGigaflopsI8;
  Number memoryGigabytesPerSecond;  // all units
  Number launchMicroseconds;        // one more launch in a recorded sequence
  Number submitMicroseconds;        // a whole submission, there and back
  Number taskMicroseconds;          // starting one more task (group) of a launch
  // Guarded steps per element of a padded copy from which the copy pays for itself.
  Number paddedCopySteps;
  // Optional: steps per element of an operand, no constant, from which a copy in the order of its
  // reading pays, where steps read at places so many bytes apart.
  Number packedCopySteps;
  Count packedCopyStride;
  Number parallelMicroseconds;  // a launch predicted to be shorter is done sooner by one unit
  // Vector operations (arithmetic or accesses) that make a task worth starting. A property of the
  // entry, never measured: it decides how work is cut, and code must not vary from run to run.
  Count taskVectorOperations;
  Count tasksPerUnit;           // that work is cut into, so that a unit done early takes another
  Number broadcastVectorLoads;  // loading one value for all lanes, in loads of a whole vector
  Number shuffleVectorLoads;    // optional: picking the lanes of two vectors into one, likewise;
                                // none where every lane of a vector loads for itself

  // Optional: synchronisation and copies.
  Number groupBarrierNanoseconds;    // a barrier within a group
  Number launchBarrierMicroseconds;  // between launches of a recorded sequence, when one depends
                                     // on the other: a part of launchMicroseconds
  Count copyVectorBits;              // widest access of one invocation
  Flag copyAsync;                    // device to explicit memory while the invocations compute
  Count copyEngines;                 // that move data between host and device beside kernels

  const MemoryLevel* level(std::string_view name) const;
};

}  // namespace quartet::hwdb
