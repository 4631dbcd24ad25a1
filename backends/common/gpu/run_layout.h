// Where the data of a run lies in device memory and on the host, and which launches belong to what.
#pragma once

#include <span>
#include <string>
#include <utility>
#include <vector>

#include "backends/common/gpu/interface.h"
#include "backends/common/gpu/launch.h"
#include "backends/common/gpu/placement.h"
#include "runtime/device.h"
#include "runtime/program.h"

namespace quartet::gpu {

/// The smallest window that is bound, whatever a tensor's size.
inline constexpr int64_t kMinimumWindowBytes = 16;

/// What the memory of a device demands.
struct MemoryRules {
  int64_t alignBytes = 16;  // of every window's start, a power of two
  int64_t maxAllocationBytes = INT64_MAX;
};

/// Places of a program's buffers, by their numbers; block -1 for those of other kinds.
struct BufferPlaces {
  std::vector<Placement::Place> places;
  std::vector<int64_t> blockBytes;
};

/// What all contexts of an executable agree in.
struct RunLayout {
  std::vector<size_t> inputs, outputs;       // numbers of the program's buffers
  BufferPlaces border;                       // of inputs and outputs
  std::vector<std::vector<uint32_t>> words;  // by launch: for each kernel groups, parameters
  /// By launch: where its words lie in their buffer, if they do; behind all: the buffer's size.
  std::vector<int64_t> wordsOffset;
  /// By stage: where what it exchanges with other devices lies in host memory: uploads, then
  /// downloads, then the end.
  std::vector<std::vector<int64_t>> transferOffsets;
  int64_t transferBytes = 0;  // of the stage that exchanges most
};

/// `interfaces`: by LaunchPlan::entries.
RunLayout layoutOf(const runtime::Program& program, const LaunchPlan& plan,
                   std::span<const Interface> interfaces, const MemoryRules& rules);

/// Constants grouped into blocks of a moderate size: few allocations, and none that a driver
/// refuses for its size.
BufferPlaces placeConstants(const runtime::Program& program, const MemoryRules& rules);
/// Equal for programs whose constants lie at the same places with the same content.
std::string constantsKey(const runtime::Program& program);

/// A user error unless the tensors are those of the program's inputs and outputs.
Status checkTensors(const runtime::Program& program, const RunLayout& layout,
                    const runtime::Context::Sources& inputs,
                    const runtime::Context::Targets& outputs);

/// The launches of a stage: numbers of the plan, from first to before last.
std::pair<size_t, size_t> launchesOf(const LaunchPlan& plan,
                                     const std::vector<runtime::Stage>& stages, size_t stage);

/// Adds what a launch took to the times of its dispatches, in proportion to their predictions.
/// `times`: by number of the dispatch in the program.
void addTime(const runtime::Program& program, const Launch& launch, double microseconds,
             std::vector<double>& times);
size_t dispatchCount(const runtime::Program& program);

}  // namespace quartet::gpu
