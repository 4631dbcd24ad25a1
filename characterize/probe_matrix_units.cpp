// Peak rates of matrix units, one by one.
#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <map>
#include <span>

#include "characterize/bench.h"
#include "characterize/matrix_kernels.h"

namespace quartet::characterize {

namespace {

using hwdb::MatrixUnit;

/// Two elements of a factor, as they lie in memory: 1, and -1 where there is one.
struct Element {
  size_t bytes;
  uint16_t one, other;
};
const std::map<std::string, Element>& elements() {
  static const std::map<std::string, Element> known{{"f16", {2, 0x3c00, 0xbc00}},
                                                    {"bf16", {2, 0x3f80, 0xbf80}},
                                                    {"i8", {1, 1, 0xff}},
                                                    {"u8", {1, 1, 2}}};
  return known;
}

/// `count` elements of either sign in no regular order: sums stay small, and as many bits change
/// from one product to the next as they do in a network.
std::vector<std::byte> factor(const std::string& dtype, int64_t count) {
  const Element& element = elements().at(dtype);
  std::vector<std::byte> bytes(static_cast<size_t>(count) * element.bytes);
  uint32_t state = 1;
  for (size_t at = 0; at < bytes.size(); at += element.bytes) {
    state = state * 1664525 + 1013904223;
    const uint16_t value = state >> 31 == 0 ? element.one : element.other;
    std::memcpy(bytes.data() + at, &value, element.bytes);  // little-endian, as all devices are
  }
  return bytes;
}

std::string nameOf(const MatrixUnit& unit) {
  return fmt::format("{} x {} + {}, {} x {} x {}", unit.a, unit.b, unit.accumulator, unit.m.value,
                     unit.n.value, unit.k.value);
}

/// What is added up by a kernel, and by how many operations for each turn of its loop.
struct Products {
  std::unique_ptr<api::LoadedSuite> suite;
  Ladder ladder;
  std::string method;
};

double operations(const MatrixUnit& unit) {
  return 2.0 * static_cast<double>(unit.m.value * unit.n.value * unit.k.value);
}

/// Units of one invocation: every lane of a vector adds up products of its own.
Result<Products> loadDotProducts(const Bench& bench, const MatrixUnit& unit) {
  const KernelShape shape = bench.shape();
  const int chains = bench.chains();
  const int64_t groups = bench.manyGroups();
  const int64_t elements = groups * shape.groupElements();
  SuiteBuilder builder("dot products of " + unit.a);
  const int kernel = builder.kernel(dotProductKernel(unit, shape, chains, elements));
  const int packed = builder.buffer("packed", int64_t{8} * shape.lanes, true);
  const int out = builder.buffer("out", elements * 4);
  Products products;
  products.ladder = builder.ladder(
      [&](uint32_t turns) {
        return api::KernelLaunch{
            kernel, groups, {turns}, {builder.whole(packed), builder.whole(out)}};
      },
      operations(unit) * kLinksPerCount * chains * static_cast<double>(elements));
  products.method = fmt::format("sums of {} products, {} lanes, {} independent chains, all units",
                                unit.k.value, shape.lanes, chains);
  products.suite = QT_TRY(bench.runner.load(builder.suite()));
  const int64_t words = shape.lanes * unit.k.value;
  std::vector<std::byte> bytes = factor(unit.a, words);
  const std::vector<std::byte> second = factor(unit.b, words);
  bytes.insert(bytes.end(), second.begin(), second.end());
  bytes.resize(static_cast<size_t>(builder.whole(packed).bytes));
  QT_CHECK(products.suite->upload({bytes}));
  return products;
}

/// Accumulators of a subgroup: enough to hide the latency, within its registers.
int accumulators(const MatrixUnit& unit, int64_t subgroup) {
  constexpr int64_t kRegisters = 64;  // of 32 bits, of an invocation
  const int64_t each = std::max<int64_t>(1, unit.m.value * unit.n.value / subgroup);
  return static_cast<int>(std::clamp<int64_t>(kRegisters / each, 2, 8));
}

Result<Products> loadMatrixProducts(const Bench& bench, const MatrixUnit& unit) {
  const int64_t subgroup = bench.device().subgroup.value;
  const int64_t subgroups = std::max<int64_t>(1, bench.shape().invocations / subgroup);
  const MatrixShape shape{subgroups * subgroup, subgroup, accumulators(unit, subgroup)};
  const int64_t groups = bench.manyGroups();
  SuiteBuilder builder("matrix products of " + unit.a);
  const int kernel = builder.kernel(matrixProductKernel(unit, shape, groups));
  std::vector<std::byte> rows = factor(unit.a, unit.m.value * unit.k.value);
  std::vector<std::byte> columns = factor(unit.b, unit.k.value * unit.n.value);
  const int a = builder.buffer("a", static_cast<int64_t>(rows.size()), true);
  const int b = builder.buffer("b", static_cast<int64_t>(columns.size()), true);
  const int out = builder.buffer("out", groups * shape.sums(unit) * 4);
  Products products;
  products.ladder = builder.ladder(
      [&](uint32_t turns) {
        return api::KernelLaunch{
            kernel, groups, {turns}, {builder.whole(a), builder.whole(b), builder.whole(out)}};
      },
      operations(unit) * kLinksPerCount * shape.chains *
          static_cast<double>(groups * shape.subgroups()));
  products.method = fmt::format("{} groups of {} subgroups, {} independent accumulators each",
                                groups, shape.subgroups(), shape.chains);
  products.suite = QT_TRY(bench.runner.load(builder.suite()));
  rows.resize(static_cast<size_t>(builder.whole(a).bytes));
  columns.resize(static_cast<size_t>(builder.whole(b).bytes));
  QT_CHECK(products.suite->upload({rows, columns}));
  return products;
}

Status probeUnit(const Bench& bench, const MatrixUnit& unit) {
  const bool invocation = unit.scope == MatrixUnit::Scope::Invocation;
  const Products products =
      QT_TRY(invocation ? loadDotProducts(bench, unit) : loadMatrixProducts(bench, unit));
  const Reading perMicrosecond = QT_TRY(bench.rate(*products.suite, products.ladder));
  const Reading rate = scaled(perMicrosecond, 1e-3);
  const std::string gigas = unit.accumulator[0] == 'f' ? "GFLOP/s" : "GOP/s";
  bench.add({"arithmetic", nameOf(unit), gigas, rate, products.method});
  bench.findings.measured.matrixUnits.push_back(unit);
  bench.findings.describe(bench.findings.measured.matrixUnits.back().gigaflops, rate,
                          products.method);
  return {};
}

}  // namespace

Status probeMatrixUnits(Bench& bench) {
  const std::vector<MatrixUnit>& units = bench.device().matrixUnits;
  if (units.empty()) {
    bench.note("matrix units: the device has none that kernels use");
    return {};
  }
  bench.step("matrix units");
  for (const MatrixUnit& unit : units) {
    // A GPU's kernels have no instruction of one invocation: its driver may make one of several.
    const bool invocation = unit.scope == MatrixUnit::Scope::Invocation;
    if (!expressible(unit) || (invocation && !bench.cpu())) {
      bench.note("matrix unit " + nameOf(unit) + ": kernels cannot say it");
      continue;
    }
    QT_CHECK(probeUnit(bench, unit));
  }
  return {};
}

}  // namespace quartet::characterize
