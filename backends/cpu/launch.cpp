#include "backends/cpu/launch.h"

#include <algorithm>
#include <cmath>

namespace quartet::cpu {

namespace {

constexpr int64_t kChunksPerThread = 4;

void cut(const runtime::Dispatch& dispatch, int number, int64_t pieces,
         std::vector<Chunk>& chunks) {
  for (int64_t i = 0; i < pieces; ++i) {
    chunks.push_back({number, dispatch.groups * i / pieces, dispatch.groups * (i + 1) / pieces});
  }
}

Launch planWave(const runtime::Wave& wave, int firstNumber, int threads,
                double parallelMicroseconds) {
  double total = 0;
  bool known = true;
  int64_t groups = 0;
  for (const runtime::Dispatch& dispatch : wave.dispatches) {
    groups += dispatch.groups;
    const double time = dispatch.microseconds;
    known = known && (time > 0 || dispatch.groups == 0);
    total += time;
  }
  Launch launch;
  launch.parallel = threads > 1 && groups > 1 && (!known || total >= parallelMicroseconds);
  std::vector<std::pair<double, Chunk>> timed;
  for (size_t i = 0; i < wave.dispatches.size(); ++i) {
    const runtime::Dispatch& dispatch = wave.dispatches[i];
    if (dispatch.groups == 0) continue;
    const double share = known && total > 0
                             ? dispatch.microseconds / total
                             : static_cast<double>(dispatch.groups) / static_cast<double>(groups);
    const auto wanted =
        static_cast<int64_t>(std::ceil(share * static_cast<double>(kChunksPerThread * threads)));
    const int64_t pieces = launch.parallel ? std::clamp<int64_t>(wanted, 1, dispatch.groups) : 1;
    std::vector<Chunk> chunks;
    cut(dispatch, firstNumber + static_cast<int>(i), pieces, chunks);
    for (const Chunk& chunk : chunks) {
      timed.emplace_back(share * static_cast<double>(chunk.last - chunk.first) /
                             static_cast<double>(dispatch.groups),
                         chunk);
    }
  }
  if (launch.parallel) {
    std::stable_sort(timed.begin(), timed.end(),
                     [](const auto& a, const auto& b) { return a.first > b.first; });
  }
  for (const auto& [time, chunk] : timed) launch.chunks.push_back(chunk);
  return launch;
}

}  // namespace

std::vector<Launch> planLaunches(const runtime::Program& program, int threads,
                                 double parallelMicroseconds) {
  std::vector<Launch> launches;
  int number = 0;
  for (const runtime::Wave& wave : program.waves) {
    launches.push_back(planWave(wave, number, threads, parallelMicroseconds));
    number += static_cast<int>(wave.dispatches.size());
  }
  return launches;
}

}  // namespace quartet::cpu
