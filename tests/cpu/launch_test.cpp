// How waves are cut into chunks.
#include "backends/cpu/launch.h"

#include <doctest/doctest.h>

#include "backends/cpu/description.h"

using namespace quartet;

namespace {

runtime::Program oneWave(const std::vector<std::pair<int64_t, double>>& groupsAndTimes) {
  runtime::Program program;
  program.waves.emplace_back();
  for (const auto& [groups, microseconds] : groupsAndTimes) {
    runtime::Dispatch dispatch;
    dispatch.groups = groups;
    dispatch.microseconds = microseconds;
    program.waves[0].dispatches.push_back(std::move(dispatch));
  }
  return program;
}

cpu::Launch planned(const std::vector<std::pair<int64_t, double>>& groupsAndTimes, int threads,
                    double parallelMicroseconds) {
  return cpu::planLaunches(oneWave(groupsAndTimes), threads, parallelMicroseconds).at(0);
}

}  // namespace

TEST_CASE("launch: the description says from which time on a wave is shared") {
  CHECK_FALSE(planned({{8, 5.0}}, 2, 6.0).parallel);
  CHECK(planned({{8, 7.0}}, 2, 6.0).parallel);
  CHECK(planned({{8, 5.0}}, 2, 4.0).parallel);
  CHECK(planned({{8, 5.0}, {8, 5.0}}, 2, 6.0).parallel);  // together
  CHECK_FALSE(planned({{8, 70.0}}, 1, 6.0).parallel);
  CHECK_FALSE(planned({{1, 70.0}}, 2, 6.0).parallel);
  CHECK(planned({{8, 0.0}}, 2, 6.0).parallel);  // nothing predicted
  const hwdb::Description host = cpu::describeHost(2).value();
  CHECK(host.parallelMicroseconds.value > 0);
  CHECK_FALSE(host.parallelMicroseconds.source.empty());
}

TEST_CASE("launch: chunks cover all groups once, the longest first") {
  const cpu::Launch launch = planned({{5, 10.0}, {100, 90.0}, {0, 0.0}}, 2, 6.0);
  REQUIRE(launch.parallel);
  std::vector<std::vector<int>> covered{std::vector<int>(5), std::vector<int>(100), {}};
  for (const cpu::Chunk& chunk : launch.chunks) {
    for (int64_t g = chunk.first; g < chunk.last; ++g) {
      ++covered.at(static_cast<size_t>(chunk.dispatch)).at(static_cast<size_t>(g));
    }
  }
  CHECK(covered[0] == std::vector<int>(5, 1));
  CHECK(covered[1] == std::vector<int>(100, 1));
  CHECK(launch.chunks.front().dispatch == 1);
  CHECK(launch.chunks.back().dispatch == 0);
}
