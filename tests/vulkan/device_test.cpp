// Devices: names, descriptions, what is refused, and a driver that only compiles.

#include <sys/wait.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>

#include "backends/vulkan/instance.h"
#include "backends/vulkan/pipeline_cache.h"
#include "tests/temporary_folder.h"
#include "tests/vulkan/fixture.h"

using namespace quartet;
using namespace quartet::tests;
using ir::DType;
using ir::Opcode;
using ir::ValueId;

namespace {

std::shared_ptr<runtime::CodeCache> cacheIn(const TemporaryFolder& folder) {
  auto cache = runtime::CodeCache::open(folder.path(), 1 << 20);
  REQUIRE(cache.has_value());
  return *cache;
}

}  // namespace

TEST_CASE("devices are found by index, UUID and part of the name") {
  FOR_EACH_DEVICE(id) {
    const auto devices = vulkan::listDevices();
    REQUIRE(devices.has_value());
    for (const vulkan::DeviceInfo& device : *devices) {
      if (device.id != id) continue;
      CHECK(openOrFail(device.uuid)->description().name == device.name);
      CHECK(openOrFail("vulkan:" + device.uuid)->description().name == device.name);
      CHECK(openOrFail(device.name)->description().name == device.name);
    }
  }
  const auto none = vulkan::openDevice("vulkan:no such device");
  REQUIRE_FALSE(none.has_value());
  CHECK(none.error().hint.find("the devices are") != std::string::npos);
  CHECK_FALSE(vulkan::openDevice("vulkan:99").has_value());
}

TEST_CASE("descriptions join queried limits with an entry's costs") {
  FOR_EACH_DEVICE(id) {
    const hwdb::Description d = openOrFail(id)->description();
    CAPTURE(d.name);
    CHECK(d.maxBindingBytes.provenance == hwdb::Provenance::Queried);
    CHECK(d.maxBindingBytes.value >= int64_t{1} << 27);
    CHECK(d.bindingAlignBytes.value >= 1);
    CHECK(d.maxGroupInvocations.value >= 128);
    CHECK(d.memoryBytes.value > 0);
    REQUIRE(d.level("workgroup") != nullptr);
    CHECK(d.level("workgroup")->bytes.provenance == hwdb::Provenance::Queried);
    if (d.name.find("llvmpipe") != std::string::npos) CHECK(d.entry == "llvmpipe");
    if (d.name.find("SwiftShader") != std::string::npos) CHECK(d.entry == "SwiftShader");
  }
}

TEST_CASE("software drivers are never a default") {
  const auto devices = vulkan::listDevices();
  REQUIRE(devices.has_value());
  for (const vulkan::DeviceInfo& device : *devices) {
    if (device.kind == vulkan::DeviceInfo::Kind::Software) CHECK_FALSE(device.mayBeDefault());
  }
}

TEST_CASE("a group larger than the device's limit is refused") {
  FOR_EACH_DEVICE(id) {
    Kernel k("huge", 1 << 20);
    const auto results = runProgram(*openOrFail(id), programOf(k.finish(), 1), {});
    REQUIRE_FALSE(results.has_value());
    CHECK(results.error().kind == Diagnostic::Kind::Unsupported);
    CHECK(results.error().message.find("invocations") != std::string::npos);
  }
}

TEST_CASE("data of pipeline caches is for one driver, device and version") {
  vulkan::PhysicalDevice device;
  device.vendor = 0x1002;
  device.device = 7;
  for (size_t i = 0; i < device.pipelineCacheUuid.size(); ++i) {
    device.pipelineCacheUuid[i] = static_cast<uint8_t>(i + 1);
  }
  VkPipelineCacheHeaderVersionOne header{};
  header.headerSize = sizeof header;
  header.headerVersion = VK_PIPELINE_CACHE_HEADER_VERSION_ONE;
  header.vendorID = device.vendor;
  header.deviceID = device.device;
  std::copy(device.pipelineCacheUuid.begin(), device.pipelineCacheUuid.end(),
            static_cast<uint8_t*>(header.pipelineCacheUUID));
  Bytes data(sizeof header + 100);
  std::memcpy(data.data(), &header, sizeof header);
  CHECK(vulkan::fitsDriver(data, device));
  CHECK_FALSE(vulkan::fitsDriver(std::span(data).first(sizeof header), device));  // nothing in it
  CHECK_FALSE(vulkan::fitsDriver(std::span(data).first(10), device));
  CHECK_FALSE(vulkan::fitsDriver({}, device));
  for (size_t i = 0; i < sizeof header; ++i) {
    data[i] ^= std::byte{0x40};
    // A longer header is fine as long as something follows it.
    if (i != 0) CHECK_FALSE(vulkan::fitsDriver(data, device));
    data[i] ^= std::byte{0x40};
  }
}

// Drivers that give out a header only, and those that give more: the answers stay.
TEST_CASE("a cache serves the second program") {
  FOR_EACH_DEVICE(id) {
    const TemporaryFolder folder;
    Kernel k("triple", 1);
    auto& b = k.build;
    const ValueId in = k.input(DType::I32, 4);
    const ValueId out = k.output(DType::I32, 4);
    b.store(out, b.groupId(), b.apply(Opcode::Mul, {b.load(in, b.groupId()), b.literal(3)}));
    const ir::Module kernel = k.finish();
    for (const int64_t cached : {0, 1, 1}) {
      const auto device = openOrFail(id, {}, cacheIn(folder));
      const auto executable = device->compile(programOf(kernel, 4));
      REQUIRE(executable.has_value());
      CHECK((*executable)->cachedKernels() == cached);
      const auto results =
          runOrFail(*device, programOf(kernel, 4), {bytesOf<int32_t>({1, 2, 3, -4})});
      CHECK(valuesOf<int32_t>(results[0]) == std::vector<int32_t>{3, 6, 9, -12});
    }
  }
}

// This program again, in a process whose only driver is RADV with no device behind it.
TEST_CASE("a device without memory compiles, and refuses to run") {
  constexpr int kNoDriver = 77;
  if (std::getenv("QUARTET_TEST_NULL_DEVICE") == nullptr) {
    const int status = std::system(
        "unset VK_DRIVER_FILES VK_ICD_FILENAMES VK_ADD_DRIVER_FILES; "
        "QUARTET_TEST_NULL_DEVICE=1 QUARTET_TEST_SUMMARY=/dev/null RADV_FORCE_FAMILY=NAVI21 "
        "VK_LOADER_DRIVERS_SELECT='*radeon*' "
        "\"$(readlink /proc/$PPID/exe)\" --test-case=\"a device without memory*\" >&2");
    if (WEXITSTATUS(status) == kNoDriver) SKIP_TEST("RADV is not installed");
    CHECK(status == 0);
    return;
  }
  const auto devices = vulkan::listDevices();
  REQUIRE(devices.has_value());
  if (devices->empty()) std::_Exit(kNoDriver);
  REQUIRE(devices->size() == 1);
  CHECK(devices->front().compileOnly);
  CHECK_FALSE(devices->front().mayBeDefault());
  const TemporaryFolder folder;
  const auto device = openOrFail("vulkan:0", {}, cacheIn(folder));
  CHECK(device->description().entry == "family vulkan gpu");
  Kernel k("copy", 64);
  auto& b = k.build;
  const ValueId in = k.input(DType::I64, 64);
  const ValueId out = k.output(DType::I64, 64);
  b.store(out, b.localId(),
          b.apply(Opcode::Div, {b.load(in, b.localId()), b.literal(3, DType::I64)}));
  const ir::Module kernel = k.finish();
  auto executable = device->compile(programOf(kernel, 1));
  REQUIRE_MESSAGE(executable.has_value(), (executable ? "" : executable.error().str()));
  // This driver gives out its compiled pipelines: one entry beside that of the SPIR-V.
  CHECK(folder.files(".entry").size() == 2);
  CHECK((*executable)->cachedKernels() == 0);
  const auto again = openOrFail("vulkan:0", {}, cacheIn(folder))->compile(programOf(kernel, 1));
  REQUIRE(again.has_value());
  CHECK((*again)->cachedKernels() == 1);
  CHECK(folder.files(".entry").size() == 2);
  const auto context = (*executable)->createContext();
  REQUIRE_FALSE(context.has_value());
  CHECK(context.error().message.find("no memory") != std::string::npos);
}
