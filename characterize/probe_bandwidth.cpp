// Bandwidth by working-set size, and against what is resident.
#include <fmt/format.h>

#include <algorithm>

#include "characterize/bench.h"
#include "characterize/working_sets.h"

namespace quartet::characterize {

namespace {

constexpr int64_t kFloat = 4;
/// A power of two, so that filling leaves nothing out.
constexpr int64_t kFillGroups = 64;

api::KernelLaunch fill(SuiteBuilder& builder, const KernelShape& shape, int buffer) {
  const api::KernelWindow window = builder.whole(buffer);
  const int64_t elements = window.bytes / kFloat;
  const int64_t stride = kFillGroups * shape.groupElements();
  const int kernel = builder.kernel(fillKernel(shape, elements));
  const int64_t count = (elements + stride - 1) / stride;
  return {
      kernel, kFillGroups, {static_cast<uint32_t>(count), static_cast<uint32_t>(stride)}, {window}};
}

/// One curve: groups that read working sets.
struct Readers {
  std::string name;
  int64_t groups = 1;
  bool shared = false;  // every group reads all of it (GPUs); else each its part
};

/// Elements that a group reads at a time.
int64_t stepElements(const KernelShape& shape) { return kStreams * shape.groupElements(); }

Walk walkOf(const Readers& readers, const KernelShape& shape, int64_t bytes, uint32_t passes) {
  const int64_t elements = bytes / kFloat;
  const int64_t step = stepElements(shape);
  const int64_t part = elements / readers.groups;
  Walk walk;
  walk.count = (readers.shared ? elements : part) / step * step;
  walk.groupStride = readers.shared ? std::max(step, part / step * step) : walk.count;
  walk.invocationStride = shape.lanes;
  walk.step = step;
  walk.streamStride = shape.groupElements();
  walk.passes = passes;
  walk.mask = elements - 1;  // of readers that wrap around: elements are a power of two
  return walk;
}

/// The suite of all working sets of some readers.
struct Bandwidth {
  std::unique_ptr<api::LoadedSuite> suite;
  size_t fill = 0;
  std::vector<std::pair<int64_t, Ladder>> ladders;  // by working set
};

Result<Bandwidth> loadReaders(const Bench& bench, const Readers& readers,
                              const std::vector<int64_t>& sizes) {
  const KernelShape shape = bench.shape();
  SuiteBuilder builder("bandwidth, " + readers.name);
  const int in = builder.buffer("in", sizes.back());
  const int64_t sums = readers.groups * shape.groupElements();
  const int out = builder.buffer("out", sums * kFloat);
  const int kernel = builder.kernel(readKernel(shape, sizes.back() / kFloat, sums, !bench.cpu()));
  Bandwidth loaded;
  loaded.fill = builder.sequence(fill(builder, shape, in));
  for (const int64_t bytes : sizes) {
    const Walk once = walkOf(readers, shape, bytes, 1);
    if (once.count == 0) continue;
    const double moved = static_cast<double>(once.count * kFloat * readers.groups);
    const auto first = static_cast<uint32_t>(std::max(1.0, 65536.0 / moved));
    const bool onceSuffices = bytes == sizes.back() && bytes > (int64_t{16} << 20);
    loaded.ladders.emplace_back(
        bytes, builder.ladder(
                   [&](uint32_t passes) {
                     return api::KernelLaunch{kernel,
                                              readers.groups,
                                              parametersOf(walkOf(readers, shape, bytes, passes)),
                                              {builder.whole(in), builder.whole(out)}};
                   },
                   moved, first, 6, onceSuffices ? 1 : 6));
  }
  loaded.suite = QT_TRY(bench.runner.load(builder.suite()));
  return loaded;
}

Result<Series> readCurve(const Bench& bench, const Readers& readers,
                         const std::vector<int64_t>& sizes) {
  const Bandwidth loaded = QT_TRY(loadReaders(bench, readers, sizes));
  QT_TRY(loaded.suite->runOnHost(loaded.fill));
  Series series{readers.name, {}};
  for (const auto& [bytes, ladder] : loaded.ladders) {
    const Reading perMicrosecond = QT_TRY(bench.rate(*loaded.suite, ladder));
    series.points.push_back({static_cast<double>(bytes), scaled(perMicrosecond, 1e-3)});
  }
  return series;
}

const Reading* at(const Series& series, int64_t bytes) {
  for (const Point& point : series.points) {
    if (point.x == static_cast<double>(bytes)) return &point.y;
  }
  return nullptr;
}

std::string sizeText(int64_t bytes) {
  if (bytes >= (1 << 20)) return fmt::format("{} MiB", bytes >> 20);
  return fmt::format("{} KiB", bytes >> 10);
}

/// The levels' fields: what one unit sustains.
void describeLevels(const Bench& bench, const Series& series, const WorkingSets& sets,
                    double perUnit) {
  Findings& findings = bench.findings;
  for (const auto& [name, bytes] : sets.levels) {
    const Reading* reading = at(series, bytes);
    if (reading == nullptr) continue;
    const Reading unit = scaled(*reading, perUnit);
    const std::string method = fmt::format("reading {}, {}", sizeText(bytes), series.name);
    bench.add({"memory", name + " bandwidth, one unit", "GB/s", unit, method});
    findings.describe(findings.level(name).gigabytesPerSecond, unit, method);
  }
}

/// Everything at once, from memory.
void describeMemory(const Bench& bench, const Reading& reading, const std::string& method) {
  bench.add({"memory", "memory bandwidth, all units", "GB/s", reading, method});
  bench.findings.describe(bench.findings.measured.memoryGigabytesPerSecond, reading, method);
}

Status probeCopy(const Bench& bench, const Readers& readers, int64_t bytes) {
  const KernelShape shape = bench.shape();
  const int64_t half = bytes / 2 / kGranule * kGranule;
  SuiteBuilder builder("copy");
  const int in = builder.buffer("in", half);
  const int out = builder.buffer("out", half);
  const int kernel = builder.kernel(copyKernel(shape, half / kFloat));
  const size_t fillIn = builder.sequence(fill(builder, shape, in));
  const Readers parts{readers.name, readers.groups, false};
  const Walk once = walkOf(parts, shape, half, 1);
  const size_t copy = builder.sequence(
      {kernel, readers.groups, parametersOf(once), {builder.whole(in), builder.whole(out)}});
  const auto suite = QT_TRY(bench.runner.load(builder.suite()));
  QT_TRY(suite->runOnHost(fillIn));
  const Reading time = QT_TRY(bench.onDevice(*suite, copy));
  const double moved = 2.0 * static_cast<double>(once.count * kFloat * readers.groups);
  bench.add({"memory", "copy, " + readers.name, "GB/s", scaled(rateOf(moved, time), 1e-3),
             fmt::format("{} read and as much written", sizeText(half))});
  return {};
}

Plot bandwidthPlot() {
  return {.title = "Read bandwidth by working set",
          .xLabel = "working set",
          .yLabel = "GB/s",
          .bytes = true,
          .note = "Each step down is a memory level that the working set has outgrown."};
}

Status probeCpu(const Bench& bench, const WorkingSets& sets) {
  const Readers one{"one thread", 1, false};
  const Readers all{fmt::format("{} threads", bench.units()), bench.units(), false};
  Plot plot = bandwidthPlot();
  plot.series.push_back(QT_TRY(readCurve(bench, one, sets.bytes)));
  describeLevels(bench, plot.series[0], sets, 1.0);
  Reading fastest = plot.series[0].points.back().y;
  std::string method = "reading " + sizeText(sets.largest()) + ", one thread";
  if (bench.units() > 1) {
    plot.series.push_back(QT_TRY(readCurve(bench, all, sets.bytes)));
    const Reading together = plot.series[1].points.back().y;
    if (together.value > fastest.value) {
      fastest = together;
      method = "reading " + sizeText(sets.largest()) + ", " + all.name;
    }
  }
  describeMemory(bench, fastest, method);
  bench.findings.plots.push_back(std::move(plot));
  QT_CHECK(probeCopy(bench, one, sets.largest()));
  return bench.units() > 1 ? probeCopy(bench, all, sets.largest()) : Status{};
}

/// Memory bandwidth against the number of groups that read, each a part.
Status probeSaturation(const Bench& bench, int64_t bytes) {
  Plot plot{.title = "Memory bandwidth against resident groups",
            .xLabel = "groups",
            .yLabel = "GB/s",
            .note = "Where the curve flattens, more groups bring nothing more."};
  Series series{"reading " + sizeText(bytes), {}};
  const int64_t most = (bench.quick ? 4 : 16) * bench.units();
  for (int64_t groups = 1; groups <= most; groups *= 2) {
    const Series point = QT_TRY(readCurve(bench, {"saturation", groups, false}, {bytes}));
    series.points.push_back({static_cast<double>(groups), point.points.back().y});
  }
  const auto fastest =
      std::max_element(series.points.begin(), series.points.end(),
                       [](const Point& a, const Point& b) { return a.y.value < b.y.value; });
  describeMemory(bench, fastest->y,
                 fmt::format("reading {}, {} groups", sizeText(bytes), fastest->x));
  plot.series.push_back(std::move(series));
  bench.findings.plots.push_back(std::move(plot));
  return {};
}

Status probeGpu(const Bench& bench, const WorkingSets& sets) {
  const int64_t groups = 8 * bench.units();
  const Readers all{fmt::format("{} groups", groups), groups, true};
  const Readers one{"one group", 1, true};
  Plot plot = bandwidthPlot();
  std::vector<int64_t> sizes;  // of which a group reads at least one step
  for (const int64_t bytes : sets.bytes) {
    if (bytes >= stepElements(bench.shape()) * kFloat) sizes.push_back(bytes);
  }
  // Everybody reads everything: where a level's size fits, that level serves all.
  std::vector<int64_t> cached(sizes.begin(), sizes.end() - 1);
  plot.series.push_back(QT_TRY(readCurve(bench, all, cached)));
  describeLevels(bench, plot.series[0], sets, 1.0 / static_cast<double>(bench.units()));
  plot.series.push_back(QT_TRY(readCurve(bench, one, cached)));
  QT_CHECK(probeSaturation(bench, sets.largest()));
  const Figure* memory = bench.findings.figure("memory bandwidth, all units");
  plot.series[0].points.push_back({static_cast<double>(sets.largest()), memory->reading});
  bench.findings.plots.push_back(std::move(plot));
  for (const auto& [name, bytes] : sets.levels) {
    if (bytes != sets.largest()) continue;
    const Reading unit = scaled(memory->reading, 1.0 / static_cast<double>(bench.units()));
    bench.findings.describe(bench.findings.level(name).gigabytesPerSecond, unit,
                            memory->method + ", a unit's part");
  }
  return probeCopy(bench, {fmt::format("{} groups", groups), groups, false}, sets.largest());
}

}  // namespace

Status probeBandwidth(Bench& bench) {
  bench.step("bandwidth by working set");
  const WorkingSets sets = workingSets(bench.device(), bench.quick, 24);
  return bench.cpu() ? probeCpu(bench, sets) : probeGpu(bench, sets);
}

}  // namespace quartet::characterize
