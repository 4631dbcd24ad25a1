// The kernels that measure matrix units, through every backend's compiler; and what the probe makes
// of the times. No device at hand has such units.
#include <doctest/doctest.h>

#include <utility>

#include "backends/common/gpu/raise.h"
#include "backends/cuda/cubin.h"
#include "backends/cuda/emit_cuda.h"
#include "backends/vulkan/compile.h"
#include "backends/vulkan/emit_glsl.h"
#include "characterize/bench.h"
#include "characterize/characterize.h"
#include "characterize/matrix_kernels.h"
#include "hwdb/load.h"
#include "ir/text.h"
#include "runtime/half.h"
#include "tests/characterize/units.h"
#include "tests/common/kernels.h"
#include "tests/cpu/support.h"
#include "tests/cuda/fake_device.h"
#include "tests/cuda/fixture.h"

using namespace quartet;
using namespace quartet::characterize;
using namespace quartet::tests;

namespace {

constexpr MatrixShape kShape{64, 32, 8};
constexpr int64_t kGroups = 4;
/// Products in the text of a kernel: none may be found equal to another, or to be loop-invariant.
constexpr size_t kProducts = size_t{8} * kLinksPerCount;

ir::Module parsed(const std::string& text) {
  auto kernel = ir::parse(text);
  REQUIRE_MESSAGE(kernel, kernel.error().str() << "\n" << text);
  return *std::move(kernel);
}

gpu::Limits limits() {
  gpu::Limits limits;
  limits.device = "test";
  limits.target = {.int64 = true, .float64 = true, .float64Functions = true, .pushWords = 512};
  limits.storage8 = limits.storage16 = true;
  limits.sharedBytes = 48 << 10;
  limits.bindings = 16;
  limits.matrices = {ir::DType::F16, ir::DType::BF16, ir::DType::I8, ir::DType::U8};
  return limits;
}

ir::Module raised(const hwdb::MatrixUnit& unit) {
  auto kernel = gpu::raise(parsed(matrixProductKernel(unit, kShape, kGroups)), limits());
  REQUIRE_MESSAGE(kernel, kernel.error().str());
  return *std::move(kernel);
}

size_t occurrences(const std::string& text, const std::string& what) {
  size_t count = 0;
  for (size_t at = text.find(what); at != std::string::npos; at = text.find(what, at + 1)) ++count;
  return count;
}

/// Instructions of a kind in a SPIR-V module.
size_t instructions(const vulkan::SpirV& code, uint32_t op) {
  size_t count = 0;
  for (size_t at = 5; at < code.size(); at += code[at] >> 16) {
    REQUIRE((code[at] >> 16) > 0);
    count += (code[at] & 0xffff) == op ? 1 : 0;
  }
  return count;
}

}  // namespace

TEST_CASE("characterize matrix units: valid SPIR-V, with every product of the chains") {
  constexpr uint32_t kMulAddNv = 5361;
  constexpr uint32_t kMulAddKhr = 4459;
  for (const hwdb::MatrixUnit& unit :
       {subgroupUnit("f16", 16, 16, 16), subgroupUnit("f16", 16, 8, 16),
        subgroupUnit("f16", 8, 16, 16), subgroupUnit("i8", 16, 16, 32)}) {
    const ir::Module kernel = raised(unit);
    const ir::Module* one = &kernel;
    const std::string glsl = vulkan::emitGlsl({&one, 1}, limits().target);
    const auto nv = vulkan::compileGlsl(glsl, "nv", vulkan::CooperativeMatrix::Nv);
    REQUIRE_MESSAGE(nv, nv.error().str());
    CHECK(vulkan::complaints(*nv) == "");
    CHECK(instructions(*nv, kMulAddNv) == kProducts);
    const auto khr = vulkan::compileGlsl(glsl, "khr", vulkan::CooperativeMatrix::Khr);
    REQUIRE_MESSAGE(khr, khr.error().str());
    CHECK(instructions(*khr, kMulAddKhr) == kProducts);
  }
}

TEST_CASE("characterize matrix units: NVRTC keeps every product of the chains, without spills") {
  const auto nvrtc = nvrtcOrSkip();
  if (nvrtc == nullptr) return;
  for (const auto& [dtype, types] :
       std::vector<std::pair<std::string, std::string>>{{"f16", "f32.f32"},
                                                        {"bf16", "f32.bf16.bf16.f32"},
                                                        {"i8", "s32.s8.s8.s32"},
                                                        {"u8", "s32.u8.u8.s32"}}) {
    CAPTURE(dtype);
    const ir::Module kernel = raised(subgroupUnit(dtype, 16, 16, 16));
    const ir::Module* one = &kernel;
    const std::string source = cuda::emitCuda({&one, 1}, limits().target);
    const auto ptx = nvrtc->compile(source, {80, true, ""}, dtype);
    REQUIRE_MESSAGE(ptx, ptx.error().str());
    const std::string text(reinterpret_cast<const char*>(ptx->bytes.data()), ptx->bytes.size());
    CHECK(occurrences(text, "wmma.mma.sync.aligned.row.row.m16n16k16." + types) == kProducts);
    const auto code = nvrtc->compile(source, {80, false, ""}, dtype);
    REQUIRE_MESSAGE(code, code.error().str());
    const auto figures = cuda::readFigures(code->bytes, cuda::kEntry);
    REQUIRE_MESSAGE(figures, figures.error().str());
    CHECK(figures->stackBytes == 0);
    CHECK(figures->registers < 128);
  }
}

TEST_CASE("characterize matrix units: on the stand-ins for CUDA they compute what they say") {
  const auto device = openFakeOrFail();
  const hwdb::MatrixUnit unit = subgroupUnit("f16", 16, 16, 16);
  const std::vector<uint16_t> halves(256, runtime::floatToHalf(0.5F));
  const auto results = runProgram(
      *device, programOf(parsed(matrixProductKernel(unit, kShape, kGroups)), kGroups, {3}),
      {bytesOf(halves), bytesOf(halves)});
  REQUIRE_MESSAGE(results.has_value(), (results ? "" : results.error().str()));
  const std::vector<float> sums = valuesOf<float>(results->at(0));
  REQUIRE(sums.size() == static_cast<size_t>(kGroups * kShape.sums(unit)));
  for (size_t i = 0; i < sums.size(); ++i) {
    const auto chain = static_cast<float>(i / 256 % 8);
    REQUIRE(sums[i] == chain + 3 * kLinksPerCount * 16 * 0.25F);
  }
}

TEST_CASE(
    "characterize matrix units: dot products on the CPU, by its instructions if it has them") {
  constexpr int kLanes = 4;
  constexpr size_t kElements = 2 * size_t{kLanes};
  constexpr int kChains = 3;
  constexpr int kLinks = 2 * kLinksPerCount;
  const KernelShape shape{kLanes, 0};
  std::vector<uint32_t> bytes(kLanes, 0xc8030201);  // 1, 2, 3, 200
  bytes.resize(kElements, 0xff01ff01);              // 1, -1, 1, -1
  std::vector<int32_t> sums(kElements);
  const CompiledKernel dot4(
      parsed(dotProductKernel(dotBytes(), shape, kChains, int64_t{kElements})), true);
  dot4.run({bytes.data(), sums.data()}, 2, {2});
  CHECK(sums == std::vector<int32_t>(kElements, 3 - 198 * kChains * kLinks));
  std::vector<uint32_t> halves(kLanes, 0x40003f80);  // 1, 2
  halves.resize(kElements, 0x3e803f00);              // 0.5, 0.25
  std::vector<float> totals(kElements);
  const CompiledKernel dot2(parsed(dotProductKernel(dotBf16(), shape, kChains, int64_t{kElements})),
                            true);
  dot2.run({halves.data(), totals.data()}, 2, {2});
  CHECK(totals == std::vector<float>(kElements, 3 + kChains * kLinks));
  const cpu::HostTarget& host = cpu::HostTarget::get();
  const size_t products = size_t{kChains} * kLinksPerCount;
  if (host.vnni) CHECK(occurrences(dot4.assembly(), "vpdpbusd") == products);
  if (host.bf16) CHECK(occurrences(dot2.assembly(), "vdpbf16ps") == products);
}

namespace {

/// A suite that takes so long for each turn of a kernel's loop.
class TimedSuite : public api::LoadedSuite {
 public:
  explicit TimedSuite(api::KernelSuite suite) : suite_(std::move(suite)) {}
  Status upload(const std::vector<std::span<const std::byte>>& contents) override {
    size_t uploaded = 0;
    for (const api::KernelBuffer& buffer : suite_.buffers) {
      if (!buffer.uploaded) continue;
      REQUIRE(uploaded < contents.size());
      CHECK(contents[uploaded++].size() == static_cast<size_t>(buffer.bytes));
    }
    CHECK(uploaded == contents.size());
    return {};
  }
  Result<double> runOnHost(size_t) override { return userError("not asked for"); }
  Result<std::vector<double>> runOnDevice(size_t sequence) override {
    const api::KernelLaunch& launch = suite_.sequences.at(sequence).at(0);
    return std::vector<double>{100.0 * launch.parameters.at(0)};
  }
  Result<std::vector<std::byte>> download(size_t) override { return userError("not asked for"); }
  double compileMicroseconds() const override { return 0; }

 private:
  api::KernelSuite suite_;
};

class TimedRunner : public api::KernelRunner {
 public:
  explicit TimedRunner(hwdb::Description device) : device_(std::move(device)) {}
  const std::string& id() const override { return name_; }
  const hwdb::Description& description() const override { return device_; }
  const std::string& clock() const override { return name_; }
  Result<std::unique_ptr<api::LoadedSuite>> load(const api::KernelSuite& suite) override {
    for (const std::string& text : suite.kernels) kernels.push_back(text);
    return std::make_unique<TimedSuite>(suite);
  }
  std::vector<std::string> kernels;

 private:
  hwdb::Description device_;
  std::string name_ = "timed";
};

hwdb::Description deviceOf(hwdb::Description::Kind kind, std::vector<hwdb::MatrixUnit> units) {
  hwdb::Description device;
  device.name = "timed";
  device.driver = "none";
  device.kind = kind;
  device.units.value = 4;
  device.subgroup.value = 32;
  device.groupInvocations.value = 64;
  device.vectorLanes.value = 16;
  device.vectorRegisters.value = 32;
  device.matrixUnits = std::move(units);
  return device;
}

Findings ratesOf(TimedRunner& runner) {
  Findings findings;
  findings.device = runner.description();
  findings.date = "2026-01-31";
  Bench bench(runner, true, findings, [](const std::string&) {});
  const Status done = probeMatrixUnits(bench);
  REQUIRE_MESSAGE(done, done.error().str());
  return findings;
}

}  // namespace

TEST_CASE("characterize matrix units: rates of a GPU's, one by one") {
  TimedRunner runner(deviceOf(hwdb::Description::Kind::Gpu,
                              {subgroupUnit("f16", 16, 8, 16), subgroupUnit("f16", 16, 16, 16),
                               subgroupUnit("tf32", 16, 16, 8), dotBytes()}));
  const Findings findings = ratesOf(runner);
  for (const std::string& text : runner.kernels) parsed(text);
  const Figure* narrow = findings.figure("f16 x f16 + f32, 16 x 8 x 16");
  const Figure* wide = findings.figure("f16 x f16 + f32, 16 x 16 x 16");
  REQUIRE(narrow != nullptr);
  REQUIRE(wide != nullptr);
  // 32 groups of 2 subgroups of 8 accumulators, kLinksPerCount products each in 100 us.
  const double products = 32 * 2 * 8 * kLinksPerCount;
  CHECK(narrow->reading.value == doctest::Approx(products * 2 * 16 * 8 * 16 / 100 * 1e-3));
  CHECK(wide->reading.value == doctest::Approx(products * 2 * 16 * 16 * 16 / 100 * 1e-3));
  REQUIRE(findings.notes.size() == 2);
  CHECK(findings.notes[0].find("tf32") != std::string::npos);
  CHECK(findings.notes[1].find("u8 x i8 + i32") != std::string::npos);

  const auto entries = hwdb::parseEntries(description(findings), "x.toml");
  REQUIRE_MESSAGE(entries, entries.error().str());
  const auto laid = hwdb::overlay(runner.description(), entries->front());
  REQUIRE_MESSAGE(laid, laid.error().str());
  const auto& units = laid->matrixUnits;
  CHECK(units[0].gigaflops.value == doctest::Approx(narrow->reading.value).epsilon(0.001));
  CHECK(units[1].gigaflops.value == doctest::Approx(wide->reading.value).epsilon(0.001));
  CHECK(units[1].gigaflops.provenance == hwdb::Provenance::Measured);
  CHECK(units[1].gigaflops.source.find("8 independent accumulators") != std::string::npos);
  CHECK_FALSE(hwdb::given(units[2].gigaflops));
}

TEST_CASE("characterize matrix units: rates of a CPU's, a unit on each of its cores") {
  TimedRunner runner(deviceOf(hwdb::Description::Kind::Cpu, {dotBf16(), dotBytes()}));
  const Findings findings = ratesOf(runner);
  const Figure* halves = findings.figure("bf16 x bf16 + f32, 1 x 1 x 2");
  const Figure* bytes = findings.figure("u8 x i8 + i32, 1 x 1 x 4");
  REQUIRE(halves != nullptr);
  REQUIRE(bytes != nullptr);
  const double links = 4 * 16 * 12 * kLinksPerCount;  // cores, lanes, chains
  CHECK(halves->reading.value == doctest::Approx(links * 4 / 100 * 1e-3));
  CHECK(bytes->reading.value == doctest::Approx(links * 8 / 100 * 1e-3));
  CHECK(bytes->unit == "GOP/s");
  CHECK(findings.notes.empty());
  CHECK(findings.measured.matrixUnits.size() == 2);
}

TEST_CASE("characterize matrix units: a device without any says so") {
  TimedRunner runner(deviceOf(hwdb::Description::Kind::Gpu, {}));
  const Findings findings = ratesOf(runner);
  REQUIRE(findings.notes.size() == 1);
  CHECK(findings.notes[0].find("none") != std::string::npos);
  CHECK(findings.measured.matrixUnits.empty());
}
