// The kernels of the probes, as kernel-level IR in text form: one set for every backend.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace quartet::characterize {

/// How the kernels of a device are shaped. `invocations` 0: kernels have none (a CPU).
struct KernelShape {
  int lanes = 1;  // of vectors
  int64_t invocations = 0;

  /// Elements that a group covers when each of its invocations takes one vector.
  int64_t groupElements() const { return lanes * (invocations > 0 ? invocations : 1); }
};

/// Links of each chain per unit of the kernel's parameter, one iteration of its loop.
inline constexpr int kLinksPerCount = 16;
/// Iterations of all loops of an invocation together: some drivers end loops after 65,535 without a
/// word.
inline constexpr int64_t kMostIterations = 60000;
/// Vectors that an invocation of the reading and copying kernels keeps in flight.
inline constexpr int kStreams = 4;

/// out: `dtype`[elements], one vector per invocation. `chains` chains that begin at 1, 2, 3, ...,
/// parameter 0 x kLinksPerCount links each of x = y * parameter 1 + x, where y is the next chain,
/// and the first for the last; their sum is stored. As every link needs its neighbour, a compiler
/// has to keep the chains abreast: of independent ones it may bring one to its end before it begins
/// the next, and nothing then hides the latency. `dtype`: "f32", "f64", "i32", "i64"; integers
/// multiply and add as two operations.
std::string multiplyAddKernel(const std::string& dtype, const KernelShape& shape, int chains,
                              int64_t elements);

/// out: f32[elements]: parameter 0 vectors per invocation get 1.0, parameter 1 elements apart.
std::string fillKernel(const KernelShape& shape, int64_t elements);

/// What the reading and copying kernels touch, in elements: invocation i of group g starts at
/// g * groupStride + i * invocationStride and goes on by `step` up to `count`, kStreams vectors
/// each time that lie `streamStride` apart; all of it `passes` times.
struct Walk {
  int64_t groupStride = 0, invocationStride = 0, count = 0, step = 0, streamStride = 0, passes = 1;
  int64_t mask = 0x7fffffff;  // of indices, when the kernel wraps around
};
std::vector<uint32_t> parametersOf(const Walk& walk);

/// in: f32[elements], out: f32[sums], one vector per invocation: the sum of what was read. `wraps`:
/// indices are masked, which costs an operation each.
std::string readKernel(const KernelShape& shape, int64_t elements, int64_t sums, bool wraps);
/// The same, writing out: f32[elements] where it reads.
std::string copyKernel(const KernelShape& shape, int64_t elements);
/// The same as readKernel, from in[0, 64) again and again: whole vectors, or one element for all
/// lanes of a vector. Parameter 0: repetitions.
std::string cachedLoadKernel(const KernelShape& shape, bool broadcast);
inline constexpr int kCachedLoads = 16;  // per repetition

/// ring: i32[elements], state: i32[states], by one invocation: parameter 0 x kLinksPerCount times
/// state[parameter 1] = ring[state[parameter 1]].
std::string chaseKernel(int64_t invocations, int64_t elements, int64_t states);
/// The same in workgroup memory of `words` words (a power of two), over a ring of its own.
std::string workgroupChaseKernel(int64_t words);
/// Every invocation reads parameter 1 x kLinksPerCount words of workgroup memory, invocation i at
/// i * parameter 0 + 0, 1, 2, ...; out: f32[sums], one each. `words` is a power of two.
std::string workgroupReadKernel(int64_t invocations, int64_t words, int64_t sums);
/// Parameter 0 x kLinksPerCount barriers; out: f32[sums], one per invocation.
std::string barrierKernel(int64_t invocations, int64_t sums);

/// arrived: i32[4], of zeros; seen: i32[groups]. Every group adds 1 to arrived[0], then looks at it
/// until it is parameter 0, but parameter 1 times at most, and leaves in seen[group] what it saw
/// last. Where all see the parameter they were there at once, and none was kept from going on.
std::string meetingKernel(int64_t invocations, int64_t groups);

/// out[g] = 1 for group g: as little as a kernel can do.
std::string tinyKernel(int64_t invocations, int64_t elements);

}  // namespace quartet::characterize
