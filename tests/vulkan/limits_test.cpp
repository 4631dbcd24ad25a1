// Workgroup memory: what a kernel declares is counted and held against the device's limit.
#include <doctest/doctest.h>

#include "backends/common/gpu/launch.h"
#include "backends/common/gpu/raise.h"
#include "tests/vulkan/fixture.h"

using namespace quartet;
using namespace quartet::tests;
using ir::DType;

namespace {

/// Passes a value through workgroup memory of `elements`.
ir::Module sharing(DType dtype, int64_t elements, DType second = DType::F32, int64_t more = 0) {
  Kernel k("sharing");
  auto& b = k.build;
  const ir::ValueId y = k.output(DType::F32, 1);
  const ir::ValueId scratch = b.shared(dtype, elements);
  b.store(scratch, b.literal(0), b.literal(int64_t{1}, dtype));
  if (more > 0) {
    const ir::ValueId other = b.shared(second, more);
    b.store(other, b.literal(0), b.literal(int64_t{1}, second));
  }
  b.store(y, b.literal(0), b.cast(b.load(scratch, b.literal(0)), DType::F32));
  return k.finish();
}

gpu::Limits limitsOf(int64_t sharedBytes) {
  gpu::Limits limits;
  limits.device = "test";
  limits.target.float64 = limits.target.int64 = true;
  limits.sharedBytes = sharedBytes;
  return limits;
}

}  // namespace

TEST_CASE("workgroup memory up to the limit is taken, a byte more refused") {
  struct Case {
    ir::Module kernel;
    int64_t bytes;
  };
  const Case cases[] = {
      {sharing(DType::F32, 1024), 4096},
      {sharing(DType::F32, 1021), 4096},  // whole vectors
      {sharing(DType::F64, 512), 4096},
      {sharing(DType::F32, 256, DType::I32, 256), 2048},
      {sharing(DType::F32, 256, DType::F64, 256), 3072},
  };
  for (const Case& c : cases) {
    CAPTURE(c.bytes);
    CHECK(gpu::sharedBytes(c.kernel) == c.bytes);
    CHECK(gpu::raise(c.kernel, limitsOf(c.bytes)));
    const auto refused = gpu::raise(c.kernel, limitsOf(c.bytes - 1));
    REQUIRE_FALSE(refused);
    CHECK(refused.error().kind == Diagnostic::Kind::Unsupported);
    CHECK(refused.error().message == "the device has no " + std::to_string(c.bytes) +
                                         " bytes of workgroup memory, its limit is " +
                                         std::to_string(c.bytes - 1));
  }
}

TEST_CASE("a device's own limit of workgroup memory is the description's, and is kept") {
  FOR_EACH_DEVICE(id) {
    const auto device = openOrFail(id);
    const hwdb::MemoryLevel* level = device->description().level("workgroup");
    REQUIRE(level != nullptr);
    const int64_t elements = level->bytes.value / 4;
    const auto fits = runOrFail(*device, programOf(sharing(DType::F32, elements), 1), {});
    CHECK(valuesOf<float>(fits[0]) == std::vector<float>{1});
    const auto refused = runProgram(*device, programOf(sharing(DType::F32, elements + 4), 1), {});
    REQUIRE_FALSE(refused);
    CHECK(refused.error().kind == Diagnostic::Kind::Unsupported);
    CHECK(refused.error().message.find("workgroup memory") != std::string::npos);
  }
}

TEST_CASE("kernels share a shader as far as their workgroup memory does") {
  runtime::Program program = programOf(sharing(DType::F32, 1024), 1);
  program.kernels.push_back(sharing(DType::I32, 1024));
  program.buffers.push_back(bufferOf(runtime::BufferInfo::Kind::Output, "z", DType::F32, 1));
  runtime::Dispatch second = program.waves[0].dispatches[0];
  second.kernel = 1;
  second.bindings = {{static_cast<int>(program.buffers.size()) - 1, 0, 4}};
  program.waves[0].dispatches.push_back(second);
  CHECK(gpu::planLaunches(program, program.kernels, limitsOf(8192)).launches.size() == 1);
  CHECK(gpu::planLaunches(program, program.kernels, limitsOf(8191)).launches.size() == 2);
}
