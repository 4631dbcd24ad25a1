#include "tests/vulkan/fixture.h"

#include <cstdlib>

namespace quartet::tests {

namespace {

/// Before anything opens the instance.
const bool kValidating = [] {
  setenv("QUARTET_VULKAN_VALIDATION", "1", 0);
  return true;
}();

}  // namespace

std::vector<std::string> runnableDevices() {
  const auto devices = vulkan::listDevices();
  if (!devices) {
    FAIL_CHECK(devices.error().str());
    return {};
  }
  std::vector<std::string> ids;
  for (const vulkan::DeviceInfo& device : *devices) {
    if (!device.compileOnly) ids.push_back(device.id);
  }
  return ids;
}

std::shared_ptr<runtime::Device> openOrFail(const std::string& id,
                                            const vulkan::TestOptions& options,
                                            std::shared_ptr<runtime::CodeCache> cache) {
  auto device = vulkan::openDevice(id, options, std::move(cache));
  REQUIRE_MESSAGE(device.has_value(), (device ? "" : device.error().str()));
  return *device;
}

std::vector<Bytes> runOrFail(runtime::Device& device, runtime::Program program,
                             const std::vector<Bytes>& inputs) {
  auto results = runProgram(device, std::move(program), inputs);
  REQUIRE_MESSAGE(results.has_value(), (results ? "" : results.error().str()));
  checkNoMessages();
  return *results;
}

void checkNoMessages() {
  for (const std::string& message : vulkan::takeValidationMessages()) FAIL_CHECK(message);
}

}  // namespace quartet::tests
