// What NVIDIA's compiler makes of our kernels: no spills, and the registers and shared memory that
// were counted on.
#include <algorithm>

#include "backends/common/gpu/launch.h"
#include "backends/common/gpu/parallel.h"
#include "backends/cuda/cubin.h"
#include "backends/cuda/emit_cuda.h"
#include "hwdb/load.h"
#include "tests/common/counted_registers.h"
#include "tests/common/harness.h"
#include "tests/common/large_graphs.h"
#include "tests/cuda/fixture.h"

using namespace quartet;
using namespace quartet::test;
using namespace quartet::tests;

namespace {

/// What NVIDIA's compiler may use beyond what is counted: it loads the operands of the next steps
/// early where registers are left, addresses have 64 bits, and registers come in granules of 8.
/// Held to 128 by launch bounds, it spills a few instead.
constexpr int64_t kSlack = 56;
/// Of a group's shared memory, CUDA keeps so much for itself from Hopper on.
constexpr int64_t kReservedBytes = 1024;
/// ptxas holds a kernel at a multiple of what a multiprocessor's registers are dealt out in, and
/// sets an address aside for it.
constexpr int64_t kStackBytes = 8;

gpu::Limits limitsOf(const hwdb::Description& device) {
  gpu::Limits limits;
  limits.device = device.name;
  limits.target = {.int64 = true, .float64 = true, .float64Functions = true, .pushWords = 512};
  limits.storage8 = limits.storage16 = true;
  limits.matrices = {ir::DType::F16, ir::DType::BF16, ir::DType::I8, ir::DType::U8};
  limits.invocations = device.maxGroupInvocations.value;
  limits.sharedBytes = device.level("workgroup")->bytes.value;
  limits.bindings = 254;
  limits.groupsPerAxis = INT32_MAX;
  return limits;
}

/// The code of one launch.
struct Entry {
  std::string graph;
  std::string source;
  int64_t sharedBytes = 0;
  CountedRegisters most;
  Result<cuda::KernelFigures> figures = cuda::KernelFigures{};
};

void addEntries(const NamedGraph& graph, const hwdb::Description& device,
                std::vector<Entry>& entries) {
  const ir::Module plan = planned(expressed(graph.text), device);
  const runtime::Program program = lowered(plan, device);
  const auto byKernel = countedByKernel(program, countedRegisters(plan, device));
  const gpu::Limits limits = limitsOf(device);
  std::vector<ir::Module> kernels;
  for (const ir::Module& kernel : program.kernels) {
    auto raised = gpu::raise(kernel, limits);
    REQUIRE_MESSAGE(raised.has_value(), (raised ? "" : raised.error().str()));
    kernels.push_back(std::move(*raised));
  }
  for (const std::vector<int>& numbers : gpu::planLaunches(program, kernels, limits).entries) {
    Entry entry;
    entry.graph = graph.name;
    std::vector<const ir::Module*> together;
    for (const int number : numbers) {
      together.push_back(&kernels[static_cast<size_t>(number)]);
      entry.sharedBytes += gpu::sharedBytes(*together.back());
      const auto found = byKernel.find(number);
      if (found == byKernel.end() || found->second.registers <= entry.most.registers) continue;
      entry.most = found->second;
    }
    entry.source = cuda::emitCuda(together, limits.target);
    entries.push_back(std::move(entry));
  }
}

void check(const Entry& entry) {
  INFO(entry.graph);
  REQUIRE_MESSAGE(entry.figures.has_value(), (entry.figures ? "" : entry.figures.error().str()));
  const cuda::KernelFigures& figures = *entry.figures;
  INFO(figures.registers, " registers, ", entry.most.registers, " counted, of which ",
       entry.most.accumulators, " accumulators");
  CHECK(figures.stackBytes <= kStackBytes);
  CHECK(figures.registers >= entry.most.accumulators);
  if (entry.most.registers > 0) CHECK(figures.registers <= entry.most.registers + kSlack);
  CHECK(figures.sharedBytes >= entry.sharedBytes);
  CHECK(figures.sharedBytes <= entry.sharedBytes + (entry.sharedBytes > 0 ? kReservedBytes : 0));
}

void checkAll(const cuda::Architecture& architecture, const std::string& deviceName) {
  const auto nvrtc = nvrtcOrSkip();
  if (nvrtc == nullptr) return;
  const auto& known = nvrtc->architectures();
  if (!std::binary_search(known.begin(), known.end(), architecture.number)) {
    SKIP_TEST("NVRTC " + nvrtc->version() + " does not compile for " + architecture.option());
  }
  const auto entries = hwdb::embeddedEntries();
  REQUIRE(entries.has_value());
  const auto entry = hwdb::findEntry(deviceName, *entries);
  REQUIRE_MESSAGE(entry.has_value(), (entry ? "" : entry.error().str()));
  const auto device = hwdb::describeEntry(**entry);
  REQUIRE(device.has_value());
  std::vector<Entry> all;
  for (const NamedGraph& graph : graphsToCompile()) addEntries(graph, *device, all);
  REQUIRE(all.size() > 20);
  const Status compiled = gpu::parallel(static_cast<int64_t>(all.size()), [&](int64_t i) -> Status {
    Entry& each = all[static_cast<size_t>(i)];
    const cuda::Code code = QT_TRY(nvrtc->compile(each.source, architecture, each.graph));
    each.figures = cuda::readFigures(code.bytes, cuda::kEntry);
    return {};
  });
  REQUIRE_MESSAGE(compiled.has_value(), (compiled ? "" : compiled.error().str()));
  for (const Entry& each : all) check(each);
}

}  // namespace

TEST_CASE(
    "cuda: kernels compile without spills, into the registers and memory counted on, Turing") {
  checkAll({75, false, ""}, "NVIDIA T4");
}
TEST_CASE(
    "cuda: kernels compile without spills, into the registers and memory counted on, Ampere") {
  checkAll({80, false, ""}, "NVIDIA A100 40GB");
}
TEST_CASE(
    "cuda: kernels compile without spills, into the registers and memory counted on, Hopper") {
  checkAll({90, false, "a"}, "NVIDIA H100 SXM");
}
