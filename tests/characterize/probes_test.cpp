// The probes on every device of the machine: quick, and plausible.
#include <doctest/doctest.h>

#include <cstdlib>
#include <fstream>

#include "api/devices.h"
#include "characterize/characterize.h"
#include "characterize/report.h"
#include "hwdb/load.h"
#include "tests/skip.h"
#include "tests/temporary_folder.h"

using namespace quartet;
using namespace quartet::characterize;

namespace {

Findings quickFindings(const std::string& device) {
  std::string said;
  const auto found = characterize::characterize(
      {device, 0, true}, [&](const std::string& text) { said += text + "\n"; });
  REQUIRE_MESSAGE(found, found.error().str());
  CHECK(said.find("measuring bandwidth") != std::string::npos);
  return *found;
}

void checkPlausible(const Findings& findings) {
  for (const Figure& figure : findings.figures) {
    INFO(figure.name);
    CHECK(figure.reading.value >= 0);
    CHECK(figure.reading.p10 <= figure.reading.value);
    CHECK(figure.reading.value <= figure.reading.p90);
    CHECK(figure.reading.value < 1e12);
  }
  const hwdb::Description& measured = findings.measured;
  CHECK(measured.peakGigaflops.value > 0.05);
  CHECK(measured.memoryGigabytesPerSecond.value > 0.01);
  const hwdb::MemoryLevel* outer = nullptr;
  const hwdb::MemoryLevel* inner = nullptr;
  for (const hwdb::MemoryLevel& level : measured.memory) {
    if (level.kind == hwdb::MemoryLevel::Kind::Device) outer = &level;
    if (level.kind == hwdb::MemoryLevel::Kind::Cache) inner = &level;
  }
  REQUIRE(outer != nullptr);
  REQUIRE(inner != nullptr);
  // Other programs may run meanwhile: what is marked says little, and the rest was not measured in
  // one moment.
  const auto firm = [](const auto& field) {
    return field.source.find("noisy") == std::string::npos;
  };
  if (firm(inner->gigabytesPerSecond) && firm(outer->gigabytesPerSecond)) {
    CHECK(inner->gigabytesPerSecond.value > 0.25 * outer->gigabytesPerSecond.value);
  }
  if (firm(inner->latencyNanoseconds) && firm(outer->latencyNanoseconds)) {
    CHECK(outer->latencyNanoseconds.value > 0.25 * inner->latencyNanoseconds.value);
  }
}

/// Has programs and the library use a folder of descriptions.
class DevicesFolder {
 public:
  explicit DevicesFolder(const std::string& path) { setenv("QUARTET_DEVICES", path.c_str(), 1); }
  DevicesFolder(const DevicesFolder&) = delete;
  DevicesFolder& operator=(const DevicesFolder&) = delete;
  ~DevicesFolder() { unsetenv("QUARTET_DEVICES"); }
};

}  // namespace

TEST_CASE("characterize cpu: plausible, against what the backend measures by itself") {
  const Findings findings = quickFindings("cpu");
  checkPlausible(findings);
  // On a busy machine the cores are rarely free at once: one of them is what can be relied on.
  const double known = findings.device.peakGigaflops.value;
  const Figure* one = findings.figure("f32 peak, one group");
  REQUIRE(one != nullptr);
  CHECK(one->reading.value > 0.2 * known / static_cast<double>(findings.device.units.value));
  CHECK(findings.measured.peakGigaflops.value < 2.0 * known);  // the backend's probe is short
  CHECK(hwdb::parseEntries(description(findings), "cpu.toml"));
  CHECK(report(findings).find("Roofline") != std::string::npos);
}

TEST_CASE("characterize vulkan: every driver that can run; what is written is used for it") {
  const auto devices = api::listDevices();
  REQUIRE(devices);
  bool any = false;
  for (const api::DeviceEntry& device : *devices) {
    if (!device.info.id.starts_with("vulkan:") || device.info.compileOnly) continue;
    any = true;
    INFO(device.info.name);
    const Findings findings = quickFindings(device.info.id);
    checkPlausible(findings);
    CHECK(findings.figure("barrier between launches") != nullptr);
    const tests::TemporaryFolder folder;
    std::ofstream(folder.path("device.toml")) << description(findings);
    const DevicesFolder used(folder.path());
    const auto text = describeDevice(device.info.id);
    REQUIRE_MESSAGE(text, text.error().str());
    CHECK(text->find("description: " + folder.path("device.toml")) != std::string::npos);
    CHECK(text->find(findings.measured.peakGigaflops.source) != std::string::npos);
  }
  if (!any) SKIP_TEST("no Vulkan device that can run");
}

TEST_CASE("characterize: devices that run no kernels are refused") {
  for (const char* device : {"null", "reference"}) {
    const auto refused = characterize::characterize({device, 0, true}, [](const std::string&) {});
    REQUIRE_FALSE(refused);
    CHECK(refused.error().kind == Diagnostic::Kind::Unsupported);
  }
}
