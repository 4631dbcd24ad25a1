// Devices: names, descriptions, what is refused, and a driver that only compiles.

#include <sys/wait.h>

#include <cstdlib>

#include "backends/vulkan/instance.h"
#include "tests/vulkan/fixture.h"

using namespace quartet;
using namespace quartet::tests;
using ir::DType;
using ir::Opcode;
using ir::ValueId;

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
  const auto device = openOrFail("vulkan:0");
  CHECK(device->description().entry == "family vulkan gpu");
  Kernel k("copy", 64);
  auto& b = k.build;
  const ValueId in = k.input(DType::I64, 64);
  const ValueId out = k.output(DType::I64, 64);
  b.store(out, b.localId(),
          b.apply(Opcode::Div, {b.load(in, b.localId()), b.literal(3, DType::I64)}));
  auto executable = device->compile(programOf(k.finish(), 1));
  REQUIRE_MESSAGE(executable.has_value(), (executable ? "" : executable.error().str()));
  const auto context = (*executable)->createContext();
  REQUIRE_FALSE(context.has_value());
  CHECK(context.error().message.find("no memory") != std::string::npos);
}
