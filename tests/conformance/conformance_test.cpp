// ONNX's own backend tests on every device. Each of ONNX's tests counts as one case of the run.
//
// Environment: QUARTET_ONNX_TESTDATA, the folder with node/, simple/, ...;
// QUARTET_CONFORMANCE_ONLY, a part of a test's name.

#include <doctest/doctest.h>

#include <cstdlib>
#include <fstream>
#include <iostream>
#include <map>

#include "quartet/quartet.h"
#include "tests/conformance/runner.h"
#include "tests/conformance/workers.h"
#include "tests/count.h"
#include "tests/skip.h"

namespace quartet::tests {
namespace {

std::string writeReport(const SuiteReport& report) {
  const std::filesystem::path folder = QUARTET_CONFORMANCE_REPORTS;
  std::filesystem::create_directories(folder);
  const std::filesystem::path file = folder / (report.device + ".txt");
  std::ofstream(file) << report.str();
  return file.string();
}

using Exceptions = std::map<std::string, std::string>;

Exceptions exceptionsOf(const std::string& device) {
  const std::filesystem::path list =
      std::filesystem::path(QUARTET_SOURCE_ROOT) / "tests/conformance/expected_failures.txt";
  auto expected = readExpectedFailures(list, device);
  REQUIRE_MESSAGE(expected.has_value(), expected.error().str());
  return *std::move(expected);
}

// QUARTET_CONFORMANCE_ONLY.
bool selected(const std::string& test) {
  const char* only = std::getenv("QUARTET_CONFORMANCE_ONLY");
  return only == nullptr || test.find(only) != std::string::npos;
}

void account(const SuiteReport& report) {
  for (const TestOutcome& outcome : report.outcomes) {
    const bool failed = outcome.kind == TestOutcome::Kind::Failed ||
                        outcome.kind == TestOutcome::Kind::UnexpectedPass;
    CHECK_MESSAGE(!failed, report.device << " " << outcome.test.suite << "/" << outcome.test.name
                                         << ": " << outcome.message);
  }
  for (const std::string& name : report.stale) {
    FAIL_CHECK("expected_failures.txt names '" << name << "', which is no test");
  }
  std::cout << report.summary(writeReport(report)) << std::endl;
  const int failed =
      report.count(TestOutcome::Kind::Failed) + report.count(TestOutcome::Kind::UnexpectedPass);
  countCases(report.count(TestOutcome::Kind::Passed), failed,
             report.count(TestOutcome::Kind::ExpectedFailure));
}

void conform(const ConformanceDevice& device) {
  const std::filesystem::path root = testDataRoot();
  if (!std::filesystem::is_directory(root)) {
    SKIP_TEST(root.string() + " is missing: apt-get install libonnx-testdata");
  }
  account(runSuites(device, root, exceptionsOf(device.name), selected));
}

// The id of the Vulkan device with `name` in its name, or empty. Asked in a child process: drivers
// do not survive the forks that follow.
std::string vulkanDevice(const std::string& name) {
  return runInWorkers(1, 1, 60, [&](size_t) -> std::string {
    const auto all = devices();
    if (!all) return {};
    for (const DeviceInfo& device : *all) {
      if (device.name.find(name) != std::string::npos) return device.id;
    }
    return {};
  })[0];
}

void conformVulkan(const std::string& name) {
  const std::string id = vulkanDevice(name);
  if (id.empty()) SKIP_TEST("there is no Vulkan device " + name + ": ./dev test installs it");
  conform(compiledDevice("vulkan:" + name, id, true));
}

// What expected_failures.txt says of this device alone: with the CPU's help it must pass.
void conformWithCpu(const std::string& name) {
  const std::string id = vulkanDevice(name);
  if (id.empty()) SKIP_TEST("there is no Vulkan device " + name + ": ./dev test installs it");
  const Exceptions everywhere = exceptionsOf("all");
  Exceptions lacking = exceptionsOf("vulkan:" + name);
  for (const auto& [test, reason] : everywhere) lacking.erase(test);
  account(
      runSuites(compiledDevice("vulkan:" + name + " with the CPU", id, false), testDataRoot(), {},
                [&](const std::string& test) { return lacking.contains(test) && selected(test); }));
}

TEST_CASE("conformance: reference") { conform(referenceDevice()); }
TEST_CASE("conformance: cpu") { conform(compiledDevice("cpu", "cpu", true)); }
TEST_CASE("conformance: vulkan:llvmpipe") { conformVulkan("llvmpipe"); }
TEST_CASE("conformance: vulkan:SwiftShader") { conformVulkan("SwiftShader"); }
TEST_CASE("conformance: vulkan:llvmpipe with the CPU") { conformWithCpu("llvmpipe"); }
TEST_CASE("conformance: vulkan:SwiftShader with the CPU") { conformWithCpu("SwiftShader"); }

}  // namespace
}  // namespace quartet::tests
