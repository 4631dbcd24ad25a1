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

std::vector<Arithmetic> arithmetics(const hwdb::Description& device) {
  return {{"f32", 4, true},
          {"f64", 8, device.float64.value},
          {"i32", 4, true},
          {"i64", 8, device.int64.value}};
}

/// Chains that hide the latency and leave registers for the operands.
int chainsOf(const hwdb::Description& device) {
  const auto registers = static_cast<int>(device.vectorRegisters.value);
  return std::clamp(registers - 4, 4, 12);
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
          return api::KernelLaunch{kernel, count, {links}, {builder.whole(out)}};
        },
        operations, 16));
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

/// Groups that fill the device several times over.
int64_t manyGroups(const Bench& bench) { return bench.cpu() ? bench.units() : 8 * bench.units(); }

Status probePeaks(const Bench& bench) {
  const int chains = chainsOf(bench.device());
  for (const Arithmetic& what : arithmetics(bench.device())) {
    if (!what.offered) {
      bench.note(what.dtype + ": the device has no such arithmetic");
      continue;
    }
    KernelShape shape = bench.shape();
    shape.lanes = std::max(1, shape.lanes * 4 / what.elementBytes);
    const bool real = what.dtype[0] == 'f';
    const std::string unit = real ? "GFLOP/s" : "GOP/s";
    const std::string method =
        fmt::format("{} {} of {} lanes, {} independent chains", what.dtype,
                    real ? "FMA (2 operations)" : "multiply and add", shape.lanes, chains);
    const auto rates = QT_TRY(gigaRates(bench, what, shape, chains, {1, manyGroups(bench)}));
    bench.add({"arithmetic", what.dtype + " peak, one group", unit, rates[0], method});
    bench.add({"arithmetic", what.dtype + " peak, all units", unit, rates[1], method});
    if (what.dtype == "f32") {
      bench.findings.describe(bench.findings.measured.peakGigaflops, rates[1],
                              method + ", all units");
    }
  }
  bench.note("f16, bf16, i8 and matrix units: kernels have no arithmetic on them");
  return {};
}

Status probeLatencyOfFma(const Bench& bench) {
  KernelShape shape = bench.shape();
  if (shape.invocations > 0) shape.invocations = 1;
  const auto rates = QT_TRY(gigaRates(bench, {"f32", 4, true}, shape, 1, {1}));
  // Operations per nanosecond -> nanoseconds per link, which has 2 operations a lane.
  const Reading nanoseconds = rateOf(2.0 * static_cast<double>(shape.groupElements()), rates[0]);
  bench.add(
      {"arithmetic", "f32 FMA latency", "ns", nanoseconds, "one chain of dependent f32 FMAs"});
  return {};
}

/// More and more resident invocations: groups of several sizes.
Status probeOccupancy(const Bench& bench) {
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
    KernelShape shape = bench.shape();
    shape.invocations = size;
    const auto rates =
        QT_TRY(gigaRates(bench, {"f32", 4, true}, shape, chainsOf(bench.device()), groups));
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
  QT_CHECK(probePeaks(bench));
  QT_CHECK(probeLatencyOfFma(bench));
  return bench.cpu() ? Status{} : probeOccupancy(bench);
}

}  // namespace quartet::characterize
