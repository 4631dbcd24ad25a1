// Matrix units on Vulkan, without a device that has them: kernels as GLSL and SPIR-V in the NV
// form, validated; what becomes of that for drivers with the KHR extension; which units are used.
#include <map>
#include <set>

#include "backends/vulkan/compile.h"
#include "backends/vulkan/description.h"
#include "backends/vulkan/emit_glsl.h"
#include "ir/text.h"
#include "tests/common/harness.h"
#include "tests/common/matrix_units.h"
#include "tests/golden.h"
#include "tests/vulkan/fixture.h"

using namespace quartet;
using namespace quartet::tests;
using vulkan::SpirV;

namespace {

gpu::Limits limitsOf(std::vector<ir::DType> matrices) {
  gpu::Limits limits;
  limits.device = "test";
  limits.storage8 = limits.storage16 = true;
  limits.sharedBytes = 48 << 10;
  limits.bindings = 16;
  limits.matrices = std::move(matrices);
  return limits;
}

/// GLSL of the kernels of a graph on a device with units.
std::vector<std::string> shaders(const std::string& text, const gpu::Limits& limits) {
  const hwdb::Description device = test::matrixGpu();
  const runtime::Program program =
      test::lowered(test::planned(test::expressed(text), device), device);
  std::vector<std::string> all;
  for (const ir::Module& kernel : program.kernels) {
    const auto raised = gpu::raise(kernel, limits);
    REQUIRE_MESSAGE(raised.has_value(), (raised ? "" : raised.error().str()));
    const ir::Module* one = &*raised;
    all.push_back(vulkan::emitGlsl({&one, 1}, limits.target));
  }
  return all;
}

SpirV compiled(const std::string& glsl, vulkan::CooperativeMatrix matrices) {
  const auto code = vulkan::compileGlsl(glsl, "test", matrices);
  REQUIRE_MESSAGE(code.has_value(), (code ? "" : code.error().str()));
  return *code;
}

/// Goes through a module in the KHR form, checks what it says of matrices, and takes it back to the
/// NV form, which can be validated. Written from the two specifications, apart from the rewriter.
class KhrReader {
 public:
  explicit KhrReader(const SpirV& code) : code_(code) {}

  SpirV run() {
    nv_.assign(code_.begin(), code_.begin() + 5);
    for (size_t at = 5; at < code_.size(); at += code_[at] >> 16) {
      REQUIRE((code_[at] >> 16) > 0);
      REQUIRE(at + (code_[at] >> 16) <= code_.size());
      read({code_.begin() + static_cast<long>(at),
            code_.begin() + static_cast<long>(at + (code_[at] >> 16))});
    }
    return nv_;
  }

  std::set<uint32_t> uses;  // of types
  int loads = 0, stores = 0, products = 0;
  std::set<uint32_t> masks;  // of products
  std::set<uint32_t> layouts;
  bool capability = false, extension = false;

 private:
  using Words = std::vector<uint32_t>;

  void write(uint32_t op, Words operands) {
    nv_.push_back(static_cast<uint32_t>(operands.size() + 1) << 16 | op);
    nv_.insert(nv_.end(), operands.begin(), operands.end());
  }

  uint32_t flag(uint32_t layout) {
    layouts.insert(constants_.at(layout));
    return flags_.at(constants_.at(layout));
  }

  void read(const Words& words) {
    const uint32_t op = words[0] & 0xffff;
    const Words operands(words.begin() + 1, words.end());
    const auto rest = [&](size_t from) {
      return Words(operands.begin() + static_cast<long>(from), operands.end());
    };
    const auto with = [&](Words first, const Words& more) {
      first.insert(first.end(), more.begin(), more.end());
      return first;
    };
    CHECK((op < 5358 || op > 5362));  // no instruction of the NV form is left
    switch (op) {
      case 17:  // OpCapability
        CHECK(operands[0] != 5357);
        capability |= operands[0] == 6022;
        return write(op, {operands[0] == 6022 ? 5357 : operands[0]});
      case 10: {  // OpExtension
        const std::string name = reinterpret_cast<const char*>(operands.data());
        CHECK(name != "SPV_NV_cooperative_matrix");
        if (name != "SPV_KHR_cooperative_matrix") break;
        extension = true;
        const char text[28] = "SPV_NV_cooperative_matrix";
        const auto* first = reinterpret_cast<const uint32_t*>(text);
        return write(op, Words(first, first + 7));
      }
      case 41:  // OpConstantTrue
        flags_[1] = operands[1];
        break;
      case 42:
        flags_[0] = operands[1];
        break;
      case 43:  // OpConstant
        constants_[operands[1]] = operands[2];
        break;
      case 4456: {  // OpTypeCooperativeMatrixKHR
        REQUIRE(operands.size() == 6);
        CHECK(constants_.at(operands[2]) == 3);  // the subgroup's
        const uint32_t use = constants_.at(operands[5]);
        CHECK(use < 3);
        uses.insert(use);
        useOf_[operands[0]] = use;
        return write(5358, {operands.begin(), operands.end() - 1});
      }
      case 4457:  // OpCooperativeMatrixLoadKHR
        ++loads;
        typeOf_[operands[1]] = operands[0];
        return write(
            5359,
            with({operands[0], operands[1], operands[2], operands[4], flag(operands[3])}, rest(5)));
      case 4458:
        ++stores;
        return write(5360,
                     with({operands[0], operands[1], operands[3], flag(operands[2])}, rest(4)));
      case 4459: {
        ++products;
        CHECK(useOf_.at(operands[0]) == 2);
        for (uint32_t i = 0; i < 3; ++i) CHECK(useOf_.at(typeOf_.at(operands[2 + i])) == i);
        masks.insert(operands.size() > 5 ? operands[5] : 0);
        return write(5361, {operands.begin(), operands.begin() + 5});
      }
      default:
        // OpLoad and others that have a result of a type
        if (operands.size() > 1 && useOf_.contains(operands[0])) typeOf_[operands[1]] = operands[0];
    }
    write(op, operands);
  }

  const SpirV& code_;
  SpirV nv_;
  std::map<uint32_t, uint32_t> constants_, flags_, useOf_, typeOf_;
};

const std::vector<ir::DType> kAll{ir::DType::F16, ir::DType::I8};

}  // namespace

TEST_CASE("matrix units: GLSL of a small kernel") {
  const auto kernel = ir::parse(readTestFile("ir/golden/matrix.ir"));
  REQUIRE(kernel.has_value());
  const ir::Module* one = &*kernel;
  const std::string glsl = vulkan::emitGlsl({&one, 1}, {});
  compiled(glsl, vulkan::CooperativeMatrix::Nv);
  checkGolden("vulkan/golden/matrix.comp", glsl);
}

TEST_CASE("matrix units: kernels are valid in the NV form, and say the same in the KHR form") {
  for (const auto& [text, mask] : std::vector<std::pair<std::string, uint32_t>>{
           {test::matrixProductText("f16", 0, 64, 64, 64), 0},
           {test::matrixProductText("f16", 3, 33, 40, 47), 0},
           {test::matrixProductText("i8", 0, 50, 70, 90), 15},
           {test::matrixConvolutionText("f16", 24, 40, 14, 14), 0},
           {test::matrixConvolutionText("i8", 19, 33, 9, 13, 2), 15}}) {
    CAPTURE(text);
    for (const std::string& glsl : shaders(text, limitsOf(kAll))) {
      CAPTURE(glsl);
      const SpirV nv = compiled(glsl, vulkan::CooperativeMatrix::Nv);
      const SpirV khr = compiled(glsl, vulkan::CooperativeMatrix::Khr);
      CHECK(*vulkan::toKhr(nv) == khr);
      KhrReader reader(khr);
      const SpirV back = reader.run();
      CHECK(reader.capability);
      CHECK(reader.extension);
      CHECK(reader.uses == std::set<uint32_t>{0, 1, 2});
      CHECK(reader.loads > 0);
      CHECK(reader.stores > 0);
      CHECK(reader.products > 0);
      CHECK(reader.masks == std::set<uint32_t>{mask});
      CHECK(vulkan::complaints(back) == "");
      // Why the form that drivers get is not validated: the tools do not know it.
      CHECK(vulkan::complaints(nv) == "");
      CHECK(vulkan::complaints(khr) != "");
    }
  }
}

TEST_CASE("matrix units: both orders of elements survive the rewriting") {
  std::set<uint32_t> layouts;
  for (const std::string& glsl :
       shaders(test::matrixProductText("f16", 0, 64, 64, 64), limitsOf(kAll))) {
    const SpirV khr = compiled(glsl, vulkan::CooperativeMatrix::Khr);
    KhrReader reader(khr);
    reader.run();
    layouts.insert(reader.layouts.begin(), reader.layouts.end());
  }
  const auto kernel = ir::parse(readTestFile("ir/golden/matrix.ir"));
  REQUIRE(kernel.has_value());
  const ir::Module* one = &*kernel;
  const SpirV khr = compiled(vulkan::emitGlsl({&one, 1}, {}), vulkan::CooperativeMatrix::Khr);
  KhrReader reader(khr);
  reader.run();
  CHECK(reader.layouts == std::set<uint32_t>{0, 1});
  CHECK(layouts.contains(0));
}

TEST_CASE("matrix units: shaders without matrices are the same for every driver, and validated") {
  const std::string text = test::matrixProductText("f32", 0, 64, 64, 64);
  for (const std::string& glsl : shaders(text, limitsOf({}))) {
    const SpirV code = compiled(glsl, vulkan::CooperativeMatrix::Khr);
    CHECK(code == compiled(glsl, vulkan::CooperativeMatrix::None));
    CHECK(vulkan::complaints(code) == "");
  }
}

TEST_CASE("matrix units: kernels that need what a device lacks are refused") {
  const hwdb::Description device = test::matrixGpu();
  const auto refusal = [&](const std::string& dtype, const gpu::Limits& limits) {
    const runtime::Program program = test::lowered(
        test::planned(test::expressed(test::matrixProductText(dtype, 0, 64, 64, 64)), device),
        device);
    const auto raised = gpu::raise(program.kernels.at(0), limits);
    REQUIRE_FALSE(raised.has_value());
    CHECK(raised.error().kind == Diagnostic::Kind::Unsupported);
    return raised.error().message;
  };
  CHECK(refusal("f16", limitsOf({})) == "the device has no matrix units");
  CHECK(refusal("bf16", limitsOf(kAll)) == "the device has no matrix units for bf16");
}

TEST_CASE("matrix units: which enumerated shapes are used") {
  vulkan::PhysicalDevice device;
  device.float16 = device.int8 = device.storage8 = device.storage16 = true;
  VkCooperativeMatrixPropertiesNV shape{.sType = VK_STRUCTURE_TYPE_COOPERATIVE_MATRIX_PROPERTIES_NV,
                                        .pNext = nullptr,
                                        .MSize = 16,
                                        .NSize = 8,
                                        .KSize = 32,
                                        .AType = VK_COMPONENT_TYPE_FLOAT16_NV,
                                        .BType = VK_COMPONENT_TYPE_FLOAT16_NV,
                                        .CType = VK_COMPONENT_TYPE_FLOAT32_NV,
                                        .DType = VK_COMPONENT_TYPE_FLOAT32_NV,
                                        .scope = VK_SCOPE_SUBGROUP_NV};
  const auto unit = vulkan::matrixUnit(shape, device);
  REQUIRE(unit.has_value());
  CHECK(unit->a == "f16");
  CHECK(unit->accumulator == "f32");
  CHECK(unit->m.value == 16);
  CHECK(unit->n.value == 8);
  CHECK(unit->k.value == 32);
  CHECK(unit->k.provenance == hwdb::Provenance::Queried);
  CHECK_FALSE(hwdb::given(unit->gigaflops));
  const auto refused = [&](auto change) {
    VkCooperativeMatrixPropertiesNV other = shape;
    change(other);
    return !vulkan::matrixUnit(other, device).has_value();
  };
  CHECK(refused([](auto& s) { s.scope = VK_SCOPE_WORKGROUP_NV; }));
  CHECK(refused([](auto& s) { s.CType = VK_COMPONENT_TYPE_FLOAT16_NV; }));
  CHECK(refused([](auto& s) { s.CType = s.DType = VK_COMPONENT_TYPE_FLOAT16_NV; }));
  CHECK(refused([](auto& s) { s.AType = VK_COMPONENT_TYPE_SINT8_NV; }));
  CHECK(refused([](auto& s) { s.AType = s.BType = VK_COMPONENT_TYPE_FLOAT32_NV; }));
  device.float16 = false;
  CHECK_FALSE(vulkan::matrixUnit(shape, device).has_value());
  device.float16 = true;
  device.storage16 = false;
  CHECK_FALSE(vulkan::matrixUnit(shape, device).has_value());
  shape.AType = shape.BType = VK_COMPONENT_TYPE_SINT8_NV;
  shape.CType = shape.DType = VK_COMPONENT_TYPE_SINT32_NV;
  REQUIRE(vulkan::matrixUnit(shape, device).has_value());
  CHECK(vulkan::matrixUnit(shape, device)->a == "i8");
  CHECK(refused([](auto& s) { s.AType = s.BType = VK_COMPONENT_TYPE_UINT8_NV; }));
  CHECK(refused([](auto& s) { s.BType = VK_COMPONENT_TYPE_UINT8_NV; }));
  CHECK(refused([](auto& s) { s.AType = VK_COMPONENT_TYPE_UINT8_NV; }));
}

TEST_CASE("matrix units: a device has those that its driver enumerates, at the database's rates") {
  vulkan::PhysicalDevice device;
  device.name = "NVIDIA GeForce RTX 3090";
  device.type = VK_PHYSICAL_DEVICE_TYPE_DISCRETE_GPU;
  device.limits.maxComputeWorkGroupInvocations = 1024;
  device.limits.maxComputeWorkGroupSize[0] = 1024;
  device.limits.maxComputeWorkGroupCount[0] = device.limits.maxComputeWorkGroupCount[1] = 65535;
  device.limits.maxComputeSharedMemorySize = 49152;
  device.limits.maxPushConstantsSize = 256;
  device.limits.maxStorageBufferRange = UINT32_MAX;
  device.limits.minStorageBufferOffsetAlignment = 16;
  device.limits.maxPerStageDescriptorStorageBuffers = 1 << 20;
  device.limits.maxDescriptorSetStorageBuffers = 1 << 20;
  device.limits.maxPerStageResources = 1 << 20;
  device.subgroupSize = 32;
  device.maxAllocationBytes = 1 << 30;
  device.memory.memoryHeapCount = 1;
  device.memory.memoryHeaps[0] = {VkDeviceSize{24} << 30, VK_MEMORY_HEAP_DEVICE_LOCAL_BIT};
  device.float16 = device.int8 = device.storage8 = device.storage16 = true;
  const auto units = [&](const vulkan::TestOptions& options = {}) {
    const auto described = vulkan::describeDevice(device, options);
    REQUIRE_MESSAGE(described.has_value(), (described ? "" : described.error().str()));
    return described->matrixUnits;
  };
  // The database knows of bf16, tf32 and more, by CUDA.
  CHECK(units().empty());
  hwdb::MatrixUnit half;
  half.a = half.b = "f16";
  half.accumulator = "f32";
  half.m = half.n = half.k = {16, hwdb::Provenance::Queried, "driver"};
  device.matrixUnits = {half};
  device.cooperativeMatrix = vulkan::CooperativeMatrix::Khr;
  REQUIRE(units().size() == 1);
  CHECK(units()[0].a == "f16");
  CHECK(units()[0].gigaflops.value > 10000);
  CHECK(units({.widenStorage = true}).empty());
}
