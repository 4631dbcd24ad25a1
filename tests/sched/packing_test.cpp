// Copies in panels of operands that are no constants: where the description says that they pay.
#include <doctest/doctest.h>

#include "sched/task_set.h"
#include "tests/common/harness.h"

using namespace quartet;

namespace {

hwdb::Description device(double steps, int64_t stride) {
  hwdb::Description d = test::vectorCpu();
  d.packedCopySteps = {steps, hwdb::Provenance::Derived, "test"};
  d.packedCopyStride = {stride, hwdb::Provenance::Derived, "test"};
  return d;
}

size_t taskSetsOf(std::string_view text, const hwdb::Description& device) {
  return sched::taskSets(test::planned(test::expressed(text), device)).size();
}

// 33 steps for each element of %w, whose rows lie 200 bytes apart.
constexpr std::string_view kPlain = R"(graph @g(%x: f32[33, 20], %w: f32[20, 50]) -> ("y") {
  %y = contract %x, %w {lhs = [0, 2], out = [0, 1], rhs = [2, 1]} : f32[33, 50]
  return %y
})";

// The same of a transposed %w: no vector of it lies together.
constexpr std::string_view kTransposed = R"(graph @g(%x: f32[33, 20], %w: f32[50, 20]) -> ("y") {
  %y = contract %x, %w {lhs = [0, 2], out = [0, 1], rhs = [1, 2]} : f32[33, 50]
  return %y
})";

}  // namespace

TEST_CASE("packing: a copy is made from as many steps per element on as the device asks for") {
  CHECK(taskSetsOf(kPlain, device(33, 200)) == 2);
  CHECK(taskSetsOf(kPlain, device(34, 200)) == 1);
  CHECK(taskSetsOf(kPlain, test::vectorCpu()) == 1);  // a device that does not say
}

TEST_CASE("packing: operands whose steps lie close are read where they are") {
  CHECK(taskSetsOf(kPlain, device(1, 201)) == 1);
  CHECK(taskSetsOf(kTransposed, device(33, 1 << 20)) == 2);
}

TEST_CASE("packing: transposed operands run along lanes") {
  const ir::Module plan = test::planned(test::expressed(kTransposed), device(8, 64));
  const std::vector<ir::OpId> sets = sched::taskSets(plan);
  REQUIRE(sets.size() == 2);
  const auto tileOf = [&](ir::OpId tasks) {
    return plan.op(sched::governingTile(plan, tasks)).attributes.get<ir::Tile>("tile");
  };
  CHECK(tileOf(sets[1]).laneAxis == 1);
  CHECK(tileOf(sets[1]).reg[0] > 1);  // rows share what a step loads
  CHECK(tileOf(sets[0]).lanes > 1);
}

TEST_CASE("packing: what is read twice, under guards or with extents still open stays") {
  CHECK(taskSetsOf(R"(graph @g(%x: f32[33, 20], %w: f32[40, 50]) -> ("y") {
    %y = compute %x, %w {expr = {reduce (33, 50 | 20) init (0.0:f32) each (mul(in0[d0, r0], add(in1[r0, d1], in1[r0 + 20, d1]))) combine (add(s0, e0)) commutative -> (s0)}} : f32[33, 50]
    return %y
  })",
                   device(1, 1)) == 1);
  CHECK(taskSetsOf(R"(graph @g(%x: f32[33, 20], %w: f32[20, 50]) -> ("y") {
    %y = compute %x, %w {expr = {reduce (33, 50 | 20) init (0.0:f32) each (mul(in0[d0, r0], in1[r0, d1] if (lt(d0, 30)) else 0.0:f32)) combine (add(s0, e0)) commutative -> (s0)}} : f32[33, 50]
    return %y
  })",
                   device(1, 1)) == 1);
  const auto batched = [](const std::string& batch, const std::string& symbols) {
    return "graph @g(%x: f32[" + batch + ", 33, 20], %w: f32[" + batch + ", 20, 50]) -> (\"y\") " +
           symbols +
           "{\n  %y = contract %x, %w {lhs = [0, 1, 3], out = [0, 1, 2], rhs = [0, 3, 2]} : f32[" +
           batch + ", 33, 50]\n  return %y\n}";
  };
  CHECK(taskSetsOf(batched("2", ""), device(1, 1)) == 2);
  CHECK(taskSetsOf(batched("N", "symbols {N: 1..64 multiple 1} "), device(1, 1)) == 1);
}

namespace {

/// Two caches, of which the outer one has so many ways; 0: not said.
hwdb::Description withWays(int64_t ways) {
  hwdb::Description d = test::cachedCpu(8 << 10, 128 << 10, 4);
  d.packedCopySteps = {8, hwdb::Provenance::Derived, "test"};
  d.packedCopyStride = {1 << 20, hwdb::Provenance::Derived, "test"};
  if (ways > 0) d.memory[0].ways = {ways, hwdb::Provenance::Derived, "test"};
  return d;
}

std::string product(int64_t rows, int64_t steps, const std::string& dtype = "f32") {
  const std::string m = std::to_string(rows);
  const std::string k = std::to_string(steps);
  return "graph @g(%x: " + dtype + "[" + m + ", " + k +
         "]) -> (\"y\") {\n  %w = constant {hash = \"w\"} : " + dtype + "[" + k +
         ", 64]\n  %y = contract %x, %w {lhs = [0, 2], out = [0, 1], rhs = [2, 1]} : " + dtype +
         "[" + m + ", 64]\n  return %y\n}\nconstant \"w\" " + dtype + "[" + k + ", 64] = elided";
}

}  // namespace

TEST_CASE("packing: rows that would displace one another in the cache are laid together") {
  // 16 KiB per way: rows of 4096 elements begin at one and the same place of it, 128 of them are
  // more than 8 ways; those of 4112 lie a line apart.
  CHECK(taskSetsOf(product(128, 4096), withWays(8)) == 2);
  CHECK(taskSetsOf(product(128, 4112), withWays(8)) == 1);
  CHECK(taskSetsOf(product(128, 4096), withWays(0)) == 1);
  const ir::Module plan = test::planned(test::expressed(product(128, 4096)), withWays(8));
  const std::vector<ir::OpId> sets = sched::taskSets(plan);
  const ir::OpId anchor = sched::governingTile(plan, sets.back());
  const auto& tile = plan.op(anchor).attributes.get<ir::Tile>("tile");
  REQUIRE(tile.group[2] < 4096);
  const ir::Layout& layout = plan.type(plan.op(anchor).operands[0]).layout;
  REQUIRE(layout.axes.size() == 3);
  CHECK(layout.axes[0] == ir::Layout::Axis{0, tile.reg[0], 0});
  CHECK(layout.axes[1] == ir::Layout::Axis{1, 1, 0});
  CHECK(layout.axes[2] == ir::Layout::Axis{0, 1, tile.reg[0]});
  // Integers: sums so long are compared exactly.
  CHECK(taskSetsOf(product(100, 4096, "i32"), withWays(8)) == 2);
  test::checkGraphOn(withWays(8), product(100, 4096, "i32"));
}

TEST_CASE("packing: copies give the same results") {
  const auto check = [](const std::string& text) {
    CAPTURE(text);
    CHECK(taskSetsOf(text, device(1, 1)) > 1);
    test::checkGraphOn(device(1, 1), text);
  };
  const auto product = [](int64_t batch, int64_t m, int64_t n, int64_t k, bool transposed) {
    const auto list = [](std::initializer_list<int64_t> values) {
      std::string text;
      for (const int64_t value : values) text += (text.empty() ? "" : ", ") + std::to_string(value);
      return "f32[" + text + "]";
    };
    const std::string w = transposed ? list({batch, n, k}) : list({batch, k, n});
    return "graph @g(%x: " + list({batch, m, k}) + ", %w: " + w + ") -> (\"y\") {\n" +
           "  %y = contract %x, %w {lhs = [0, 1, 3], out = [0, 1, 2], rhs = " +
           (transposed ? "[0, 2, 3]" : "[0, 3, 2]") + "} : " + list({batch, m, n}) +
           "\n  return %y\n}";
  };
  for (const bool transposed : {false, true}) {
    check(product(1, 33, 50, 20, transposed));
    check(product(3, 17, 29, 7, transposed));
    check(product(2, 5, 8, 2, transposed));
    check(product(1, 9, 131, 3, transposed));
  }
}
