// Matrix units on CUDA: which a device has, and what NVIDIA's compiler makes of them.
#include <set>

#include "backends/common/gpu/raise.h"
#include "backends/cuda/description.h"
#include "backends/cuda/emit_cuda.h"
#include "hwdb/load.h"
#include "tests/common/harness.h"
#include "tests/common/matrix_units.h"
#include "tests/cuda/fixture.h"

using namespace quartet;
using namespace quartet::tests;

namespace {

cuda::PhysicalDevice deviceOf(const std::string& name, int major, int minor) {
  cuda::PhysicalDevice device;
  device.name = name;
  device.driver = "test";
  device.memoryBytes = int64_t{16} << 30;
  device.attributes[cuda::kCuComputeCapabilityMajor] = major;
  device.attributes[cuda::kCuComputeCapabilityMinor] = minor;
  return device;
}

std::set<std::string> elements(const cuda::PhysicalDevice& device) {
  const auto described = cuda::describeDevice(device, {});
  REQUIRE_MESSAGE(described.has_value(), (described ? "" : described.error().str()));
  std::set<std::string> found;
  for (const hwdb::MatrixUnit& unit : described->matrixUnits) {
    CHECK(unit.scope == hwdb::MatrixUnit::Scope::Subgroup);
    CHECK(unit.accumulator == (unit.a == "i8" || unit.a == "u8" ? "i32" : "f32"));
    found.insert(unit.a);
  }
  return found;
}

/// PTX of the one kernel of a product.
std::string ptxOf(const cuda::Nvrtc& nvrtc, const std::string& dtype) {
  const hwdb::Description device = test::warpGpu();
  const runtime::Program program = test::lowered(
      test::planned(test::expressed(test::matrixProductText(dtype, 0, 64, 64, 64)), device),
      device);
  gpu::Limits limits;
  limits.target = {.int64 = true, .float64 = true, .float64Functions = true, .pushWords = 512};
  limits.storage8 = limits.storage16 = true;
  limits.sharedBytes = 48 << 10;
  limits.bindings = 16;
  limits.matrices = {ir::DType::F16, ir::DType::BF16, ir::DType::I8, ir::DType::U8};
  const auto raised = gpu::raise(program.kernels.at(0), limits);
  REQUIRE_MESSAGE(raised.has_value(), (raised ? "" : raised.error().str()));
  const ir::Module* one = &*raised;
  const std::string source = cuda::emitCuda({&one, 1}, limits.target);
  const auto machine = nvrtc.compile(source, {80, false, ""}, dtype);
  REQUIRE_MESSAGE(machine.has_value(), (machine ? "" : machine.error().str()));
  const auto ptx = nvrtc.compile(source, {80, true, ""}, dtype);
  REQUIRE_MESSAGE(ptx.has_value(), (ptx ? "" : ptx.error().str()));
  return {reinterpret_cast<const char*>(ptx->bytes.data()), ptx->bytes.size()};
}

}  // namespace

TEST_CASE("cuda matrix units: those of the entry that the compute capability has") {
  using Names = std::set<std::string>;
  CHECK(elements(deviceOf("NVIDIA A100-SXM4-40GB", 8, 0)) == Names{"f16", "bf16", "i8"});
  CHECK(elements(deviceOf("Tesla T4", 7, 5)) == Names{"f16", "i8"});
  CHECK(elements(deviceOf("a card of next year", 8, 0)).empty());
}

TEST_CASE("cuda matrix units: one instruction for a product, in the layouts of its factors") {
  const auto nvrtc = nvrtcOrSkip();
  if (nvrtc == nullptr) return;
  for (const auto& [dtype, types] : std::vector<std::pair<std::string, std::string>>{
           {"f16", "f32.f32"}, {"bf16", "f32.bf16.bf16.f32"}, {"i8", "s32.s8.s8.s32"}}) {
    CAPTURE(dtype);
    const std::string ptx = ptxOf(*nvrtc, dtype);
    const std::string product = "wmma.mma.sync.aligned.";
    CHECK(ptx.find(product + "row.row.m16n16k16." + types) != std::string::npos);
    for (const std::string other : {"row.col", "col.row", "col.col"}) {
      CHECK(ptx.find(product + other) == std::string::npos);
    }
  }
}
