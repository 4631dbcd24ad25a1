// Slices of reductions on CPUs ask for what is read next: all of it, and not much else.
#include <doctest/doctest.h>

#include <algorithm>
#include <set>

#include "ir/interpreter.h"
#include "ir/text.h"
#include "ir/verifier.h"
#include "sched/task_set.h"
#include "tests/common/harness.h"

using namespace quartet;

namespace {

constexpr int64_t kLine = 16;  // elements of f32

struct Case {
  std::string text;
  ir::Tile tile;
  std::vector<int64_t> x, w;            // shapes
  std::vector<int64_t> xFirst, wFirst;  // what the first slice of the first group reads of each
};

ir::Tile tileOf(std::vector<int64_t> group, std::vector<int64_t> reg, int laneAxis) {
  ir::Tile tile;
  tile.group = std::move(group);
  tile.reg = std::move(reg);
  tile.laneAxis = laneAxis;
  tile.lanes = 16;
  for (size_t axis = 0; axis < tile.group.size(); ++axis) {
    tile.order.push_back(static_cast<int>(axis));
  }
  return tile;
}

runtime::Program programOf(const ir::Module& graph, const ir::Tile& tile) {
  const hwdb::Description device = test::vectorCpu();
  sched::Options direct;
  direct.roller = false;
  ir::Module plan = test::planned(graph, device, direct);
  REQUIRE(sched::taskSets(plan).size() == 1);
  plan.op(sched::governingTile(plan, sched::taskSets(plan)[0])).attributes.set("tile", tile);
  const Status sound = ir::verify(plan);
  if (!sound) FAIL(sound.error().str());
  return test::lowered(plan, device);
}

/// The lines asked for of each buffer, as often as they are.
std::vector<std::vector<int64_t>> askedFor(const runtime::Program& program) {
  const runtime::Dispatch& dispatch = program.waves.at(0).dispatches.at(0);
  const ir::Module& kernel = program.kernels.at(static_cast<size_t>(dispatch.kernel));
  const std::vector<ir::ValueId>& parameters = kernel.region(kernel.top()).parameters;
  std::vector<ir::KernelMemory> memory;
  for (const runtime::Binding& binding : dispatch.bindings) {
    memory.push_back({kernel.type(parameters[memory.size()]).dtype,
                      std::vector<std::byte>(static_cast<size_t>(binding.bytes))});
  }
  ir::Interpreter interpreter(kernel, dispatch.parameters);
  REQUIRE(interpreter.bind(memory));
  for (int64_t group = 0; group < dispatch.groups; ++group) REQUIRE(interpreter.runGroup(group));
  std::vector<std::vector<int64_t>> lines(parameters.size());
  for (const auto& [buffer, element] : interpreter.prefetched()) {
    const auto place = std::ranges::find(parameters, buffer) - parameters.begin();
    const int64_t line = element >= 0 ? element / kLine : -1;
    lines[static_cast<size_t>(place)].push_back(line);
  }
  return lines;
}

/// Lines of a buffer of this shape, without those that have an element of its first corner.
std::set<int64_t> linesBehind(const std::vector<int64_t>& shape,
                              const std::vector<int64_t>& corner) {
  int64_t elements = 1;
  for (const int64_t extent : shape) elements *= extent;
  std::set<int64_t> lines;
  for (int64_t line = 0; line < (elements + kLine - 1) / kLine; ++line) lines.insert(line);
  for (int64_t element = 0; element < elements; ++element) {
    int64_t rest = element;
    bool first = true;
    for (size_t k = shape.size(); k-- > 0;) {
      first &= rest % shape[k] < corner[k];
      rest /= shape[k];
    }
    if (first) lines.erase(element / kLine);
  }
  return lines;
}

/// Right values; all that is read but by the first slice is asked for, by `most` prefetches at
/// most.
void check(const Case& one, int64_t most) {
  INFO(one.text << "\n" << one.tile.str());
  const ir::Module graph = test::expressed(one.text);
  const runtime::Program program = programOf(graph, one.tile);
  const test::Tensors inputs = test::makeInputs(graph, 7);
  test::checkClose(test::interpretProgram(program, inputs), test::evaluateExpressed(graph, inputs));
  const std::vector<std::vector<int64_t>> asked = askedFor(program);
  int64_t prefetches = 0;
  for (const auto& lines : asked) prefetches += std::ssize(lines);
  CHECK(prefetches > 0);
  CHECK(prefetches <= most);
  const std::vector<std::set<int64_t>> wanted = {linesBehind(one.x, one.xFirst),
                                                 linesBehind(one.w, one.wFirst)};
  for (size_t b = 0; b < wanted.size(); ++b) {
    const std::set<int64_t> found(asked[b].begin(), asked[b].end());
    for (const int64_t line : wanted[b]) {
      INFO("buffer " << b << ", line " << line);
      CHECK(found.contains(line));
    }
  }
}

Case matmul(int64_t rows, int64_t steps, int64_t columns, const ir::Tile& tile) {
  const std::string m = std::to_string(rows);
  const std::string k = std::to_string(steps);
  const std::string n = std::to_string(columns);
  return {"graph @g(%x: f32[" + m + ", " + k + "], %w: f32[" + k + ", " + n +
              "]) -> (\"y\") {\n  %y = contract %x, %w {lhs = [0, 2], out = [0, 1], rhs = [2, 1]} "
              ": f32[" +
              m + ", " + n + "]\n  return %y\n}",
          tile,
          {rows, steps},
          {steps, columns},
          {tile.group[0], tile.group[2]},
          {tile.group[2], tile.group[1]}};
}

}  // namespace

TEST_CASE("prefetch: products, rows and columns cut by edges and not") {
  // Each group's slice: 8 rows of 3 lines at most, 32 of 4; 2 groups of rows, 3 of columns, 3
  // slices.
  check(matmul(16, 96, 144, tileOf({8, 48, 32}, {4, 16, 1}, 1)), 5472);
  check(matmul(13, 70, 100, tileOf({8, 48, 32}, {4, 16, 1}, 1)), 5472);
  // One register tile a group, which asks for everything: 4 rows of 2 lines, 16 of 2, 16 times.
  check(matmul(8, 64, 32, tileOf({4, 16, 16}, {4, 16, 2}, 1)), 1280);
  // Far more register tiles than rows, of which some ask for a piece: 64 rows of 2 lines, 4 of 9,
  // 10 times.
  check(matmul(64, 40, 128, tileOf({64, 128, 4}, {1, 16, 1}, 1)), 3280);
}

TEST_CASE("prefetch: convolutions, channel by channel, with padding") {
  const std::string text =
      "graph @g(%x: f32[2, 6, 13, 32], %w: f32[8, 6, 3, 3]) -> (\"y\") {\n"
      "  %y = conv %x, %w {dilations = [1, 1], group = 1, pads = [1, 1, 1, 1], strides = [1, 1]} : "
      "f32[2, 8, 13, 32]\n  return %y\n}";
  // Axes: batch, feature, row, column | channel, kernel row, kernel column. A slice is 30 rows of 4
  // lines and 48 of 2; there are 2 groups of 3.
  check({text,
         tileOf({1, 8, 13, 32, 2, 3, 3}, {1, 4, 1, 16, 1, 1, 3}, 3),
         {2, 6, 13, 32},
         {8, 6, 3, 3},
         {1, 2, 13, 32},
         {8, 2, 3, 3}},
        2592);
}
