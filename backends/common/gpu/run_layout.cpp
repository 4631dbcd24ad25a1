#include "backends/common/gpu/run_layout.h"

#include <algorithm>

namespace quartet::gpu {

using runtime::BufferInfo;
using runtime::Program;
using Kind = BufferInfo::Kind;

namespace {

constexpr int64_t kConstantBlockBytes = int64_t{256} << 20;

int64_t roundedUp(int64_t bytes, int64_t align) { return (bytes + align - 1) / align * align; }

template <class Belongs>
BufferPlaces placeBuffers(const Program& program, int64_t align, int64_t maxBytes,
                          const Belongs& belongs) {
  std::vector<int64_t> bytes;
  for (const BufferInfo& buffer : program.buffers) {
    if (belongs(buffer)) bytes.push_back(std::max(buffer.bytes, kMinimumWindowBytes));
  }
  Placement placement = place(bytes, align, maxBytes);
  BufferPlaces placed;
  placed.places.assign(program.buffers.size(), {-1, 0});
  size_t next = 0;
  for (size_t i = 0; i < program.buffers.size(); ++i) {
    if (belongs(program.buffers[i])) placed.places[i] = placement.places[next++];
  }
  placed.blockBytes = std::move(placement.blockBytes);
  return placed;
}

void placeWords(RunLayout& layout, const LaunchPlan& plan, std::span<const Interface> interfaces,
                int64_t align) {
  int64_t end = 0;
  for (const Launch& launch : plan.launches) {
    const Interface& interface = interfaces[static_cast<size_t>(launch.entry)];
    std::vector<uint32_t> words;
    for (size_t i = 0; i < launch.dispatches.size(); ++i) {
      const runtime::Dispatch& dispatch = *launch.dispatches[i];
      const auto count = static_cast<size_t>(interface.parameters[i]);
      QT_ASSERT(dispatch.parameters.size() >= count, "parameters of dispatch " + dispatch.name);
      words.push_back(static_cast<uint32_t>(dispatch.groups));
      words.insert(words.end(), dispatch.parameters.begin(),
                   dispatch.parameters.begin() + static_cast<int64_t>(count));
    }
    layout.wordsOffset.push_back(end);
    if (interface.wordsInBuffer) end += roundedUp(static_cast<int64_t>(words.size()) * 4, align);
    layout.words.push_back(std::move(words));
  }
  layout.wordsOffset.push_back(end);
}

void placeTransfers(RunLayout& layout, const Program& program) {
  for (const runtime::Stage& stage : runtime::stagesOf(program)) {
    std::vector<int64_t> offsets{0};
    for (const auto* buffers : {&stage.uploads, &stage.downloads}) {
      for (const int buffer : *buffers) {
        const int64_t bytes = program.buffers[static_cast<size_t>(buffer)].bytes;
        offsets.push_back(offsets.back() + roundedUp(bytes, kMinimumWindowBytes));
      }
    }
    layout.transferBytes = std::max(layout.transferBytes, offsets.back());
    layout.transferOffsets.push_back(std::move(offsets));
  }
}

}  // namespace

RunLayout layoutOf(const Program& program, const LaunchPlan& plan,
                   std::span<const Interface> interfaces, const MemoryRules& rules) {
  RunLayout layout;
  for (size_t i = 0; i < program.buffers.size(); ++i) {
    if (program.buffers[i].kind == Kind::Input) layout.inputs.push_back(i);
    if (program.buffers[i].kind == Kind::Output) layout.outputs.push_back(i);
  }
  layout.border = placeBuffers(program, rules.alignBytes, rules.maxAllocationBytes,
                               [](const BufferInfo& buffer) {
                                 return buffer.kind == Kind::Input || buffer.kind == Kind::Output;
                               });
  placeWords(layout, plan, interfaces, rules.alignBytes);
  placeTransfers(layout, program);
  return layout;
}

BufferPlaces placeConstants(const Program& program, const MemoryRules& rules) {
  return placeBuffers(program, rules.alignBytes,
                      std::min(rules.maxAllocationBytes, kConstantBlockBytes),
                      [](const BufferInfo& buffer) { return buffer.kind == Kind::Constant; });
}

std::string constantsKey(const Program& program) {
  std::string key = std::to_string(program.buffers.size()) + "\n";
  for (size_t i = 0; i < program.buffers.size(); ++i) {
    if (program.buffers[i].kind != Kind::Constant) continue;
    key += std::to_string(i) + " " + runtime::packedKey(program.buffers[i]) + "\n";
  }
  return key;
}

Status checkTensors(const Program& program, const RunLayout& layout,
                    const runtime::Context::Sources& inputs,
                    const runtime::Context::Targets& outputs) {
  const auto check = [&](const std::vector<size_t>& buffers, const auto& given,
                         const std::string& what) -> Status {
    if (given.size() != buffers.size()) {
      return userError(std::to_string(given.size()) + " " + what + "s given, the model has " +
                       std::to_string(buffers.size()));
    }
    for (size_t i = 0; i < given.size(); ++i) {
      const BufferInfo& buffer = program.buffers[buffers[i]];
      const int64_t bytes = runtime::hostBytes(buffer);
      if (static_cast<int64_t>(given[i].size()) == bytes) continue;
      return userError(
          std::to_string(given[i].size()) + " bytes given, " + std::to_string(bytes) + " required",
          what + " '" + buffer.name + "'");
    }
    return {};
  };
  QT_CHECK(check(layout.inputs, inputs, "input"));
  return check(layout.outputs, outputs, "output");
}

std::pair<size_t, size_t> launchesOf(const LaunchPlan& plan,
                                     const std::vector<runtime::Stage>& stages, size_t stage) {
  const auto before = [&](size_t wave) { return wave == 0 ? 0 : plan.waveEnds[wave - 1]; };
  return {stage == 0 ? 0 : before(stages[stage - 1].waveEnd), before(stages[stage].waveEnd)};
}

void addTime(const Program& program, const Launch& launch, double microseconds,
             std::vector<double>& times) {
  double predicted = 0;
  for (const runtime::Dispatch* dispatch : launch.dispatches) predicted += dispatch->microseconds;
  size_t number = 0;
  for (const runtime::Wave& wave : program.waves) {
    for (const runtime::Dispatch& dispatch : wave.dispatches) {
      const auto found = std::find(launch.dispatches.begin(), launch.dispatches.end(), &dispatch);
      if (found != launch.dispatches.end()) {
        const double share = predicted > 0 ? dispatch.microseconds / predicted
                                           : 1.0 / static_cast<double>(launch.dispatches.size());
        times[number] += share * microseconds;
      }
      ++number;
    }
  }
}

size_t dispatchCount(const Program& program) {
  size_t count = 0;
  for (const runtime::Wave& wave : program.waves) count += wave.dispatches.size();
  return count;
}

}  // namespace quartet::gpu
