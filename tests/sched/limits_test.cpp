// Limits of a device that plans keep to.
#include <doctest/doctest.h>

#include <algorithm>
#include <set>

#include "ir/text.h"
#include "sched/cost/roofline.h"
#include "sched/pipeline.h"
#include "sched/task_set.h"
#include "tests/common/harness.h"

using namespace quartet;

namespace {

/// The most buffers that a task set of the plan binds.
size_t mostBindings(const ir::Module& plan) {
  size_t most = 0;
  for (ir::OpId tasks : sched::taskSets(plan)) {
    std::set<ir::ValueId> buffers;
    for (ir::OpId id : plan.region(plan.op(tasks).regions[0]).ops) {
      for (ir::ValueId operand : plan.op(id).operands) {
        if (plan.type(operand).kind == ir::Type::Kind::Buffer) buffers.insert(operand);
      }
    }
    most = std::max(most, buffers.size());
  }
  return most;
}

ir::Tile onlyTile(const ir::Module& plan) {
  const std::vector<ir::OpId> sets = sched::taskSets(plan);
  REQUIRE(sets.size() == 1);
  return plan.op(sched::governingTile(plan, sets[0])).attributes.get<ir::Tile>("tile");
}

std::string numbered(const char* name, int i) { return name + std::to_string(i); }

/// A graph of f32[6, 20] inputs %x0, %x1, ... and the ops `body`, which give %y.
std::string graphOf(int inputs, const std::string& body) {
  std::string text = "graph @g(";
  for (int i = 0; i < inputs; ++i) {
    text += numbered(i == 0 ? "%x" : ", %x", i) + ": f32[6, 20]";
  }
  return text + ") -> (\"y\") {\n" + body + "return %y\n}";
}

/// %NAME = the sum of `count` inputs from `first` on, one after the other.
std::string sum(const std::string& name, int first, int count) {
  std::string text;
  std::string before = numbered("%x", first);
  for (int i = 1; i < count; ++i) {
    const std::string to = i + 1 == count ? name : name + "_" + std::to_string(i);
    text += to + " = add " + before + ", " + numbered("%x", first + i) + " : f32[6, 20]\n";
    before = to;
  }
  return text;
}

void checkBindings(const std::string& text, const std::vector<int64_t>& limits) {
  for (const int64_t limit : limits) {
    CAPTURE(limit);
    hwdb::Description device = test::vectorCpu();
    device.maxBindings.value = limit;
    const ir::Module graph = test::expressed(text);
    const ir::Module plan = test::planned(graph, device);
    CHECK(mostBindings(plan) <= static_cast<size_t>(limit));
    device.maxBindings.value = 4096;
    CHECK(mostBindings(test::planned(graph, device)) > static_cast<size_t>(limit));
  }
  test::checkGraph(text);
}

}  // namespace

TEST_CASE("limits: a chain of sums is cut where a kernel would bind too much") {
  checkBindings(graphOf(24, sum("%y", 0, 24)), {3, 4, 5, 8, 16});
}

TEST_CASE("limits: several producers of one reader share its bindings") {
  std::string body;
  for (int i = 0; i < 4; ++i) body += sum(numbered("%s", i), 5 * i, 5);
  body +=
      "%y = compute %s0, %s1, %s2, %s3 {expr = {map (6, 20) -> (sub(mul(in0[d0, d1], in1[d0, d1]), "
      "mul(in2[d0, d1], in3[d0, d1])))}} : f32[6, 20]\n";
  checkBindings(graphOf(20, body), {5, 8, 16});
}

TEST_CASE("limits: what a reduction reads and what is computed on top of it count together") {
  const std::string body = sum("%s", 0, 8) +
                           "%r = reduce %s {axes = [1], fn = add} : f32[6]\n"
                           "%a = slice %x8 {starts = [0, 3], steps = [1, 1]} : f32[6, 1]\n"
                           "%b = slice %x9 {starts = [0, 4], steps = [1, 1]} : f32[6, 1]\n"
                           "%c = slice %x10 {starts = [0, 5], steps = [1, 1]} : f32[6, 1]\n"
                           "%d = reshape %a : f32[6]\n"
                           "%e = reshape %b : f32[6]\n"
                           "%f = reshape %c : f32[6]\n"
                           "%g = add %r, %d : f32[6]\n"
                           "%h = mul %g, %e : f32[6]\n"
                           "%y = sub %h, %f : f32[6]\n";
  checkBindings(graphOf(11, body), {3, 4, 6, 9, 10, 11});
}

TEST_CASE("limits: vectors of 64-bit integers only where the device has them") {
  const ir::Module graph = test::expressed(R"(graph @g(%x: i64[5, 64]) -> ("y") {
    %y = add %x, %x : i64[5, 64]
    return %y
  })");
  hwdb::Description device = test::weakGpu();
  REQUIRE(device.vectorLanes.value == 4);
  device.int64.value = false;
  CHECK(onlyTile(test::planned(graph, device)).lanes == 1);
  device.int64.value = true;
  CHECK(onlyTile(test::planned(graph, device)).lanes == 4);
}

TEST_CASE("limits: lanes lie along channels that guards part at whole vectors only") {
  // Two operands one after the other, their channels innermost in memory, unlike the result's.
  const auto laneAxis = [](int64_t first, const std::string& guard) {
    const std::string n = std::to_string(first);
    const std::string text =
        "plan @p(%a: buffer<f32[1, " + n + ", 5, 7], [a0, a2, a3, a1]>, %b: buffer<f32[1, " +
        std::to_string(64 - first) +
        ", 5, 7], [a0, a2, a3, a1]>, %y: buffer<f32[1, 64, 5, 7]>) -> (\"y\") {\n"
        "  seq {\n    tasks {name = \"t0\"} {\n"
        "      %t = tile %a, %b {expr = {map (1, 64, 5, 7) -> (add(in0[d0, d1, d2, d3] if (" +
        guard + ") else 0.0:f32, in1[d0, d1 - " + n + ", d2, d3] if (ge(d1, " + n +
        ")) else 0.0:f32))}, tile = tile()} : f32[1, 64, 5, 7]\n"
        "      write %t, %y\n    }\n  }\n  return\n}\n";
    auto plan = ir::parse(text);
    if (!plan) FAIL(plan.error().str());
    const hwdb::Description device = test::vectorCpu();
    auto tiled = sched::runStage("roller", *std::move(plan), {device, sched::roofline, {}});
    if (!tiled) FAIL(tiled.error().str());
    return onlyTile(*tiled).laneAxis;
  };
  REQUIRE(test::vectorCpu().vectorLanes.value == 16);
  CHECK(laneAxis(32, "lt(d1, 32)") == 1);
  CHECK(laneAxis(32, "le(d1, 31)") == 1);
  CHECK(laneAxis(32, "gt(32 - d1, 0)") == 1);
  CHECK(laneAxis(32, "ge(31 - d1, 0)") == 1);
  CHECK(laneAxis(40, "lt(d1, 32)") == 1);  // with 40, the second operand's guard cuts a vector
  CHECK(laneAxis(40, "lt(d1, 40)") != 1);
  CHECK(laneAxis(40, "le(d1, 32)") != 1);
  CHECK(laneAxis(40, "gt(31 - d1, 0)") != 1);
  CHECK(laneAxis(40, "lt(d1 * 2, 64)") != 1);
  CHECK(laneAxis(40, "eq(d1, 32)") != 1);
}

TEST_CASE("limits: register tiles end where a group of a grouped convolution does") {
  const auto columns = [](int64_t groups) {
    const std::string text = R"(graph @g(%x: f32[1, 64, 2, 2]) -> ("y") {
      %w = constant {hash = "w"} : f32[64, )" +
                             std::to_string(64 / groups) + R"(, 1, 1]
      %y = conv %x, %w {dilations = [1, 1], group = )" +
                             std::to_string(groups) +
                             R"(, pads = [0, 0, 0, 0], strides = [1, 1]} : f32[1, 64, 2, 2]
      return %y
    }
    constant "w" f32[64, )" + std::to_string(64 / groups) +
                             ", 1, 1] = elided";
    test::checkGraph(text);
    const ir::Tile tile = onlyTile(test::planned(test::expressed(text), test::vectorCpu()));
    REQUIRE(tile.laneAxis == 1);  // output channels
    return tile.reg[1];
  };
  CHECK(columns(1) > 16);
  CHECK(columns(4) == 16);  // 16 output channels in each group
}
