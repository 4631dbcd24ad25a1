// Where Roller has padded boxes brought into a task's own memory, and how large they are.
#include "sched/roller/padded_boxes.h"

#include <doctest/doctest.h>

#include <cmath>

#include "ir/staging.h"
#include "sched/roller/step_model.h"
#include "sched/task_set.h"
#include "tests/common/harness.h"

using namespace quartet;

namespace {

hwdb::Description cached(int64_t innerBytes, int64_t outerBytes) {
  hwdb::Description device = test::cachedCpu(innerBytes, outerBytes);
  device.shuffleVectorLoads.value = 1;
  return device;
}

std::string depthwise(int64_t channels, int64_t rows, int64_t columns) {
  const std::string c = std::to_string(channels);
  const std::string shape = c + ", " + std::to_string(rows) + ", " + std::to_string(columns);
  return "graph @g(%x: f32[2, " + shape + "]) -> (\"y\") {\n  %w = constant {hash = \"w\"} : f32[" +
         c + ", 1, 3, 3]\n  %y = conv %x, %w {dilations = [1, 1], group = " + c +
         ", pads = [1, 1, 1, 1], strides = [1, 1]} : f32[2, " + shape +
         "]\n  return %y\n}\nconstant \"w\" f32[" + c + ", 1, 3, 3] = elided";
}

struct Planned {
  size_t taskSets = 0;
  ir::Tile tile;      // of the last one
  int64_t bytes = 0;  // of its boxes
};

Planned planned(const std::string& text, const hwdb::Description& device) {
  const ir::Module plan = test::planned(test::expressed(text), device);
  const std::vector<ir::OpId> sets = sched::taskSets(plan);
  const ir::Op& anchor = plan.op(sched::governingTile(plan, sets.back()));
  Planned result{sets.size(), anchor.attributes.get<ir::Tile>("tile"), 0};
  if (result.tile.stage.empty()) return result;
  const ir::TensorExpr& expr = anchor.attributes.expr();
  for (const ir::Expr& load : ir::distinctLoads(expr.element)) {
    const ir::Type& operand = plan.type(anchor.operands[static_cast<size_t>(load.number())]);
    const auto box = ir::paddedBox(load, operand, result.tile, expr.domain.size());
    if (box) result.bytes += 4 * box->box.elements;
  }
  CHECK(result.bytes > 0);
  return result;
}

}  // namespace

TEST_CASE("padded boxes: depthwise convolutions and pooling read them, and nothing is copied") {
  const hwdb::Description device = cached(32 << 10, 1 << 20);
  for (const std::string& text :
       {depthwise(6, 20, 21), std::string(R"(graph @g(%x: f32[2, 6, 20, 21]) -> ("y") {
  %y = window %x {dilations = [1, 1, 1, 1], fn = max, pads = [0, 0, 1, 1, 0, 0, 1, 1], strides = [1, 1, 2, 2], window = [1, 1, 3, 3]} : f32[2, 6, 10, 11]
  return %y
})")}) {
    INFO(text);
    const Planned made = planned(text, device);
    INFO(made.tile.str());
    CHECK(made.taskSets == 1);
    REQUIRE_FALSE(made.tile.stage.empty());
    CHECK(made.bytes <= 16 << 10);
    test::checkGraphOn(device, text);
  }
}

TEST_CASE("padded boxes: rows follow the room in the caches") {
  const std::string text = depthwise(3, 200, 50);
  int64_t before = INT64_MAX;
  for (const int64_t inner : {256 << 10, 64 << 10, 16 << 10}) {
    const Planned made = planned(text, cached(inner, 4 << 20));
    REQUIRE_FALSE(made.tile.stage.empty());
    CHECK(made.bytes <= inner / 2);
    CHECK(made.bytes < before);
    before = made.bytes;
  }
  // Two rows of three at a time would read most rows again: the cache behind has room for more.
  const Planned far = planned(text, cached(2 << 10, 256 << 10));
  REQUIRE_FALSE(far.tile.stage.empty());
  CHECK(far.bytes > 1 << 10);
  CHECK(far.bytes <= 64 << 10);
  test::checkGraphOn(cached(16 << 10, 4 << 20), depthwise(3, 50, 50));
}

TEST_CASE("padded boxes: filling them takes time, in every part") {
  const hwdb::Description device = cached(32 << 10, 1 << 20);
  const ir::Module plan = test::planned(test::expressed(depthwise(3, 40, 50)), device);
  const ir::OpId tasks = sched::taskSets(plan).back();
  const sched::TaskView view = sched::viewOf(plan, tasks, {});
  ir::Tile tile = plan.op(view.anchor).attributes.get<ir::Tile>("tile");
  REQUIRE(tile.stage.size() == 6);
  const auto lanes = static_cast<double>(device.vectorLanes.value);
  // A box of so many rows of the image, and one above and below them: a load and a store a vector,
  // of which the first and the last are for the columns at the left and at the right of whole
  // vectors.
  for (const int64_t rows : {1, 5, 40}) {
    tile.stage = {1, 1, rows, 50, 3, 3};
    const double parts = 2.0 * 3 * 40 / static_cast<double>(rows);
    const double vectors = (1 + std::ceil(50 / lanes) + 1) * static_cast<double>(rows + 2);
    CHECK(sched::paddedBoxCycles(view, tile, device) ==
          doctest::Approx(parts * vectors * 3 / device.fmaPerCycle.value));
  }
  tile.stage.clear();
  CHECK(sched::paddedBoxCycles(view, tile, device) == 0);
}

TEST_CASE("rows: reductions that are short beside what is under way wait for no latency") {
  hwdb::Description device = cached(32 << 10, 1 << 20);
  device.vectorRegisters.value = 32;
  const ir::Module plan = test::planned(test::expressed(depthwise(6, 20, 21)), device);
  const sched::TaskView view = sched::viewOf(plan, sched::taskSets(plan).back(), {});
  const sched::LaneChoice lane{3, device.vectorLanes.value};
  const auto cycles = [&](double latency, int64_t reorderBuffer, int64_t rows) {
    device.fmaLatencyCycles.value = latency;
    device.reorderBuffer = {reorderBuffer, hwdb::Provenance::Derived, "test"};
    return sched::StepModel(view, lane, 2, 5, false, device).cycles(rows, 1);
  };
  constexpr int64_t kMany = 1 << 20;
  constexpr int64_t kFew = 8;  // nine steps are more
  CHECK(cycles(64, kMany, 1) < 1.01 * cycles(1, kMany, 1));
  CHECK(cycles(64, kFew, 1) > 16 * cycles(1, kFew, 1));
  CHECK(cycles(64, kFew, 1) > 2 * cycles(64, kFew, 4));
  // Between the two, the latency counts as far as steps fill what is under way.
  CHECK(cycles(64, 64, 1) > cycles(64, kMany, 1));
  CHECK(cycles(64, 64, 1) < cycles(64, kFew, 1));
}

TEST_CASE("padded boxes: a copy where they have no room, or where other points read them again") {
  const hwdb::Description device = cached(32 << 10, 256 << 10);
  // A row of three: 180 kB.
  const Planned wide = planned(depthwise(2, 8, 15000), device);
  CHECK(wide.tile.stage.empty());
  CHECK(wide.taskSets == 2);
  const std::string conv = R"(graph @g(%x: f32[2, 6, 20, 21]) -> ("y") {
  %w = constant {hash = "w"} : f32[8, 6, 3, 3]
  %y = conv %x, %w {dilations = [1, 1], group = 1, pads = [1, 1, 1, 1], strides = [1, 1]} : f32[2, 8, 20, 21]
  return %y
}
constant "w" f32[8, 6, 3, 3] = elided)";
  CHECK(planned(conv, device).tile.stage.empty());
  // Caches of no known size.
  CHECK(planned(depthwise(6, 20, 21), cached(0, 0)).tile.stage.empty());
}

TEST_CASE("rows: neighbours hide the latency of sums that share nothing") {
  // Depthwise: no row shares what another one's vectors hold.
  hwdb::Description device = cached(32 << 10, 1 << 20);
  device.fmaLatencyCycles.value = 8;
  device.vectorRegisters.value = 32;
  const Planned made = planned(depthwise(6, 20, 21), device);
  REQUIRE(made.tile.laneAxis == 3);
  CHECK(made.tile.reg[2] * made.tile.reg[3] / made.tile.lanes >= 4);
  device.vectorRegisters.value = 4;  // of which two take what is loaded
  const Planned few = planned(depthwise(6, 20, 21), device);
  CHECK(few.tile.reg[2] * few.tile.reg[3] / few.tile.lanes <= 2);
}

TEST_CASE("rows: the order of sums is the same for any number of units") {
  hwdb::Description device = cached(32 << 10, 1 << 20);
  device.taskVectorOperations.value = 1;
  device.machineUnits = {64, hwdb::Provenance::Derived, "test"};  // decides on splits
  const auto window = [](int64_t rows, int64_t high) {
    const std::string k = std::to_string(high);
    const std::string r = std::to_string(rows);
    return "graph @g(%x: f32[1, 1, " + r +
           ", 40]) -> (\"y\") {\n  %y = window %x {dilations = [1, 1, "
           "1, 1], fn = add, pads = [0, 0, 0, 1, 0, 0, " +
           std::to_string(high - 1) + ", 1], strides = [1, 1, 1, 1], window = [1, 1, " + k +
           ", 3]} : f32[1, 1, " + r + ", 40]\n  return %y\n}";
  };
  for (const int64_t registers : {8, 16, 32}) {
    device.vectorRegisters.value = registers;
    for (const int64_t high : {3, 5, 8}) {
      for (const int64_t rows : {5, 7, 8, 11, 13, 17, 22, 29, 33}) {
        std::optional<std::vector<int>> order;
        for (const int64_t units : {1, 2, 3, 4, 6, 8, 16, 64}) {
          CAPTURE(registers);
          CAPTURE(high);
          CAPTURE(rows);
          CAPTURE(units);
          device.units.value = units;
          const std::vector<int> all = planned(window(rows, high), device).tile.order;
          const std::vector<int> sums(all.end() - 2, all.end());
          if (order) CHECK(*order == sums);
          order = sums;
        }
      }
    }
  }
}

TEST_CASE("rows: what windows of neighbours share is loaded once in a turn of the loop") {
  hwdb::Description device = cached(32 << 10, 1 << 20);
  device.vectorRegisters.value = 32;
  const auto columnsOf = [&](int64_t stride, int64_t rows) {
    const std::string result = std::to_string(rows) + ", " + std::to_string(rows);
    return "graph @g(%x: f32[2, 6, 20, 20]) -> (\"y\") {\n  %y = window %x {dilations = [1, 1, 1, "
           "1], "
           "fn = add, pads = [0, 0, 1, 1, 0, 0, 1, 1], strides = [1, 1, " +
           std::to_string(stride) + ", 1], window = [1, 1, 5, 3]} : f32[2, 6, " +
           std::to_string(rows) + ", 20]\n  return %y\n}";
  };
  // Axes: batch and channel, row, column | row and column of the window.
  const Planned made = planned(columnsOf(1, 18), device);
  REQUIRE(made.tile.laneAxis == 2);
  REQUIRE(made.tile.order.back() == 3);
  CHECK(made.tile.reg[3] == 5);
  CHECK(made.tile.reg[1] > 2);
  test::checkGraphOn(device, columnsOf(1, 18));
  test::checkGraphOn(device, columnsOf(2, 9));
  // Where no row shares what another reads, loops stay in the order of memory.
  const Planned apart = planned(columnsOf(5, 4), device);
  CHECK(apart.tile.order.back() == 4);
}
