#include "backends/cpu/launch.h"

#include <algorithm>
#include <cmath>

namespace quartet::cpu {

namespace {

constexpr int64_t kChunksPerThread = 4;
// Handing two tasks to a oneTBB arena costs about 3 us; half of a shorter wave is not worth it.
constexpr double kParallelMicroseconds = 6;
// Slow guesses (scalar code, memory) for task sets without a predicted time.
constexpr double kFlopsPerMicrosecond = 10e3;
constexpr double kBytesPerMicrosecond = 10e3;

double predicted(const runtime::Dispatch& dispatch) {
  if (dispatch.microseconds > 0) return dispatch.microseconds;
  return std::max(dispatch.flops / kFlopsPerMicrosecond, dispatch.bytes / kBytesPerMicrosecond);
}

void cut(const runtime::Dispatch& dispatch, int number, int64_t pieces,
         std::vector<Chunk>& chunks) {
  for (int64_t i = 0; i < pieces; ++i) {
    chunks.push_back({number, dispatch.groups * i / pieces, dispatch.groups * (i + 1) / pieces});
  }
}

Launch planWave(const runtime::Wave& wave, int firstNumber, int threads) {
  double total = 0;
  bool known = true;
  int64_t groups = 0;
  for (const runtime::Dispatch& dispatch : wave.dispatches) {
    groups += dispatch.groups;
    const double time = predicted(dispatch);
    known = known && (time > 0 || dispatch.groups == 0);
    total += time;
  }
  Launch launch;
  launch.parallel = threads > 1 && groups > 1 && (!known || total >= kParallelMicroseconds);
  std::vector<std::pair<double, Chunk>> timed;
  for (size_t i = 0; i < wave.dispatches.size(); ++i) {
    const runtime::Dispatch& dispatch = wave.dispatches[i];
    if (dispatch.groups == 0) continue;
    const double share = known && total > 0
                             ? predicted(dispatch) / total
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

std::vector<Launch> planLaunches(const runtime::Program& program, int threads) {
  std::vector<Launch> launches;
  int number = 0;
  for (const runtime::Wave& wave : program.waves) {
    launches.push_back(planWave(wave, number, threads));
    number += static_cast<int>(wave.dispatches.size());
  }
  return launches;
}

}  // namespace quartet::cpu
