// Reductions whose guarded loads read padded boxes: the right values, whatever is cut.
#include <doctest/doctest.h>

#include "ir/text.h"
#include "ir/verifier.h"
#include "sched/task_set.h"
#include "tests/common/harness.h"

using namespace quartet;

namespace {

ir::Tile tileOf(std::vector<int64_t> group, std::vector<int64_t> reg, std::vector<int64_t> stage,
                int laneAxis, int64_t lanes = 8) {
  ir::Tile tile;
  tile.group = std::move(group);
  tile.reg = std::move(reg);
  tile.stage = std::move(stage);
  tile.laneAxis = laneAxis;
  tile.lanes = lanes;
  for (size_t axis = 0; axis < tile.group.size(); ++axis) {
    tile.order.push_back(static_cast<int>(axis));
  }
  return tile;
}

/// `text` on a CPU, its one reduction with this tile; `arrays`: boxes that are brought.
void check(const std::string& text, const ir::Tile& tile, int arrays = 1,
           const ir::SymbolValues& symbols = {}) {
  INFO(text << "\n" << tile.str());
  const ir::Module graph = test::expressed(text);
  const hwdb::Description device = test::vectorCpu();
  sched::Options direct;
  direct.roller = false;
  ir::Module plan = test::planned(graph, device, direct);
  REQUIRE(sched::taskSets(plan).size() == 1);
  plan.op(sched::governingTile(plan, sched::taskSets(plan)[0])).attributes.set("tile", tile);
  const Status sound = ir::verify(plan);
  if (!sound) FAIL(sound.error().str());
  const runtime::Program program = test::lowered(plan, device, symbols);
  const std::string kernel = ir::print(program.kernels[0]);
  int shared = 0;
  for (size_t at = 0; (at = kernel.find("= shared", at)) != std::string::npos; ++at) ++shared;
  CHECK(shared == arrays);
  // What is read is read whole, or up to a count: no guard is left to the lanes.
  if (arrays > 0) CHECK(kernel.find("gather_load") == std::string::npos);
  const test::Tensors inputs = test::makeInputs(graph, 7, symbols);
  test::checkClose(test::interpretProgram(program, inputs),
                   test::evaluateExpressed(graph, inputs, symbols));
}

/// x * w, channel by channel.
std::string depthwise(const std::string& shape, const std::string& kernel, const std::string& pads,
                      const std::string& strides, const std::string& dilations,
                      const std::string& result) {
  return "graph @g(%x: f32[" + shape + "], %w: f32[3, 1, " + kernel + "]) -> (\"y\") {\n" +
         "  %y = conv %x, %w {dilations = [" + dilations + "], group = 3, pads = [" + pads +
         "], strides = [" + strides + "]} : f32[" + result + "]\n  return %y\n}";
}

/// The largest of three neighbours, outside of 12 elements a number that is larger.
std::string largest(const std::string& index, const std::string& guard, int64_t points) {
  const std::string extent = std::to_string(points);
  return R"(graph @g(%x: f32[5, 12]) -> ("y") {
    %y = compute %x {expr = {reduce (5, )" +
         extent + " | 3) init (-inf:f32) each (in0[d0, " + index + "] if (" + guard +
         R"() else 3.5:f32) combine (max(s0, e0)) commutative -> (s0)}} : f32[5, )" + extent +
         "]\n    return %y\n  }";
}

}  // namespace

TEST_CASE("padded boxes: depthwise convolutions, whole planes and parts that edges cut") {
  // Axes: batch, channel, row, column | channel of the group, kernel row, kernel column.
  const std::string same =
      depthwise("2, 3, 9, 21", "3, 3", "1, 1, 1, 1", "1, 1", "1, 1", "2, 3, 9, 21");
  check(same, tileOf({2, 3, 9, 24, 1, 3, 3}, {1, 1, 1, 8, 1, 1, 1}, {1, 1, 9, 21, 1, 3, 3}, 3));
  check(same, tileOf({1, 3, 12, 24, 1, 3, 3}, {1, 1, 2, 16, 1, 1, 3}, {1, 1, 4, 21, 1, 3, 3}, 3));
  check(same, tileOf({2, 1, 8, 24, 1, 3, 3}, {1, 1, 4, 8, 1, 3, 1}, {1, 1, 4, 24, 1, 3, 3}, 3));
  check(same, tileOf({2, 2, 4, 21, 1, 3, 3}, {1, 1, 2, 24, 1, 1, 1}, {2, 1, 2, 21, 1, 3, 3}, 3));
  check(same, tileOf({2, 3, 9, 24, 1, 3, 3}, {1, 3, 1, 8, 1, 1, 1}, {1, 3, 3, 21, 1, 3, 3}, 3, 4));
}

TEST_CASE("padded boxes: strides, dilations, pads of one side") {
  check(depthwise("1, 3, 11, 22", "3, 5", "0, 2, 1, 1", "2, 2", "1, 1", "1, 3, 5, 11"),
        tileOf({1, 3, 6, 11, 1, 3, 5}, {1, 1, 2, 8, 1, 1, 1}, {1, 1, 2, 11, 1, 3, 5}, 3));
  check(depthwise("1, 3, 7, 31", "2, 3", "1, 0, 0, 3", "1, 3", "1, 2", "1, 3, 7, 10"),
        tileOf({1, 3, 7, 10, 1, 2, 3}, {1, 1, 1, 8, 1, 1, 1}, {1, 1, 7, 10, 1, 2, 3}, 3));
  check(depthwise("1, 3, 7, 20", "3, 3", "2, 9, 2, 9", "1, 1", "2, 9", "1, 3, 7, 20"),
        tileOf({1, 3, 8, 20, 1, 3, 3}, {1, 1, 4, 8, 1, 1, 1}, {1, 1, 4, 20, 1, 3, 3}, 3));
  // Rows alone are padded; lanes that lie five elements apart are not brought.
  check(depthwise("1, 3, 7, 20", "3, 3", "1, 0, 1, 0", "1, 1", "1, 1", "1, 3, 7, 18"),
        tileOf({1, 3, 7, 18, 1, 3, 3}, {1, 1, 1, 8, 1, 1, 1}, {1, 1, 7, 18, 1, 3, 3}, 3));
  check(depthwise("1, 3, 7, 50", "3, 3", "1, 1, 1, 1", "1, 5", "1, 1", "1, 3, 7, 10"),
        tileOf({1, 3, 7, 10, 1, 3, 3}, {1, 1, 1, 8, 1, 1, 1}, {1, 1, 7, 10, 1, 3, 3}, 3), 0);
}

TEST_CASE("padded boxes: what the load gives outside lies around the operand") {
  const auto tile = [](int64_t points) {
    return tileOf({5, points, 3}, {2, 8, 1}, {2, points, 3}, 1);
  };
  ir::Tile five = tile(14);
  five.group[0] = 6;
  check(largest("d1 + r0 - 2", "and(ge(d1 + r0 - 2, 0), lt(d1 + r0 - 2, 12))", 14), five);
  ir::Tile long_ = tile(40);
  long_.group[0] = 6;
  check(largest("d1 + r0 - 17", "and(ge(d1 + r0 - 17, 0), lt(d1 + r0 - 17, 12))", 40), long_);
  ir::Tile late = tile(10);  // begins behind the operand's first elements
  late.group[0] = 6;
  check(largest("d1 + r0 + 4", "lt(d1 + r0 + 4, 12)", 10), late);
  ir::Tile backwards = tile(13);
  backwards.group[0] = 6;
  check(largest("d1 - r0", "and(ge(d1 - r0, 0), lt(d1 - r0, 12))", 13), backwards);
  // Other guards are decided where they stand.
  check(
      largest("d1", "ge(d1, 2)", 12),
      [&] {
        ir::Tile other = tile(12);
        other.group[0] = 6;
        return other;
      }(),
      0);
}

TEST_CASE("padded boxes: one axis, three axes, an open batch, narrow elements") {
  check(R"(graph @g(%x: f32[30]) -> ("y") {
    %y = compute %x {expr = {reduce (30 | 5) init (0.0:f32) each (in0[d0 + r0 - 2] if (and(ge(d0 + r0 - 2, 0), lt(d0 + r0 - 2, 30))) else 0.0:f32) combine (add(s0, e0)) commutative -> (s0)}} : f32[30]
    return %y
  })",
        tileOf({30, 5}, {16, 1}, {30, 5}, 0));
  const std::string pool = R"(graph @g(%x: bf16[2, 4, 5, 17]) -> ("y") {
    %y = window %x {dilations = [1, 1, 1, 1], fn = max, pads = [0, 1, 1, 1, 0, 1, 0, 1], strides = [1, 1, 1, 2], window = [1, 3, 2, 3]} : bf16[2, 4, 5, 9]
    return %y
  })";
  check(pool, tileOf({2, 4, 5, 9, 3, 2, 3}, {1, 1, 1, 8, 1, 1, 1}, {1, 2, 5, 9, 3, 2, 3}, 3));
  check(R"(graph @g(%x: f32[N, 6, 13]) -> ("y") symbols {N: 1..64 multiple 1} {
    %y = window %x {dilations = [1, 1, 1], fn = max, pads = [0, 1, 1, 0, 1, 1], strides = [1, 1, 1], window = [1, 3, 3]} : f32[N, 6, 13]
    return %y
  })",
        tileOf({2, 6, 13, 3, 3}, {1, 3, 8, 1, 3}, {1, 3, 13, 3, 3}, 2), 1, {{"N", 3}});
}
