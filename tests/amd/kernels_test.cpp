// What AMD's compiler makes of our kernels: no spills, and the registers and workgroup memory that
// were counted on.
#include <algorithm>
#include <map>
#include <set>

#include "backends/vulkan/raise.h"
#include "hwdb/load.h"
#include "sched/roller/shape.h"
#include "tests/amd/family.h"
#include "tests/amd/report.h"
#include "tests/common/harness.h"
#include "tests/sched/graphs.h"

using namespace quartet;
using namespace quartet::test;
using namespace quartet::tests;

namespace {

/// What RADV may use beyond what is counted: loads of more than one step in flight, and granules of
/// allocation (8 registers, or 16).
constexpr int64_t kSlack = 32;

constexpr NamedGraph kLarge[] = {
    {"matmul", R"(graph @matmul(%x: f32[512, 768], %w: f32[768, 640]) -> ("y") {
    %y = contract %x, %w {lhs = [0, 2], out = [0, 1], rhs = [2, 1]} : f32[512, 640] from "y"
    return %y
  })"},
    {"odd_matmul", R"(graph @odd_matmul(%x: f32[127, 61], %w: f32[61, 53]) -> ("y") {
    %y = contract %x, %w {lhs = [0, 2], out = [0, 1], rhs = [2, 1]} : f32[127, 53] from "y"
    return %y
  })"},
    {"packed_matmul", R"(graph @packed_matmul(%x: f32[512, 256]) -> ("y") {
    %w = constant {hash = "w"} : f32[256, 512]
    %y = contract %x, %w {lhs = [0, 2], out = [0, 1], rhs = [2, 1]} : f32[512, 512] from "y"
    return %y
  }
  constant "w" f32[256, 512] = elided)"},
    {"half_matmul", R"(graph @half_matmul(%x: f16[256, 256], %w: f16[256, 256]) -> ("y") {
    %y = contract %x, %w {lhs = [0, 2], out = [0, 1], rhs = [2, 1]} : f16[256, 256] from "y"
    return %y
  })"},
    {"strided_conv", R"(graph @strided_conv(%x: f32[1, 3, 230, 230]) -> ("y") {
    %w = constant {hash = "w"} : f32[64, 3, 7, 7]
    %y = conv %x, %w {dilations = [1, 1], group = 1, pads = [0, 0, 0, 0], strides = [2, 2]} : f32[1, 64, 112, 112] from "y"
    return %y
  }
  constant "w" f32[64, 3, 7, 7] = elided)"},
    {"pool", R"(graph @pool(%x: f32[1, 64, 112, 112]) -> ("y") {
    %y = window %x {dilations = [1, 1, 1, 1], fn = max, pads = [0, 0, 1, 1, 0, 0, 1, 1], strides = [1, 1, 2, 2], window = [1, 1, 3, 3]} : f32[1, 64, 56, 56] from "y"
    return %y
  })"},
    {"rows", R"(graph @rows(%x: f32[4096, 1024]) -> ("y") {
    %y = reduce %x {axes = [1], fn = add} : f32[4096] from "y"
    return %y
  })"},
    {"columns", R"(graph @columns(%x: f32[4096, 1024]) -> ("y") {
    %y = reduce %x {axes = [0], fn = max} : f32[1024] from "y"
    return %y
  })"},
    {"integers", R"(graph @integers(%x: i64[4096], %z: i64[4096]) -> ("y") {
    %a = mul %x, %z : i64[4096] from "a"
    %y = div %a, %z : i64[4096] from "y"
    return %y
  })"},
};

std::vector<NamedGraph> allGraphs() {
  std::vector<NamedGraph> graphs(scheduledGraphs().begin(), scheduledGraphs().end());
  graphs.insert(graphs.end(), std::begin(kLarge), std::end(kLarge));
  return graphs;
}

/// What is counted of each task set of a plan, by its name.
struct Counted {
  int64_t accumulators = 0;  // registers that hold sums and the like; 0: no reduction
  int64_t registers = 0;
};

std::map<std::string, Counted> countedRegisters(const ir::Module& plan,
                                                const hwdb::Description& device) {
  std::map<std::string, Counted> all;
  for (const ir::OpId tasks : sched::taskSets(plan)) {
    const sched::TaskView view = sched::viewOf(plan, tasks, {});
    Counted counted;
    if (view.reduces()) {
      const ir::Tile& tile = plan.op(view.anchor).attributes.get<ir::Tile>("tile");
      counted.registers = sched::tileRegisters(view, tile, device);
      counted.accumulators = 1;
      for (int axis = 0; axis < view.rank(); ++axis) {
        counted.accumulators *= tile.reg[static_cast<size_t>(axis)];
      }
    }
    all[plan.op(tasks).attributes.get<std::string>("name")] = counted;
  }
  return all;
}

void checkReports(const ir::Module& plan, const hwdb::Description& description,
                  runtime::Device& device) {
  const std::map<std::string, Counted> counted = countedRegisters(plan, description);
  const auto executable = device.compile(lowered(plan, description));
  REQUIRE_MESSAGE(executable.has_value(), executable.error().str());
  const runtime::Program& program = (*executable)->program();
  std::map<int, Counted> byKernel;
  for (const runtime::Wave& wave : program.waves) {
    for (const runtime::Dispatch& dispatch : wave.dispatches) {
      const auto found = counted.find(dispatch.name);
      if (found != counted.end()) byKernel[dispatch.kernel] = found->second;
    }
  }
  const auto reports = (*executable)->compilerReports();
  REQUIRE_MESSAGE(reports.has_value(), reports.error().str());
  REQUIRE_FALSE(reports->empty());
  for (const runtime::CompilerReport& report : *reports) {
    CHECK(figure(report, "Spilled VGPRs") == 0);
    CHECK(figure(report, "Spilled SGPRs") == 0);
    CHECK(figure(report, "Scratch size") == 0);
    int64_t shared = 0;
    Counted most;
    for (const int kernel : report.kernels) {
      shared = std::max(shared, vulkan::sharedBytes(program.kernels[static_cast<size_t>(kernel)]));
      if (byKernel[kernel].registers > most.registers) most = byKernel[kernel];
    }
    const auto registers = static_cast<int64_t>(figure(report, "VGPRs"));
    INFO(registers, " registers, ", most.registers, " counted");
    CHECK(registers >= most.accumulators);
    if (most.registers > 0) CHECK(registers <= most.registers + kSlack);
    // Allocated in granules of 512 bytes, or 1 KiB on RDNA.
    CHECK(figure(report, "LDS size") >= static_cast<double>(shared));
    CHECK(figure(report, "LDS size") < static_cast<double>(shared) + 1024);
  }
}

}  // namespace

TEST_CASE("amd: kernels compile without spills, into the registers and memory counted on") {
  if (!inFamilyProcess("amd: kernels compile without spills*")) return;
  const auto device = familyDevice();
  for (const NamedGraph& graph : allGraphs()) {
    INFO(familyName(), " ", graph.name);
    const hwdb::Description& description = device->description();
    checkReports(planned(expressed(graph.text), description), description, *device);
  }
}
