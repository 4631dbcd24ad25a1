// Latency by working set: a pointer chase in random order.
#include <fmt/format.h>

#include <cstring>
#include <numeric>
#include <random>

#include "characterize/bench.h"
#include "characterize/working_sets.h"

namespace quartet::characterize {

namespace {

constexpr int64_t kLineBytes = 64;
constexpr int64_t kLineWords = kLineBytes / 4;

/// Word `slot` of every line of the first `bytes` bytes points to word `slot` of another: one cycle
/// through all of them in random order (Sattolo's). So one buffer holds a ring for each of
/// kLineWords sizes.
void addRing(std::vector<int32_t>& ring, int64_t slot, int64_t bytes) {
  const int64_t lines = bytes / kLineBytes;
  std::vector<int32_t> order(static_cast<size_t>(lines));
  std::iota(order.begin(), order.end(), 0);
  std::minstd_rand random(static_cast<unsigned>(slot) + 1);
  for (size_t i = order.size() - 1; i > 0; --i) std::swap(order[i], order[random() % i]);
  for (size_t i = 0; i < order.size(); ++i) {
    const int32_t next = order[i + 1 == order.size() ? 0 : i + 1];
    ring[static_cast<size_t>(order[i] * kLineWords + slot)] =
        static_cast<int32_t>(next * kLineWords + slot);
  }
}

struct Chase {
  std::unique_ptr<api::LoadedSuite> suite;
  std::vector<size_t> rounds;   // by working set: once around the ring
  std::vector<Ladder> ladders;  // by working set
};

Result<Chase> loadChase(const Bench& bench, const WorkingSets& sets) {
  const int64_t words = sets.largest() / 4;
  SuiteBuilder builder("latency");
  const int ring = builder.buffer("ring", sets.largest(), true);
  const int state = builder.buffer("state", kLineBytes, true);
  const int kernel = builder.kernel(chaseKernel(bench.cpu() ? 0 : 1, words, kLineWords));
  Chase chase;
  for (size_t slot = 0; slot < sets.bytes.size(); ++slot) {
    const auto launch = [&](uint32_t count) {
      return api::KernelLaunch{kernel,
                               1,
                               {count, static_cast<uint32_t>(slot)},
                               {builder.whole(ring), builder.whole(state)}};
    };
    const int64_t lines = sets.bytes[slot] / kLineBytes;
    chase.rounds.push_back(builder.sequence(launch(static_cast<uint32_t>(lines / kLinksPerCount))));
    chase.ladders.push_back(builder.ladder(launch, kLinksPerCount, 64, 6, 6));
  }
  chase.suite = QT_TRY(bench.runner.load(builder.suite()));
  std::vector<int32_t> links(static_cast<size_t>(words));
  for (size_t slot = 0; slot < sets.bytes.size(); ++slot) {
    addRing(links, static_cast<int64_t>(slot), sets.bytes[slot]);
  }
  std::vector<int32_t> starts(kLineWords);
  std::iota(starts.begin(), starts.end(), 0);
  QT_CHECK(chase.suite->upload({std::as_bytes(std::span<const int32_t>(links)),
                                std::as_bytes(std::span<const int32_t>(starts))}));
  return chase;
}

}  // namespace

Status probeLatency(Bench& bench) {
  bench.step("latency by working set");
  const WorkingSets sets = workingSets(bench.device(), bench.quick, kLineWords);
  const Chase chase = QT_TRY(loadChase(bench, sets));
  Plot plot{.title = "Load latency by working set",
            .xLabel = "working set",
            .yLabel = "ns",
            .bytes = true,
            .note =
                "Dependent loads of one invocation in random order; translation of addresses "
                "is part of it."};
  Series series{"pointer chase", {}};
  for (size_t i = 0; i < sets.bytes.size(); ++i) {
    // Brings the ring into the caches that hold it; of the largest nothing stays there.
    if (i + 1 < sets.bytes.size()) QT_TRY(chase.suite->runOnHost(chase.rounds[i]));
    const Reading perMicrosecond = QT_TRY(bench.rate(*chase.suite, chase.ladders[i]));
    series.points.push_back({static_cast<double>(sets.bytes[i]), rateOf(1000, perMicrosecond)});
  }
  Findings& findings = bench.findings;
  for (const auto& [name, bytes] : sets.levels) {
    for (const Point& point : series.points) {
      if (point.x != static_cast<double>(bytes)) continue;
      const std::string method =
          fmt::format("dependent loads in random order over {} KiB", bytes >> 10);
      bench.add({"memory", name + " latency", "ns", point.y, method});
      findings.describe(findings.level(name).latencyNanoseconds, point.y, method);
    }
  }
  plot.series.push_back(std::move(series));
  findings.plots.push_back(std::move(plot));
  return {};
}

}  // namespace quartet::characterize
