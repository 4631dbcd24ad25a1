// Peak rates of arithmetic, and how they depend on what is resident.
#include <fmt/format.h>

#include <algorithm>

#include "characterize/bench.h"

namespace quartet::characterize {

namespace {

struct Arithmetic {
  std::string dtype;
  int elementBytes;
  bool offered;
};

const Arithmetic kF32{"f32", 4, true};

std::vector<Arithmetic> arithmetics(const hwdb::Description& device) {
  return {kF32, {"f64", 8, device.float64.value}, {"i32", 4, true}, {"i64", 8, device.int64.value}};
}

/// Multiply-adds: a suite of its own for each dtype, as drivers take long over many shaders.
struct MultiplyAdd {
  std::unique_ptr<api::LoadedSuite> suite;
  std::vector<Ladder> ladders;  // by number of groups
};

Result<MultiplyAdd> loadMultiplyAdd(const Bench& bench, const Arithmetic& what,
                                    const KernelShape& shape, int chains,
                                    const std::vector<int64_t>& groups) {
  SuiteBuilder builder("multiply-add " + what.dtype);
  const int64_t most = *std::max_element(groups.begin(), groups.end());
  const int64_t elements = most * shape.groupElements();
  const int kernel = builder.kernel(multiplyAddKernel(what.dtype, shape, chains, elements));
  const int out = builder.buffer("out", elements * what.elementBytes);
  MultiplyAdd loaded;
  for (const int64_t count : groups) {
    const double operations =
        2.0 * kLinksPerCount * chains * static_cast<double>(count * shape.groupElements());
    loaded.ladders.push_back(builder.ladder(
        [&](uint32_t links) {
          return api::KernelLaunch{kernel, count, {links, 0}, {builder.whole(out)}};
        },
        operations));
  }
  loaded.suite = QT_TRY(bench.runner.load(builder.suite()));
  return loaded;
}

/// Giga-operations per second by the number of groups.
Result<std::vector<Reading>> gigaRates(const Bench& bench, const Arithmetic& what,
                                       const KernelShape& shape, int chains,
                                       const std::vector<int64_t>& groups) {
  const MultiplyAdd loaded = QT_TRY(loadMultiplyAdd(bench, what, shape, chains, groups));
  std::vector<Reading> rates;
  for (const Ladder& ladder : loaded.ladders) {
    const Reading perMicrosecond = QT_TRY(bench.rate(*loaded.suite, ladder));
    rates.push_back(scaled(perMicrosecond, 1e-3));
  }
  return rates;
}

/// Vectors on a CPU; on a GPU an invocation is a lane of the device's own vectors.
KernelShape shapeOf(const Bench& bench, const Arithmetic& what) {
  KernelShape shape = bench.shape();
  shape.lanes = bench.cpu() ? std::max(1, shape.lanes * 4 / what.elementBytes) : 1;
  return shape;
}

/// Numbers of chains that a peak is looked for with. How many registers a GPU's invocation has is
/// its driver's to say: too few chains do not hide the latency, too many are kept in memory.
std::vector<int> chainCounts(const Bench& bench) {
  return bench.cpu() ? std::vector<int>{bench.chains()} : std::vector<int>{6, 12};
}

/// The highest of several rates.
struct Peak {
  int chains = 0;
  Reading rate;
};

struct Peaks {
  Peak one, all;  // one group; all units
};

Result<Peaks> peaksOf(const Bench& bench, const Arithmetic& what) {
  Peaks peaks;
  for (const int chains : chainCounts(bench)) {
    const auto rates =
        QT_TRY(gigaRates(bench, what, shapeOf(bench, what), chains, {1, bench.manyGroups()}));
    if (rates[0].value > peaks.one.rate.value) peaks.one = {chains, rates[0]};
    if (rates[1].value > peaks.all.rate.value) peaks.all = {chains, rates[1]};
  }
  return peaks;
}

std::string methodOf(const Bench& bench, const Arithmetic& what, const Peak& peak) {
  const std::string operation =
      what.dtype[0] == 'f' ? "multiply-add (2 operations)" : "multiply and add";
  const std::string form =
      bench.cpu() ? fmt::format("of {} lanes", shapeOf(bench, what).lanes) : "of one invocation";
  return fmt::format("{} {} {}, {} chains abreast", what.dtype, operation, form, peak.chains);
}

Result<Peaks> probePeak(const Bench& bench, const Arithmetic& what) {
  Peaks peaks = QT_TRY(peaksOf(bench, what));
  const std::string unit = what.dtype[0] == 'f' ? "GFLOP/s" : "GOP/s";
  const std::string method = methodOf(bench, what, peaks.all);
  bench.add({"arithmetic", what.dtype + " peak, one group", unit, peaks.one.rate,
             methodOf(bench, what, peaks.one)});
  bench.add({"arithmetic", what.dtype + " peak, all units", unit, peaks.all.rate, method});
  hwdb::Description& measured = bench.findings.measured;
  hwdb::Number* field = what.dtype == "f32"   ? &measured.peakGigaflops
                        : what.dtype == "f64" ? &measured.peakGigaflopsF64
                                              : nullptr;
  if (field != nullptr) bench.findings.describe(*field, peaks.all.rate, method + ", all units");
  return peaks;
}

/// The number of chains by which f32 is fastest.
Result<int> probePeaks(const Bench& bench) {
  int chains = 0;
  for (const Arithmetic& what : arithmetics(bench.device())) {
    if (!what.offered) {
      bench.note(what.dtype + ": the device has no such arithmetic");
      continue;
    }
    const Peaks peaks = QT_TRY(probePeak(bench, what));
    if (what.dtype == "f32") chains = peaks.all.chains;
  }
  bench.note("f16, bf16, i8, matrix units apart: kernels only store them, and compute in f32, i32");
  return chains;
}

Status probeLatencyOfFma(const Bench& bench) {
  KernelShape shape = shapeOf(bench, kF32);
  if (shape.invocations > 0) shape.invocations = 1;
  const auto rates = QT_TRY(gigaRates(bench, kF32, shape, 1, {1}));
  // Operations per nanosecond -> nanoseconds per link, which has 2 operations a lane.
  const Reading nanoseconds = rateOf(2.0 * static_cast<double>(shape.groupElements()), rates[0]);
  bench.add(
      {"arithmetic", "f32 FMA latency", "ns", nanoseconds, "one chain of dependent f32 FMAs"});
  return {};
}

/// More and more resident invocations: groups of several sizes.
Status probeOccupancy(const Bench& bench, int chains) {
  bench.step("arithmetic against resident groups");
  std::vector<int64_t> groups;
  const int64_t most = (bench.quick ? 4 : 16) * bench.units();
  for (int64_t count = 1; count <= most; count *= 2) groups.push_back(count);
  Plot plot{.title = "f32 rate against resident groups",
            .xLabel = "groups",
            .yLabel = "GFLOP/s",
            .note = "Steps show where another group no longer fits beside the others."};
  std::vector<int64_t> sizes;
  for (int64_t size = bench.shape().invocations; size <= bench.device().maxGroupInvocations.value;
       size *= 4) {
    sizes.push_back(size);
  }
  if (bench.quick) sizes.resize(1);
  for (const int64_t size : sizes) {
    KernelShape shape = shapeOf(bench, kF32);
    shape.invocations = size;
    const auto rates = QT_TRY(gigaRates(bench, kF32, shape, chains, groups));
    Series series{fmt::format("{} invocations a group", size), {}};
    for (size_t i = 0; i < groups.size(); ++i) {
      series.points.push_back({static_cast<double>(groups[i]), rates[i]});
    }
    plot.series.push_back(std::move(series));
  }
  bench.findings.plots.push_back(std::move(plot));
  return {};
}

}  // namespace

Status probeArithmetic(Bench& bench) {
  bench.step("peak rates");
  const int chains = QT_TRY(probePeaks(bench));
  QT_CHECK(probeLatencyOfFma(bench));
  return bench.cpu() ? Status{} : probeOccupancy(bench, chains);
}

}  // namespace quartet::characterize
