// Reductions that are dealt out to the units in parts.
#include <doctest/doctest.h>

#include "ir/text.h"
#include "sched/roller/splitting.h"
#include "sched/task_set.h"
#include "tests/common/harness.h"

using namespace quartet;

namespace {

hwdb::Description deviceOf(int64_t units, int64_t machineUnits = 0) {
  hwdb::Description device = test::vectorCpu();
  device.units.value = units;
  if (machineUnits > 0) {
    device.machineUnits = {machineUnits, hwdb::Provenance::Queried, "test"};
  }
  device.taskVectorOperations.value = 64;
  return device;
}

std::string sum(const std::string& extents, const std::string& axes, const std::string& result) {
  return "graph @g(%x: f32[" + extents + "]) -> (\"y\") {\n  %y = reduce %x {axes = [" + axes +
         "], fn = add} : f32[" + result + "]\n  return %y\n}";
}

std::string matmul(int64_t rows, int64_t steps, int64_t columns) {
  const std::string m = std::to_string(rows);
  const std::string k = std::to_string(steps);
  const std::string n = std::to_string(columns);
  return "graph @g(%x: f32[" + m + ", " + k + "], %w: f32[" + k + ", " + n + "], %b: f32[" + n +
         "]) -> (\"y\") {\n  %p = contract %x, %w {lhs = [0, 2], out = [0, 1], rhs = [2, 1]} : "
         "f32[" +
         m + ", " + n + "]\n  %s = add %p, %b : f32[" + m + ", " + n +
         "]\n  %y = max %s, %s : f32[" + m + ", " + n + "]\n  return %y\n}";
}

/// How many parts the reduction of a graph of one task set is cut into; 1: none.
int64_t partsOf(const std::string& text, const hwdb::Description& device) {
  const ir::Module plan = test::planned(test::expressed(text), device);
  std::vector<ir::OpId> sets = sched::taskSets(plan);
  std::erase_if(sets, [&](ir::OpId tasks) {  // copies of operands
    return plan.op(sched::governingTile(plan, tasks)).attributes.expr().form ==
           ir::TensorExpr::Form::Map;
  });
  if (sets.size() == 1) return 1;
  REQUIRE(sets.size() == 2);
  const auto& parts = plan.op(sched::governingTile(plan, sets[0])).attributes.expr();
  const auto& merge = plan.op(sched::governingTile(plan, sets[1])).attributes.expr();
  REQUIRE(merge.reduction.size() == 1);
  const int64_t count = merge.reduction[0].value();
  int64_t steps = count;
  for (const ir::Dim& dim : parts.reduction) steps *= dim.value();
  CHECK(steps > count);
  return count;
}

std::optional<int> axisOf(const std::string& expr, const std::string& shape) {
  const std::string text = "plan @p(%x: buffer<f32[6, 8]>, %y: buffer<f32[" + shape +
                           "]>) -> (\"y\") {\n  seq {\n    tasks {name = \"t0\"} {\n"
                           "      %t = tile %x {expr = {" +
                           expr + "}, tile = tile()} : f32[" + shape +
                           "]\n      write %t, %y\n    }\n  }\n  return\n}\n";
  auto plan = ir::parse(text);
  if (!plan) FAIL(plan.error().str());
  return sched::splitAxis(*plan, sched::taskSets(*plan).at(0));
}

}  // namespace

TEST_CASE("split: a reduction to a few results is dealt out to idle units") {
  const std::string all = sum("65536", "0", "");
  CHECK(partsOf(all, deviceOf(1)) == 1);
  CHECK(partsOf(all, deviceOf(4)) >= 4);
  CHECK(partsOf(all, deviceOf(64)) >= 64);
  CHECK(partsOf(matmul(2, 8192, 16), deviceOf(8)) >= 4);
  // Not where a launch costs more than it saves, nor where all units have work.
  CHECK(partsOf(sum("64", "0", ""), deviceOf(64)) == 1);
  CHECK(partsOf(matmul(512, 512, 512), deviceOf(8)) == 1);
  CHECK(partsOf(sum("4096, 512", "1", "4096"), deviceOf(8)) == 1);
}

TEST_CASE("split: the machine's units decide, not those in use") {
  const std::string all = sum("65536", "0", "");
  const int64_t parts = partsOf(all, deviceOf(8, 8));
  CHECK(parts > 1);
  for (const int64_t units : {1, 2, 3}) CHECK(partsOf(all, deviceOf(units, 8)) == parts);
  CHECK(partsOf(all, deviceOf(8, 1)) == 1);
  // Nor what a launch takes, which a CPU measures at first use.
  hwdb::Description slow = deviceOf(8, 8);
  slow.gigahertz.value = 3;
  slow.launchMicroseconds.value = 1e6;
  CHECK(partsOf(all, slow) == parts);
}

TEST_CASE("split: starts that would count once per part are refused") {
  const std::string each = " each (in0[d0, r0]) combine (";
  CHECK(axisOf("reduce (6 | 8) init (0.0:f32)" + each + "add(s0, e0)) commutative -> (s0)", "6") ==
        0);
  CHECK(!axisOf("reduce (6 | 8) init (1.0:f32)" + each + "add(s0, e0)) commutative -> (s0)", "6"));
  CHECK(!axisOf("reduce (6 | 8) init (0.0:f32)" + each + "mul(s0, e0)) commutative -> (s0)", "6"));
  CHECK(axisOf("reduce (6 | 8) init (3.0:f32)" + each + "max(s0, e0)) commutative -> (s0)", "6") ==
        0);
  CHECK(!axisOf("reduce (6 | 8) init (0.0:f32)" + each + "add(s0, e0)) sequential -> (s0)", "6"));
  CHECK(!axisOf("reduce (6 | 8) init (0.0:f32)" + each + "sub(s0, e0)) commutative -> (s0)", "6"));
  CHECK(!axisOf("map (6) -> (in0[d0, 0])", "6"));
}

TEST_CASE("split: the right values, with what comes before and on top") {
  for (const int64_t units : {3, 8}) {
    const hwdb::Description device = deviceOf(units);
    for (const std::string& text :
         {sum("4096", "0", ""), sum("3, 2048", "1", "3"), sum("2, 30, 7, 11", "1, 3", "2, 7"),
          matmul(2, 1024, 16), matmul(1, 770, 5), matmul(3, 997, 17)}) {
      INFO(text);
      test::checkGraphOn(device, text);
    }
    REQUIRE(partsOf(matmul(2, 1024, 16), device) > 1);
    // A norm: squares in front, a root on top.
    const std::string norm = R"(graph @g(%x: f32[2, 3000]) -> ("y") {
      %s = mul %x, %x : f32[2, 3000]
      %r = reduce %s {axes = [1], fn = add} : f32[2]
      %y = sqrt %r : f32[2]
      return %y
    })";
    REQUIRE(partsOf(norm, device) > 1);
    test::checkGraphOn(device, norm);
    // Lanes that are not the last axis: the parts decide on the layout, the merge reads it.
    test::checkGraphOn(device, R"(graph @g(%x: f32[2, 64, 24, 2]) -> ("y") {
      %y = reduce %x {axes = [1], fn = add} : f32[2, 24, 2]
      return %y
    })");
    test::checkGraphOn(device, R"(graph @g(%x: i64[5, 2, 4, 5, 2]) -> ("y") {
      %y = window %x {dilations = [1, 1, 1, 1, 1], fn = max, pads = [0, 0, 0, 0, 0, 0, 0, 1, 0, 0], strides = [1, 1, 3, 1, 1], window = [1, 1, 2, 3, 1]} : i64[5, 2, 2, 4, 2]
      return %y
    })");
    const std::string largest = R"(graph @g(%x: f32[9000]) -> ("y") {
      %y = reduce %x {axes = [0], fn = max} : f32[]
      return %y
    })";
    REQUIRE(partsOf(largest, device) > 1);
    test::checkGraphOn(device, largest);
  }
}
