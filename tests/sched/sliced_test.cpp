// Reductions that columns of register tiles go through slice by slice.
#include <doctest/doctest.h>

#include "ir/text.h"
#include "ir/verifier.h"
#include "sched/task_set.h"
#include "tests/common/harness.h"

using namespace quartet;

namespace {

/// A small innermost cache, and one behind it that gives so many bytes per cycle (0: not known).
hwdb::Description cached(double bytesPerCycle, int64_t innerBytes, int64_t outerBytes = 1 << 20) {
  return test::cachedCpu(innerBytes, outerBytes, bytesPerCycle);
}

/// x w, of `rows` rows and `steps` products per result.
std::string matmul(int64_t rows, int64_t steps, int64_t columns) {
  const std::string m = std::to_string(rows);
  const std::string k = std::to_string(steps);
  const std::string n = std::to_string(columns);
  return "graph @g(%x: f32[" + m + ", " + k + "], %w: f32[" + k + ", " + n +
         "]) -> (\"y\") {\n  %y = contract %x, %w {lhs = [0, 2], out = [0, 1], rhs = [2, 1]} : "
         "f32[" +
         m + ", " + n + "]\n  return %y\n}";
}

/// Sums as they stand.
const sched::Options kDirect{.winograd = false};

ir::Tile tileOf(const std::string& text, const hwdb::Description& device) {
  const ir::Module plan = test::planned(test::expressed(text), device, kDirect);
  const std::vector<ir::OpId> sets = sched::taskSets(plan);
  return plan.op(sched::governingTile(plan, sets.back())).attributes.get<ir::Tile>("tile");
}

}  // namespace

TEST_CASE("slices: panels that the innermost cache does not keep are cut so that it does") {
  const std::string text = matmul(448, 1024, 512);
  const ir::Tile sliced = tileOf(text, cached(8, 32 << 10));
  REQUIRE(sliced.laneAxis == 1);
  CHECK(sliced.group[2] < 1024);
  CHECK(sliced.group[2] % sliced.reg[2] == 0);
  // A slice of a panel takes half of the cache at most.
  CHECK(sliced.group[2] * sliced.reg[1] * 4 <= 16 << 10);
  // Half the cache: shorter slices, or narrower panels.
  const ir::Tile smaller = tileOf(text, cached(8, 16 << 10));
  CHECK(smaller.group[2] * smaller.reg[1] * 4 <= 8 << 10);
  // Nothing is known of the level behind, or all stays in the first.
  CHECK(tileOf(text, cached(0, 32 << 10)).group[2] == 1024);
  CHECK(tileOf(text, cached(8, 1 << 20)).group[2] == 1024);
  // One tile of rows reads every panel once in any case.
  CHECK(tileOf(matmul(4, 1024, 512), cached(8, 32 << 10)).group[2] == 1024);
}

TEST_CASE("slices: the states of a group keep to their part of the outer cache") {
  for (const int64_t outer : {1 << 20, 1 << 17, 1 << 14}) {
    const ir::Tile tile = tileOf(matmul(1344, 512, 640), cached(8, 16 << 10, outer));
    INFO(tile.str());
    if (outer >= 1 << 17) REQUIRE(tile.group[2] < 512);
    if (tile.group[2] < 512) CHECK(tile.group[0] * tile.group[1] * 4 <= outer / 4);
    // Several columns, so that rows are read again while they are near.
    if (outer == 1 << 20) CHECK(tile.group[1] > tile.reg[1]);
    if (outer == 1 << 20) CHECK(tile.group[0] > tile.reg[0]);
  }
  // Where not even two tiles fit, a column goes through the whole reduction.
  CHECK(tileOf(matmul(1344, 512, 64), cached(8, 16 << 10, 1 << 12)).group[2] == 512);
}

TEST_CASE("slices: extents without divisors are cut too, the last slice is shorter") {
  const ir::Tile tile = tileOf(matmul(448, 1021, 512), cached(8, 32 << 10));
  INFO(tile.str());
  CHECK(tile.group[2] < 1021);
  CHECK(tile.reg[2] == 1);
  const ir::Tile even = tileOf(matmul(448, 1018, 512), cached(8, 32 << 10));  // 2 * 509
  INFO(even.str());
  CHECK(even.group[2] < 1018);
  CHECK(even.group[2] % 2 == 0);
}

TEST_CASE("slices: the right values, whatever is cut") {
  const hwdb::Description device = cached(4, 8 << 10);
  REQUIRE(tileOf(matmul(75, 96, 50), device).group[2] < 96);
  test::checkGraphOn(device, matmul(75, 96, 50));
  test::checkGraphOn(device, matmul(64, 128, 64));
  REQUIRE(tileOf(matmul(75, 97, 50), device).group[2] < 97);
  test::checkGraphOn(device, matmul(75, 97, 50));
  test::checkGraphOn(device, matmul(75, 94, 130));
  // One of three axes of the reduction is cut, and something comes on top.
  const std::string conv = R"(graph @g(%x: f32[2, 20, 9, 11], %b: f32[1, 24, 1, 1]) -> ("y") {
    %w = constant {hash = "w"} : f32[24, 20, 3, 3]
    %c = conv %x, %w {dilations = [1, 1], group = 1, pads = [1, 1, 1, 1], strides = [1, 1]} : f32[2, 24, 9, 11]
    %d = add %c, %b : f32[2, 24, 9, 11]
    %y = abs %d : f32[2, 24, 9, 11]
    return %y
  }
  constant "w" f32[24, 20, 3, 3] = elided)";
  const hwdb::Description larger = cached(4, 16 << 10);
  const ir::Tile tile = tileOf(conv, larger);
  INFO(tile.str());
  REQUIRE(tile.group[4] < 20);
  test::checkGraphOn(larger, conv, kDirect);
}

TEST_CASE("slices: the steps that are unrolled divide them") {
  const auto verdict = [](const std::string& tile) {
    const std::string text =
        "plan @p(%x: buffer<f32[32, 8]>, %y: buffer<f32[32, 32]>) -> (\"y\") {\n  seq {\n"
        "    tasks {name = \"t0\"} {\n      %t = tile %x {expr = {reduce (32, 32 | 8) init "
        "(0.0:f32) each (mul(in0[d0, r0], in0[d1, r0])) combine (add(s0, e0)) commutative -> "
        "(s0)}, tile = tile(" +
        tile +
        ", lane 1 x 16, order [1, 0, 2])} : f32[32, 32]\n      write %t, %y\n    }\n  }\n"
        "  return\n}\n";
    auto plan = ir::parse(text);
    if (!plan) FAIL(plan.error().str());
    const Status status = ir::verify(*plan);
    return status ? std::string() : status.error().str();
  };
  CHECK(verdict("group [32, 32, 4], reg [4, 16, 2]") == "");
  CHECK(verdict("group [32, 32, 3], reg [4, 16, 1]") == "");
  CHECK(verdict("group [32, 32, 2], reg [4, 16, 4]").find("slices of 2") != std::string::npos);
}
