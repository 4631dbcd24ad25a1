// What task sets move, counted by hand.
#include "sched/cost/traffic.h"

#include <doctest/doctest.h>

#include "sched/cost/roofline.h"
#include "sched/pipeline.h"
#include "tests/common/harness.h"

using namespace quartet;

namespace {

/// Elements of 4 bytes that all task sets of the graph move, joined by Welder, without tiles.
double elementsMoved(std::string_view text) {
  const hwdb::Description device = test::vectorCpu();
  const sched::Env env{device, sched::roofline, {.roller = false}};
  auto plan = sched::runStage("grinder", test::expressed(text), env);
  if (plan) plan = sched::runStage("welder", *std::move(plan), env);
  if (!plan) FAIL(plan.error().str());
  double bytes = 0;
  for (ir::OpId tasks : sched::taskSets(*plan)) {
    const ir::OpId anchor = sched::governingTile(*plan, tasks);
    const double moved =
        sched::trafficBytes(*plan, sched::accessesOf(*plan, tasks, anchor),
                            sched::extentsOf(plan->op(anchor).attributes.expr(), plan->symbols));
    CHECK(plan->op(tasks).attributes.get<double>("bytes") == moved);
    bytes += moved;
  }
  return bytes / 4;
}

}  // namespace

TEST_CASE("traffic: every element of every operand once, however often it is read") {
  CHECK(elementsMoved(R"(graph @g(%x: f32[30, 40], %w: f32[40, 50]) -> ("y") {
    %y = contract %x, %w {lhs = [0, 2], out = [0, 1], rhs = [2, 1]} : f32[30, 50]
    return %y
  })") == 30 * 40 + 40 * 50 + 30 * 50);
  CHECK(elementsMoved(R"(graph @g(%x: f32[8, 9], %b: f32[9]) -> ("y") {
    %s = add %x, %b : f32[8, 9]
    %y = mul %s, %x : f32[8, 9]
    return %y
  })") == 8 * 9 + 9 + 8 * 9);
}

TEST_CASE("traffic: guards keep what is outside of an operand out of the count") {
  CHECK(elementsMoved(R"(graph @g(%x: f32[1, 4, 10, 10], %w: f32[6, 4, 3, 3]) -> ("y") {
    %y = conv %x, %w {dilations = [1, 1], group = 1, pads = [1, 1, 1, 1], strides = [1, 1]} : f32[1, 6, 10, 10]
    return %y
  })") == 4 * 100 + 6 * 4 * 9 + 6 * 100);
}

TEST_CASE("traffic: a part of an operand counts as the part") {
  CHECK(elementsMoved(R"(graph @g(%x: f32[100, 8]) -> ("y") {
    %y = slice %x {starts = [20, 2], steps = [1, 1]} : f32[30, 5]
    return %y
  })") == 2 * 30 * 5);
  // Every other position of a step of two.
  CHECK(elementsMoved(R"(graph @g(%x: f32[1, 4, 8, 8], %w: f32[6, 4, 1, 1]) -> ("y") {
    %y = conv %x, %w {dilations = [1, 1], group = 1, pads = [0, 0, 0, 0], strides = [2, 2]} : f32[1, 6, 4, 4]
    return %y
  })") == 4 * 16 + 6 * 4 + 6 * 16);
  // Both halves of what is read: two boxes apart, not the box around them.
  CHECK(elementsMoved(R"(graph @g(%x: f32[100]) -> ("y") {
    %a = slice %x {starts = [0], steps = [1]} : f32[10]
    %b = slice %x {starts = [90], steps = [1]} : f32[10]
    %y = add %a, %b : f32[10]
    return %y
  })") == 10 + 10 + 10);
}

TEST_CASE("traffic: a gather counts what it takes, not the table") {
  CHECK(elementsMoved(R"(graph @g(%x: f32[5000, 16], %i: i32[7]) -> ("y") {
    %y = gather %x, %i {axis = 0} : f32[7, 16]
    return %y
  })") == 7 * 16 + 7 + 7 * 16);
}
