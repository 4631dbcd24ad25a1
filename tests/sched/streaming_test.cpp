// Which writes go past the caches.
#include "sched/roller/streaming.h"

#include <doctest/doctest.h>

#include "ir/text.h"
#include "sched/task_set.h"
#include "tests/common/harness.h"

using namespace quartet;

namespace {

hwdb::Description cached(int64_t bytes, hwdb::Description device = test::vectorCpu()) {
  device.memory = {test::cache("L2", bytes)};
  return device;
}

std::string rectified(const std::string& shape, const std::string& symbols = "") {
  return "graph @g(%x: f32[" + shape + "]) -> (\"y\") " + symbols +
         "{\n  %z = constant {hash = \"z\"} : f32[]\n  %y = max %x, %z : f32[" + shape +
         "]\n  return %y\n}\nconstant \"z\" f32[] = [0.0]";
}

bool streams(const std::string& text, const hwdb::Description& device) {
  const ir::Module plan = test::planned(test::expressed(text), device);
  const runtime::Program program = test::lowered(plan, device);
  const bool marked = ir::print(plan).find("streams = 1") != std::string::npos;
  bool stored = false;
  for (const ir::Module& kernel : program.kernels) {
    stored |= ir::print(kernel).find("streams = 1") != std::string::npos;
  }
  CHECK(marked == stored);
  return marked;
}

}  // namespace

TEST_CASE("streams: what is larger than the largest cache, where lanes lie together") {
  constexpr int64_t kBytes = int64_t{40} * 64 * 4;
  const std::string text = rectified("40, 64");
  CHECK(streams(text, cached(kBytes - 1)));
  CHECK_FALSE(streams(text, cached(kBytes)));
  CHECK_FALSE(streams(text, cached(0)));
  hwdb::Description two = cached(1 << 10);
  two.memory.insert(two.memory.begin(), test::cache("L3", 1 << 20));
  CHECK_FALSE(streams(text, two));
  test::checkGraphOn(cached(1 << 10), text);
}

TEST_CASE("streams: rows that share lines with others do not, nor do workgroups") {
  const auto columns = [](const std::string& n) {
    return "graph @g(%x: f32[40, 8, " + n +
           "]) -> (\"y\") {\n  %y = reduce %x {axes = [1], fn = add, "
           "keepdims = 0} : f32[40, " +
           n + "]\n  return %y\n}";
  };
  CHECK(streams(columns("64"), cached(1 << 10)));
  CHECK_FALSE(streams(columns("63"), cached(1 << 10)));
  hwdb::Description wide = cached(1 << 10);
  wide.memory[0].lineBytes.value = 512;  // two rows
  CHECK_FALSE(streams(columns("64"), wide));
  test::checkGraphOn(cached(1 << 10), columns("64"));
  CHECK_FALSE(streams(rectified("40, 64"), cached(1 << 10, test::weakGpu())));
}

TEST_CASE("streams: rows that are written at a time take longer, parts of lines that leave too") {
  hwdb::Description device = test::cachedCpu(16 << 10, 64 << 10);
  hwdb::MemoryLevel memory = test::cache("memory", int64_t{1} << 30, 4);
  memory.kind = hwdb::MemoryLevel::Kind::Device;
  device.memory.insert(device.memory.begin(), memory);
  const auto cycles = [&](const std::string& text, std::vector<int64_t> reg, int laneAxis) {
    const ir::Module plan = test::planned(test::expressed(text), device);
    const sched::TaskView view = sched::viewOf(plan, sched::taskSets(plan).back(), {});
    ir::Tile tile = plan.op(view.anchor).attributes.get<ir::Tile>("tile");
    tile.reg = std::move(reg);
    tile.laneAxis = laneAxis;
    tile.group = view.extents;
    return sched::scatteredWriteCycles(view, tile, device);
  };
  const auto pool = [](int64_t images) {
    const std::string n = std::to_string(images);
    return "graph @g(%x: f32[" + n + R"(, 40, 48]) -> ("y") {
  %y = window %x {dilations = [1, 1, 1], fn = max, pads = [0, 1, 1, 0, 1, 1], strides = [1, 1, 1], window = [1, 3, 3]} : f32[)" +
           n + ", 40, 48]\n  return %y\n}";
  };
  CHECK(cycles(pool(40), {1, 1, 8, 1, 1}, 2) == 0);
  const double few = cycles(pool(40), {1, 2, 8, 1, 1}, 2);
  CHECK(few > 0);
  CHECK(cycles(pool(40), {1, 6, 8, 1, 1}, 2) > 4 * few);
  CHECK(cycles(pool(40), {1, 12, 8, 1, 1}, 2) == cycles(pool(40), {1, 6, 8, 1, 1}, 2));
  CHECK(cycles(pool(40), {1, 6, 48, 1, 1}, 2) < cycles(pool(40), {1, 6, 8, 1, 1}, 2));
  CHECK(cycles(pool(2), {1, 6, 8, 1, 1}, 2) == 0);   // stays in the second cache
  CHECK(cycles(pool(40), {1, 8, 6, 1, 1}, 1) == 0);  // nothing that lanes store together

  // Columns of vectors, each over all rows: 8 of the 16 elements of a line leave before the rest.
  const std::string product = R"(graph @g(%x: f32[2000, 3], %w: f32[3, 64]) -> ("y") {
  %y = contract %x, %w {lhs = [0, 2], out = [0, 1], rhs = [2, 1]} : f32[2000, 64]
  return %y
})";
  const double halves = cycles(product, {1, 8, 3}, 1);
  CHECK(halves > 0);
  CHECK(cycles(product, {4, 8, 3}, 1) == doctest::Approx(halves));
  CHECK(cycles(product, {1, 64, 3}, 1) < halves / 2);
}
