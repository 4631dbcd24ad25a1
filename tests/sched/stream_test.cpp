// Register tiles and what their loops read again from outside of the innermost cache.
#include <doctest/doctest.h>

#include "sched/cost/traffic.h"
#include "sched/task_set.h"
#include "tests/common/harness.h"

using namespace quartet;

namespace {

/// Two levels of caches; the outer one gives `bytesPerCycle` (0: not known).
hwdb::Description cached(double bytesPerCycle, int64_t innerBytes = 32 << 10) {
  hwdb::Description device = test::cachedCpu(innerBytes, 1 << 20, bytesPerCycle);
  device.fmaLatencyCycles.value = 1;  // small tiles are as good as large ones
  return device;
}

struct RowsAndVectors {
  int64_t rows, vectors;
  bool operator==(const RowsAndVectors&) const = default;
};

/// Of [rows, steps] x [steps, 512].
RowsAndVectors tileOf(int64_t steps, const hwdb::Description& device, int64_t rows = 448) {
  const std::string m = std::to_string(rows);
  const std::string k = std::to_string(steps);
  const ir::Module plan = test::planned(
      test::expressed("graph @g(%x: f32[" + m + ", " + k + "], %w: f32[" + k +
                      ", 512]) -> (\"y\") {\n" +
                      "  %y = contract %x, %w {lhs = [0, 2], out = [0, 1], rhs = [2, 1]} : "
                      "f32[" +
                      m + ", 512]\n  return %y\n}"),
      device);
  const std::vector<ir::OpId> sets = sched::taskSets(plan);
  REQUIRE(sets.size() == 1);
  const auto& tile = plan.op(sched::governingTile(plan, sets[0])).attributes.get<ir::Tile>("tile");
  REQUIRE(tile.laneAxis == 1);
  return {tile.reg[0], tile.reg[1] / tile.lanes};
}

}  // namespace

TEST_CASE("streams: the slower the cache behind the first, the more a tile reuses of a panel") {
  // 16,384 steps of one vector are a panel of 512 KiB: no panel stays in the innermost cache. With
  // so few rows, cutting it into slices that stay gains nothing.
  const RowsAndVectors free = tileOf(1 << 14, cached(0), 12);
  const RowsAndVectors fast = tileOf(1 << 14, cached(1000), 12);
  const RowsAndVectors slow = tileOf(1 << 14, cached(8), 12);
  CHECK(fast.rows >= free.rows);
  CHECK(slow.rows > free.rows);
  CHECK(slow.rows * slow.vectors > free.rows * free.vectors);
  // Each step of a tile reads its rows and vectors, and computes their products.
  const auto bytesPerProduct = [](const RowsAndVectors& tile) {
    return static_cast<double>(tile.rows * 4 + tile.vectors * 32) /
           static_cast<double>(tile.rows * tile.vectors);
  };
  CHECK(bytesPerProduct(slow) < bytesPerProduct(free));
}

TEST_CASE("streams: what comes from memory in pieces that lie apart is read in longer ones") {
  // Rows of pixels of 64 channels, each of 4,096 x 4 bytes: 1 MiB, twice what the cache behind may
  // keep.
  const auto vectorsOf = [](double bytesPerCycle) {
    hwdb::Description device = cached(32);
    hwdb::MemoryLevel memory = device.memory[0];
    memory.kind = hwdb::MemoryLevel::Kind::Device;
    memory.bytesPerCycle = {bytesPerCycle, hwdb::Provenance::Derived, "test"};
    device.memory.insert(device.memory.begin(), memory);
    device.units.value = 1;  // which all tiles keep busy
    // What is measured at first use decides on no code.
    device.memoryGigabytesPerSecond.value = 1e-3;
    const ir::Module plan =
        test::planned(test::expressed(R"(graph @g(%x: f32[1, 64, 1, 4096]) -> ("y") {
          %w = constant {hash = "w"} : f32[8, 64, 1, 1]
          %y = conv %x, %w {dilations = [1, 1], group = 1, pads = [0, 0, 0, 0], strides = [1, 1]} : f32[1, 8, 1, 4096]
          return %y
        }
        constant "w" f32[8, 64, 1, 1] = elided)"),
                      device);
    const ir::OpId tasks = sched::taskSets(plan).back();
    const auto& tile = plan.op(sched::governingTile(plan, tasks)).attributes.get<ir::Tile>("tile");
    const auto lane = static_cast<size_t>(tile.laneAxis);
    REQUIRE(plan.op(sched::governingTile(plan, tasks)).attributes.expr().domain[lane] ==
            ir::Dim(4096));
    return tile.reg[lane] / tile.lanes;
  };
  CHECK(vectorsOf(1) > vectorsOf(1000000));
}

TEST_CASE("streams: what a CPU measures at first use decides on no tile") {
  // Readings differ from process to process; the code must not.
  hwdb::Description device = cached(32);
  hwdb::MemoryLevel memory = device.memory[0];
  memory.kind = hwdb::MemoryLevel::Kind::Device;
  memory.bytesPerCycle = {4, hwdb::Provenance::Derived, "test"};
  device.memory.insert(device.memory.begin(), memory);
  const RowsAndVectors before = tileOf(1024, device);
  device.peakGigaflops.value *= 37;
  device.memoryGigabytesPerSecond.value /= 53;
  for (hwdb::MemoryLevel& level : device.memory) level.gigabytesPerSecond.value *= 11;
  CHECK(tileOf(1024, device) == before);
  for (const int64_t steps : {4, 64, 300}) {
    const RowsAndVectors other = tileOf(steps, device);
    device.peakGigaflops.value /= 200;
    CHECK(tileOf(steps, device) == other);
  }
}

TEST_CASE("streams: what the innermost cache keeps is free") {
  // Everything fits: 448 rows of 4 steps are 7 KiB, any panel less.
  CHECK(tileOf(4, cached(1)) == tileOf(4, cached(0)));
  // Panels of any width fit, the rows of all columns do not: wider tiles sweep through them less
  // often.
  const RowsAndVectors kept = tileOf(64, cached(1, 128 << 10));
  CHECK(kept.vectors > tileOf(64, cached(0)).vectors);
}

TEST_CASE("footprint of a window: its halo once") {
  const ir::Module plan = test::planned(
      test::expressed(R"(graph @g(%x: f32[1, 8, 30, 30], %w: f32[16, 8, 3, 3]) -> ("y") {
        %y = conv %x, %w {dilations = [1, 1], group = 1, pads = [0, 0, 0, 0], strides = [1, 1]} : f32[1, 16, 28, 28]
        return %y
      })"),
      test::vectorCpu(), {.roller = false});
  const ir::OpId tasks = sched::taskSets(plan).at(0);
  const ir::OpId anchor = sched::governingTile(plan, tasks);
  const ir::TensorExpr& expr = plan.op(anchor).attributes.expr();
  // A row of 14 results of one channel: all channels and taps.
  ir::Box points;
  const std::vector<int64_t> extents = sched::extentsOf(expr, plan.symbols);
  for (int axis = 0; axis < expr.axisCount(); ++axis) {
    const bool reduced = axis >= expr.domainRank();
    points.lo.push_back(0);
    points.hi.push_back(reduced ? extents[static_cast<size_t>(axis)] : 1);
  }
  points.hi[static_cast<size_t>(expr.domainRank() - 1)] = 14;
  std::vector<double> bytes;
  for (const sched::Access& access : sched::accessesOf(plan, tasks, anchor)) {
    if (!access.write) bytes.push_back(sched::footprintBytes(plan, access, points));
  }
  CHECK(bytes == std::vector<double>{8 * 3 * 16 * 4, 8 * 9 * 4});
}
