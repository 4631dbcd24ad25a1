// Which of the described GPUs stage the operands of a matrix product in workgroup memory: decided
// by what their memory levels give.
#include <doctest/doctest.h>

#include "backends/null/check.h"
#include "hwdb/load.h"
#include "runtime/memory_planner.h"
#include "tests/common/harness.h"

using namespace quartet;

namespace {

/// Descriptions of all GPUs of the database, families apart.
std::vector<hwdb::Description> describedGpus() {
  std::vector<hwdb::Description> gpus;
  const auto entries = hwdb::embeddedEntries();
  REQUIRE_MESSAGE(entries.has_value(), (entries ? "" : entries.error().str()));
  for (const hwdb::Entry& entry : *entries) {
    if (!entry.isDevice() || entry.description.kind != hwdb::Description::Kind::Gpu) continue;
    auto description = hwdb::describeEntry(entry);
    REQUIRE_MESSAGE(description.has_value(), description.error().str());
    gpus.push_back(std::move(*description));
  }
  return gpus;
}

/// Bytes of workgroup memory that a product of 1024 x 1024 matrices takes on a device, checked.
int64_t workgroupBytes(const hwdb::Description& device) {
  const ir::Module graph = test::expressed(
      R"(graph @g(%x: f32[1024, 1024], %w: f32[1024, 1024]) -> ("y") {
        %y = contract %x, %w {lhs = [0, 2], out = [0, 1], rhs = [2, 1]} : f32[1024, 1024]
        return %y
      })");
  runtime::Program program = test::lowered(test::planned(graph, device), device);
  runtime::planMemory(program, device.bindingAlignBytes.value);
  const Status status = null::checkProgram(program, device);
  CHECK_MESSAGE(status.has_value(), status.error().str());
  int64_t most = 0;
  for (const ir::Module& kernel : program.kernels) {
    int64_t bytes = 0;
    for (const ir::OpId id : kernel.region(kernel.top()).ops) {
      if (kernel.op(id).opcode != ir::Opcode::Shared) continue;
      const ir::Type& type = kernel.type(kernel.op(id).results[0]);
      bytes += type.shape[0].value() * ir::byteSize(type.dtype);
    }
    most = std::max(most, bytes);
  }
  return most;
}

}  // namespace

TEST_CASE("staging: wins on graphics cards, loses where workgroup memory is host memory") {
  int cards = 0;
  int software = 0;
  for (hwdb::Description& device : describedGpus()) {
    CAPTURE(device.name);
    const int64_t bytes = workgroupBytes(device);
    const hwdb::MemoryLevel* workgroup = device.level("workgroup");
    REQUIRE(workgroup != nullptr);
    CHECK(bytes * 4 <= workgroup->bytes.value);
    const bool hosted = device.name == "llvmpipe" || device.name == "SwiftShader";
    CHECK((bytes > 0) == device.stagingPays.value);
    if (device.stagingPays.value) ++cards;
    if (!hosted) continue;
    ++software;
    // Whatever is said of it: the levels' rates decide.
    device.stagingPays.value = true;
    CHECK(workgroupBytes(device) == 0);
  }
  CHECK(cards >= 20);
  CHECK(software == 2);
}
