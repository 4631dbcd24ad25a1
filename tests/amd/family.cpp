#include "tests/amd/family.h"

#include <cstdlib>

#include "backends/vulkan/device.h"
#include "tests/skip.h"

namespace quartet::tests {

namespace {

constexpr const char* kFamilies[] = {"VEGA10", "NAVI10", "NAVI21", "GFX1100"};
constexpr const char* kVariable = "QUARTET_TEST_FAMILY";
constexpr int kNoDriver = 77;

/// The exit status of this program's test case in a process whose only driver is RADV.
int runFor(const std::string& family, const std::string& testCase) {
  const std::string command =
      "unset VK_DRIVER_FILES VK_ICD_FILENAMES VK_ADD_DRIVER_FILES; "
      "VK_LOADER_DRIVERS_SELECT='*radeon*' " +
      std::string(kVariable) + "=" + family + " RADV_FORCE_FAMILY=" + family +
      " QUARTET_TEST_SUMMARY=/dev/null \"$(readlink /proc/$PPID/exe)\" --test-case=\"" + testCase +
      "\" >&2";
  return WEXITSTATUS(std::system(command.c_str()));
}

}  // namespace

bool inFamilyProcess(const std::string& testCase) {
  if (std::getenv(kVariable) != nullptr) {
    const auto devices = vulkan::listDevices();
    REQUIRE(devices.has_value());
    if (devices->empty()) std::_Exit(kNoDriver);
    return true;
  }
  for (const char* family : kFamilies) {
    const int status = runFor(family, testCase);
    if (status == kNoDriver) {
      skip("RADV is not installed: apt-get install mesa-vulkan-drivers");
      return false;
    }
    CHECK_MESSAGE(status == 0, family);
  }
  return false;
}

std::string familyName() { return std::getenv(kVariable); }

std::shared_ptr<runtime::Device> familyDevice() {
  auto device = vulkan::openDevice("vulkan:0");
  REQUIRE_MESSAGE(device.has_value(), (device ? "" : device.error().str()));
  return *device;
}

}  // namespace quartet::tests
