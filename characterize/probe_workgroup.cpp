// Workgroup memory and barriers of a group.
#include <fmt/format.h>

#include <algorithm>

#include "characterize/bench.h"

namespace quartet::characterize {

namespace {

constexpr int64_t kWords = 2048;  // 8 KiB: within every device's limit

const hwdb::MemoryLevel* workgroupLevel(const hwdb::Description& device) {
  for (const hwdb::MemoryLevel& level : device.memory) {
    if (level.kind == hwdb::MemoryLevel::Kind::Explicit) return &level;
  }
  return nullptr;
}

/// Bandwidth with invocations a stride apart; in step with each other they meet in few banks when
/// the stride and the number of banks have a factor in common.
Status probeBanks(const Bench& bench, const hwdb::MemoryLevel& level) {
  const int64_t invocations = bench.shape().invocations;
  const int64_t groups = 4 * bench.units();
  SuiteBuilder builder("workgroup memory");
  const int out = builder.buffer("out", groups * invocations * 4);
  const int kernel = builder.kernel(workgroupReadKernel(invocations, kWords, groups * invocations));
  std::vector<std::pair<uint32_t, Ladder>> ladders;
  for (uint32_t stride = 1; stride <= 64; ++stride) {
    const bool power = (stride & (stride - 1)) == 0;
    if (bench.quick ? !power : !power && stride > 9 && stride % 8 != 1) continue;
    ladders.emplace_back(
        stride,
        builder.ladder(
            [&](uint32_t count) {
              return api::KernelLaunch{kernel, groups, {stride, count}, {builder.whole(out)}};
            },
            4.0 * kLinksPerCount * static_cast<double>(groups * invocations), 64));
  }
  const auto suite = QT_TRY(bench.runner.load(builder.suite()));
  Plot plot{.title = "Workgroup memory by stride",
            .xLabel = "words between neighbouring invocations",
            .yLabel = "GB/s, all units",
            .logY = false,
            .note = "Dips are bank conflicts; a flat line means that there are none."};
  Series series{"reading", {}};
  for (const auto& [stride, ladder] : ladders) {
    const Reading perMicrosecond = QT_TRY(bench.rate(*suite, ladder));
    series.points.push_back({static_cast<double>(stride), scaled(perMicrosecond, 1e-3)});
  }
  const Reading unit = scaled(series.points[0].y, 1.0 / static_cast<double>(bench.units()));
  const std::string method =
      fmt::format("{} groups of {} invocations read neighbouring words", groups, invocations);
  bench.add({"memory", level.name + " bandwidth, one unit", "GB/s", unit, method});
  bench.findings.describe(bench.findings.level(level.name).gigabytesPerSecond, unit, method);
  plot.series.push_back(std::move(series));
  bench.findings.plots.push_back(std::move(plot));
  return {};
}

Status probeWorkgroupLatency(const Bench& bench, const hwdb::MemoryLevel& level) {
  SuiteBuilder builder("workgroup latency");
  const int state = builder.buffer("state", 16, true);
  const int kernel = builder.kernel(workgroupChaseKernel(kWords));
  const Ladder ladder = builder.ladder(
      [&](uint32_t count) {
        return api::KernelLaunch{kernel, 1, {count}, {builder.whole(state)}};
      },
      kLinksPerCount, 4096);  // many against what filling the ring takes
  const auto suite = QT_TRY(bench.runner.load(builder.suite()));
  const std::vector<std::byte> start(16);
  QT_CHECK(suite->upload({start}));
  const Reading perMicrosecond = QT_TRY(bench.rate(*suite, ladder));
  const Reading nanoseconds = rateOf(1000, perMicrosecond);
  const std::string method = "dependent loads of one invocation";
  bench.add({"memory", level.name + " latency", "ns", nanoseconds, method});
  bench.findings.describe(bench.findings.level(level.name).latencyNanoseconds, nanoseconds, method);
  return {};
}

Status probeBarrier(const Bench& bench) {
  const int64_t invocations = bench.shape().invocations;
  SuiteBuilder builder("barrier");
  const int out = builder.buffer("out", invocations * 4);
  const int kernel = builder.kernel(barrierKernel(invocations, invocations));
  const Ladder ladder = builder.ladder(
      [&](uint32_t count) {
        return api::KernelLaunch{kernel, 1, {count}, {builder.whole(out)}};
      },
      kLinksPerCount, 16);
  const auto suite = QT_TRY(bench.runner.load(builder.suite()));
  const Reading perMicrosecond = QT_TRY(bench.rate(*suite, ladder));
  const Reading nanoseconds = rateOf(1000, perMicrosecond);
  bench.add({"launches", "barrier in a group", "ns", nanoseconds,
             fmt::format("one group of {} invocations", invocations)});
  return {};
}

}  // namespace

Status probeWorkgroup(Bench& bench) {
  if (bench.cpu()) return {};
  bench.step("workgroup memory");
  if (const hwdb::MemoryLevel* level = workgroupLevel(bench.device())) {
    QT_CHECK(probeBanks(bench, *level));
    QT_CHECK(probeWorkgroupLatency(bench, *level));
  }
  return probeBarrier(bench);
}

}  // namespace quartet::characterize
