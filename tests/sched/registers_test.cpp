// Register tiles of reductions that carry several values from step to step.
#include <doctest/doctest.h>

#include <algorithm>

#include "ir/text.h"
#include "sched/task_set.h"
#include "tests/common/harness.h"
#include "tests/sched/properties.h"

using namespace quartet;

namespace {

struct NamedReduction {
  const char* name;
  const char* text;
};

// One result of [40, 96] out of products of [40, 24] and [24, 96]: rows and columns to reuse.
constexpr NamedReduction kReductions[] = {
    {"the largest product and its position",
     R"(graph @g(%x: f32[40, 24], %w: f32[24, 96]) -> ("y") {
      %y = compute %x, %w {expr = {reduce (40, 96 | 24) init (-inf:f32, 9223372036854775807) each (mul(in0[d0, r0], in1[r0, d1]), r0) combine (select(gt(e0, s0), e0, s0), select(gt(e0, s0), e1, s1)) sequential -> (s1)}} : i64[40, 96]
      return %y
    })"},
    {"count, mean and squared deviations (Welford)",
     R"(graph @g(%x: f32[40, 24], %w: f32[24, 96]) -> ("y") {
      %y = compute %x, %w {expr = {reduce (40, 96 | 24) init (0.0:f32, 0.0:f32, 0.0:f32) each (1.0:f32, mul(in0[d0, r0], in1[r0, d1]), 0.0:f32) combine (add(s0, e0), add(s1, div(sub(e1, s1), add(s0, e0))), add(s2, mul(sub(e1, s1), sub(e1, add(s1, div(sub(e1, s1), add(s0, e0))))))) sequential -> (div(s2, s0))}} : f32[40, 96]
      return %y
    })"},
    {"maximum and sum of exponentials (softmax)",
     R"(graph @g(%x: f32[40, 24], %w: f32[24, 96]) -> ("y") {
      %y = compute %x, %w {expr = {reduce (40, 96 | 24) init (-100.0:f32, 0.0:f32) each (mul(in0[d0, r0], in1[r0, d1]), 1.0:f32) combine (max(s0, e0), add(mul(s1, exp(sub(s0, max(s0, e0)))), mul(e1, exp(sub(e0, max(s0, e0)))))) sequential -> (add(s0, log(s1)))}} : f32[40, 96]
      return %y
    })"},
    {"a sum of doubles", R"(graph @g(%x: f64[40, 24], %w: f64[24, 96]) -> ("y") {
      %y = compute %x, %w {expr = {reduce (40, 96 | 24) init (0.0:f64) each (mul(in0[d0, r0], in1[r0, d1])) combine (add(s0, e0)) commutative -> (s0)}} : f64[40, 96]
      return %y
    })"},
};

ir::Tile reductionTile(const ir::Module& plan) {
  const std::vector<ir::OpId> sets = sched::taskSets(plan);
  REQUIRE(sets.size() == 1);
  return plan.op(sched::governingTile(plan, sets[0])).attributes.get<ir::Tile>("tile");
}

int64_t points(const ir::Tile& tile) { return tile.reg[0] * tile.reg[1]; }

}  // namespace

TEST_CASE("register tiles leave room for all values of a reduction's state") {
  for (const NamedReduction& reduction : kReductions) {
    CAPTURE(reduction.name);
    const ir::Module graph = test::expressed(reduction.text);
    for (hwdb::Description device : {test::vectorCpu(), test::weakGpu(), test::scalarGpu()}) {
      device.vectorRegisters.value = std::min<int64_t>(device.vectorRegisters.value, 16);
      const ir::Module plan = test::planned(graph, device);
      CHECK(test::tileBeyondLimits(plan, device).value_or("") == "");
      CHECK(points(reductionTile(plan)) > 0);
    }
    test::checkGraph(reduction.text);
  }
}

TEST_CASE("more state values make smaller register tiles") {
  hwdb::Description device = test::vectorCpu();
  device.vectorRegisters.value = 16;  // the best tile for one state fits, three times it does not
  const auto tile = [&](const std::string& states, const std::string& elements,
                        const std::string& combine, const std::string& result) {
    const std::string text =
        R"(graph @g(%x: f32[40, 24], %w: f32[24, 96]) -> ("y") {
        %y = compute %x, %w {expr = {reduce (40, 96 | 24) init ()" +
        states + ") each (" + elements + ") combine (" + combine + ") commutative -> (" + result +
        R"()}} : f32[40, 96]
        return %y
      })";
    return reductionTile(test::planned(test::expressed(text), device));
  };
  const std::string zero = "0.0:f32";
  const std::string product = "mul(in0[d0, r0], in1[r0, d1])";
  const ir::Tile one = tile(zero, product, "add(s0, e0)", "s0");
  const ir::Tile two =
      tile(zero + ", " + zero, product + ", " + product, "add(s0, e0), max(s1, e1)", "add(s0, s1)");
  const ir::Tile three =
      tile(zero + ", " + zero + ", " + zero, product + ", " + product + ", " + product,
           "add(s0, e0), max(s1, e1), min(s2, e2)", "add(s0, add(s1, s2))");
  CHECK(points(one) <= 16 * 16);
  CHECK(points(two) < points(one));
  CHECK(2 * points(two) <= 16 * 16);
  CHECK(points(three) < points(two));
  CHECK(3 * points(three) <= 16 * 16);
}

TEST_CASE("what a reduction unrolls stays small, the dearer its step the smaller") {
  // 8 steps whose operands nothing else reads: only code limits how many are unrolled.
  const auto steps = [](const std::string& dtype, const std::string& lowest,
                        const std::string& element, const hwdb::Description& device) {
    const std::string type = dtype + "[8, 56]";
    const ir::Tile tile = reductionTile(test::planned(
        test::expressed("graph @g(%x: " + type + ", %y: " + type + ") -> (\"z\") {\n" +
                        "  %z = compute %x, %y {expr = {reduce (56 | 8) init (" + lowest +
                        ") each (" + element + ") combine (max(s0, e0)) commutative -> (s0)}} : " +
                        dtype + "[56]\n  return %z\n}"),
        device));
    return tile.reg[0] * tile.reg[1] / tile.lanes;
  };
  const std::string both = "(in0[r0, d0], in1[r0, d0])";
  for (hwdb::Description device : {test::vectorCpu(), test::weakGpu(), test::scalarGpu()}) {
    device.machineUnits = {1, hwdb::Provenance::Queried, "test"};  // no parts
    CHECK(steps("f32", "-inf:f32", "add" + both, device) >= 8);
    CHECK(steps("f32", "-inf:f32", "exp(sub" + both + ")", device) >= 8);
    // Each a loop over the exponent's bits.
    for (const std::string dtype : {"i32", "i64", "u32"}) {
      const int64_t powers = steps(dtype, "0:" + dtype, "pow" + both, device);
      CHECK_MESSAGE((powers == 1 || powers == 2), dtype, powers);
    }
  }
  // The same when Welder joins the powers to the reduction.
  const ir::Tile joined = reductionTile(
      test::planned(test::expressed(R"(graph @g(%x: i32[8, 56], %y: i32[8, 56]) -> ("z") {
        %p = pow %x, %y : i32[8, 56]
        %z = reduce %p {axes = [0], fn = max} : i32[56]
        return %z
      })"),
                    test::scalarGpu()));
  CHECK(joined.reg[0] * joined.reg[1] / joined.lanes <= 2);
}
