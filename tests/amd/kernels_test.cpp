// What AMD's compiler makes of our kernels: no spills, and the registers and workgroup memory that
// were counted on.
#include <algorithm>
#include <map>
#include <set>

#include "backends/common/gpu/raise.h"
#include "tests/amd/family.h"
#include "tests/amd/report.h"
#include "tests/common/counted_registers.h"
#include "tests/common/harness.h"
#include "tests/common/large_graphs.h"

using namespace quartet;
using namespace quartet::test;
using namespace quartet::tests;

namespace {

/// What RADV may use beyond what is counted: loads of more than one step in flight, and granules of
/// allocation (8 registers, or 16).
constexpr int64_t kSlack = 32;

void checkReports(const ir::Module& plan, const hwdb::Description& description,
                  runtime::Device& device) {
  const std::map<std::string, CountedRegisters> counted = countedRegisters(plan, description);
  const auto executable = device.compile(lowered(plan, description));
  REQUIRE_MESSAGE(executable.has_value(), executable.error().str());
  const runtime::Program& program = (*executable)->program();
  const std::map<int, CountedRegisters> byKernel = countedByKernel(program, counted);
  const auto reports = (*executable)->compilerReports();
  REQUIRE_MESSAGE(reports.has_value(), reports.error().str());
  REQUIRE_FALSE(reports->empty());
  for (const runtime::CompilerReport& report : *reports) {
    CHECK(figure(report, "Spilled VGPRs") == 0);
    CHECK(figure(report, "Spilled SGPRs") == 0);
    CHECK(figure(report, "Scratch size") == 0);
    int64_t shared = 0;
    CountedRegisters most;
    for (const int kernel : report.kernels) {
      shared = std::max(shared, gpu::sharedBytes(program.kernels[static_cast<size_t>(kernel)]));
      const auto found = byKernel.find(kernel);
      if (found != byKernel.end() && found->second.registers > most.registers) most = found->second;
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
  for (const NamedGraph& graph : graphsToCompile()) {
    INFO(familyName(), " ", graph.name);
    const hwdb::Description& description = device->description();
    checkReports(planned(expressed(graph.text), description), description, *device);
  }
}
