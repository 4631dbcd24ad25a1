// How the shape of accesses matters: width, stride, one element for all lanes.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "characterize/bench.h"
#include "characterize/working_sets.h"

namespace quartet::characterize {

namespace {

constexpr int64_t kFloat = 4;
/// Elements that one round of the kernel that fills writes: groups x invocations x lanes.
constexpr int64_t kFilled = int64_t{64} * 64 * 4;

/// Reads all of a buffer in the device's memory once, by kernels of a shape; gigabytes per second
/// of what is used. `stride`: elements between neighbouring invocations; each reads one and leaves
/// out the others.
struct Access {
  KernelShape shape;
  int64_t stride = 0;  // 0: neighbours
};

Result<Reading> readingRate(const Bench& bench, const Access& access, int64_t bytes) {
  const KernelShape& shape = access.shape;
  const int64_t groups = 8 * bench.units();
  const int64_t apart = std::max<int64_t>(access.stride, shape.lanes);
  const int64_t row = groups * shape.invocations * apart;  // elements that one access of all spans
  const int64_t elements = bytes / kFloat;
  SuiteBuilder builder("access");
  const int in = builder.buffer("in", bytes);
  const int64_t sums = groups * shape.groupElements();
  const int out = builder.buffer("out", sums * kFloat);
  const int kernel = builder.kernel(readKernel(shape, elements, sums, true));
  const int filling = builder.kernel(fillKernel({4, 64}, elements));
  const size_t fill =
      builder.sequence({filling,
                        64,
                        {static_cast<uint32_t>(elements / kFilled), static_cast<uint32_t>(kFilled)},
                        {builder.whole(in)}});
  Walk walk;
  walk.groupStride = shape.invocations * apart;
  walk.invocationStride = apart;
  walk.streamStride = row;
  walk.step = kStreams * row;
  walk.count = std::max<int64_t>(walk.step, elements / walk.step * walk.step);
  walk.mask = elements - 1;
  const size_t read = builder.sequence(
      {kernel, groups, parametersOf(walk), {builder.whole(in), builder.whole(out)}});
  const auto suite = QT_TRY(bench.runner.load(builder.suite()));
  QT_TRY(suite->runOnHost(fill));
  const Reading time = QT_TRY(bench.onDevice(*suite, read));
  const int64_t steps = walk.count / walk.step;
  const auto vectors =
      static_cast<double>(steps * kStreams * groups) * static_cast<double>(shape.invocations);
  return scaled(rateOf(vectors * shape.lanes * kFloat, time), 1e-3);
}

Status probeWidths(const Bench& bench, int64_t bytes) {
  for (const int lanes : {1, 2, 4}) {
    const KernelShape shape{lanes, bench.shape().invocations};
    const Reading rate = QT_TRY(readingRate(bench, {shape, 0}, bytes));
    bench.add({"memory", fmt::format("reading by {} bytes", lanes * kFloat), "GB/s", rate,
               "neighbouring invocations read neighbouring vectors"});
  }
  return {};
}

/// As long as the stride is within a transaction, doubling it halves what is used of what is moved;
/// beyond, every access moves a transaction and the rate stays.
Status probeStrides(const Bench& bench, int64_t bytes) {
  const KernelShape shape{1, bench.shape().invocations};
  Plot plot{.title = "Bandwidth used by stride",
            .xLabel = "bytes between neighbouring invocations",
            .yLabel = "GB/s used",
            .bytes = true,
            .note = "The curve flattens where the stride reaches a memory transaction."};
  Series series{"4 bytes each", {}};
  for (int64_t stride = 1; stride <= 64; stride *= 2) {
    const Reading rate = QT_TRY(readingRate(bench, {shape, stride}, bytes));
    series.points.push_back({static_cast<double>(stride * kFloat), rate});
  }
  plot.series.push_back(std::move(series));
  bench.findings.plots.push_back(std::move(plot));
  return {};
}

/// One element for all lanes against a whole vector, from the innermost memory.
Status probeBroadcast(const Bench& bench) {
  KernelShape shape = bench.shape();
  if (shape.invocations > 0) shape.invocations = 1;
  SuiteBuilder builder("broadcast");
  const int in = builder.buffer("in", (64 + int64_t{kCachedLoads} * shape.lanes) * kFloat);
  const int out = builder.buffer("out", shape.groupElements() * kFloat);
  std::vector<Ladder> ladders;
  for (const bool broadcast : {false, true}) {
    const int kernel = builder.kernel(cachedLoadKernel(shape, broadcast));
    ladders.push_back(builder.ladder(
        [&](uint32_t count) {
          return api::KernelLaunch{kernel, 1, {count}, {builder.whole(in), builder.whole(out)}};
        },
        kCachedLoads, 8));
  }
  const auto suite = QT_TRY(bench.runner.load(builder.suite()));
  const Reading vector = QT_TRY(bench.rate(*suite, ladders[0]));
  const Reading broadcast = QT_TRY(bench.rate(*suite, ladders[1]));
  bench.add(
      {"memory", "vector loads, innermost level", "per us", vector, "loads of whole vectors"});
  bench.add({"memory", "broadcast loads, innermost level", "per us", broadcast,
             "loads of one element for all lanes"});
  return {};
}

}  // namespace

Status probeAccess(Bench& bench) {
  bench.step("shapes of accesses");
  QT_CHECK(probeBroadcast(bench));
  if (bench.cpu()) return {};
  const int64_t bytes =
      std::min(workingSets(bench.device(), bench.quick, 0).largest(), int64_t{64} << 20);
  QT_CHECK(probeWidths(bench, bytes));
  return bench.quick ? Status{} : probeStrides(bench, bytes);
}

}  // namespace quartet::characterize
