// Reductions whose slices are staged in workgroup memory: the right values, whatever is cut, and
// what is read of the device's memory.
#include <doctest/doctest.h>

#include "backends/common/lower_tasks.h"
#include "ir/text.h"
#include "ir/verifier.h"
#include "sched/task_set.h"
#include "tests/common/harness.h"

using namespace quartet;

namespace {

hwdb::Description gpu() {
  hwdb::Description device = test::weakGpu();
  device.groupInvocations.value = 16;
  device.maxGroupInvocations.value = 16;
  return device;
}

ir::Tile tileOf(std::vector<int64_t> group, std::vector<int64_t> reg, int laneAxis,
                std::vector<int> order) {
  ir::Tile tile;
  tile.group = std::move(group);
  tile.reg = std::move(reg);
  tile.laneAxis = laneAxis;
  tile.lanes = 4;
  tile.order = std::move(order);
  return tile;
}

/// `text` on the device, its last reduction with this tile. `arrays`: that are staged.
void check(const std::string& text, const ir::Tile& tile, int arrays = 2,
           const sched::Options& options = {}) {
  INFO(text << "\n" << tile.str());
  const ir::Module graph = test::expressed(text);
  const hwdb::Description device = gpu();
  ir::Module plan = test::planned(graph, device, options);
  const ir::OpId tasks = sched::taskSets(plan).back();
  plan.op(sched::governingTile(plan, tasks)).attributes.set("tile", tile);
  const Status sound = ir::verify(plan);
  if (!sound) FAIL(sound.error().str());
  const runtime::Program program = test::lowered(plan, device);
  int shared = 0;
  for (const ir::Module& kernel : program.kernels) {
    const std::string kernelText = ir::print(kernel);
    for (size_t at = 0; (at = kernelText.find("= shared", at)) != std::string::npos; ++at) ++shared;
  }
  CHECK(shared == arrays);
  const test::Tensors inputs = test::makeInputs(graph, 7);
  test::checkClose(test::interpretProgram(program, inputs), test::evaluateExpressed(graph, inputs));
}

std::string matmul(int64_t rows, int64_t steps, int64_t columns) {
  const std::string m = std::to_string(rows);
  const std::string k = std::to_string(steps);
  const std::string n = std::to_string(columns);
  return "graph @g(%x: f32[" + m + ", " + k + "], %w: f32[" + k + ", " + n + "], %b: f32[" + n +
         "]) -> (\"y\") {\n  %p = contract %x, %w {lhs = [0, 2], out = [0, 1], rhs = [2, 1]} : "
         "f32[" +
         m + ", " + n + "]\n  %y = add %p, %b : f32[" + m + ", " + n + "]\n  return %y\n}";
}

}  // namespace

TEST_CASE("staged: matrix products, whole and cut along every axis") {
  const ir::Tile tile = tileOf({16, 16, 8}, {4, 4, 4}, 1, {0, 1, 2});
  check(matmul(32, 32, 32), tile);
  check(matmul(33, 20, 18), tile);
  check(matmul(7, 12, 5), tile);
  check(matmul(16, 12, 64), tileOf({8, 32, 4}, {2, 8, 2}, 1, {0, 1, 2}));
  // Fewer tiles than invocations; a slice of one step.
  check(matmul(10, 9, 24), tileOf({12, 12, 3}, {4, 4, 1}, 1, {0, 1, 2}));
  check(matmul(10, 5, 24), tileOf({12, 12, 1}, {4, 4, 1}, 1, {0, 1, 2}));
}

TEST_CASE("staged: convolutions, whose neighbours share what is staged") {
  const auto conv = [](const std::string& stride, const std::string& size) {
    return "graph @g(%x: f32[2, 6, 13, 15], %w: f32[8, 6, 3, 3]) -> (\"y\") {\n"
           "  %y = conv %x, %w {dilations = [1, 1], group = 1, pads = [0, 0, 0, 0], strides = [" +
           stride + "]} : f32[2, 8, " + size + "]\n  return %y\n}";
  };
  // Axes: batch, feature, row, column | channel, kernel row, kernel column.
  check(conv("1, 1", "11, 13"),
        tileOf({1, 4, 2, 8, 2, 3, 3}, {1, 2, 1, 4, 1, 1, 3}, 3, {0, 2, 1, 3, 4, 5, 6}));
  check(conv("2, 2", "6, 7"),
        tileOf({1, 4, 2, 8, 3, 3, 3}, {1, 2, 1, 4, 1, 1, 1}, 3, {0, 2, 1, 3, 4, 5, 6}));
}

TEST_CASE("staged: operands that cannot be are read where they are") {
  // Guarded loads, with Roller off: the reduction is gone through at once.
  const std::string padded = R"(graph @g(%x: f32[1, 4, 9, 11], %w: f32[4, 4, 3, 3]) -> ("y") {
    %y = conv %x, %w {dilations = [1, 1], group = 1, pads = [1, 1, 1, 1], strides = [1, 1]} : f32[1, 4, 9, 11]
    return %y
  })";
  const ir::Tile tile =
      tileOf({1, 4, 2, 8, 2, 3, 3}, {1, 2, 1, 4, 1, 1, 3}, 3, {0, 2, 1, 3, 4, 5, 6});
  sched::Options off;
  off.roller = false;
  check(padded, tile, 0, off);
  check(padded, tile, 2);  // of a padded copy
}

namespace {

hwdb::Description stagingGpu(int64_t workgroupBytes) {
  hwdb::Description device = gpu();
  device.stagingPays.value = true;
  hwdb::MemoryLevel workgroup;
  workgroup.name = "workgroup";
  workgroup.kind = hwdb::MemoryLevel::Kind::Explicit;
  workgroup.bytes.value = workgroupBytes;
  device.memory.push_back(workgroup);
  return device;
}

/// Bytes that the kernels of a graph declare in workgroup memory, the most of any.
int64_t workgroupBytes(const std::string& text, const hwdb::Description& device) {
  const runtime::Program program =
      test::lowered(test::planned(test::expressed(text), device), device);
  int64_t most = 0;
  for (const ir::Module& kernel : program.kernels) {
    int64_t bytes = 0;
    for (const ir::OpId id : kernel.region(kernel.top()).ops) {
      const ir::Op& op = kernel.op(id);
      if (op.opcode != ir::Opcode::Shared) continue;
      const ir::Type& type = kernel.type(op.results[0]);
      bytes += type.shape[0].value() * ir::byteSize(type.dtype);
    }
    most = std::max(most, bytes);
  }
  return most;
}

}  // namespace

TEST_CASE("staged: slices follow the room that the device has, and the values stay right") {
  const std::string padded = R"(graph @g(%x: f32[2, 20, 9, 11], %w: f32[12, 20, 3, 3]) -> ("y") {
    %y = conv %x, %w {dilations = [1, 1], group = 1, pads = [1, 1, 1, 1], strides = [1, 1]} : f32[2, 12, 9, 11]
    return %y
  })";
  for (const std::string& text :
       {matmul(40, 200, 24), matmul(33, 97, 18), matmul(5, 64, 70), padded}) {
    INFO(text);
    int64_t before = INT64_MAX;
    for (const int64_t room : {32 << 10, 16 << 10, 8 << 10, 4 << 10}) {
      const int64_t bytes = workgroupBytes(text, stagingGpu(room));
      CHECK(bytes <= room / 4);
      CHECK(bytes <= before);
      before = bytes;
      if (room >= 8 << 10) CHECK(bytes > 0);
      test::checkGraphOn(stagingGpu(room), text);
    }
  }
  // Not where it does not pay, nor where all is read once.
  hwdb::Description other = stagingGpu(8 << 10);
  other.stagingPays.value = false;
  CHECK(workgroupBytes(matmul(40, 200, 24), other) == 0);
}
