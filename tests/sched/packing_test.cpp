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
