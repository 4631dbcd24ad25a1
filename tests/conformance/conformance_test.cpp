// ONNX's own backend tests on every device. Each of ONNX's tests counts as one case of the run.
//
// Two suites: Debian's, of the time of opset 17 (QUARTET_ONNX_TESTDATA, the folder with node/,
// simple/, ...), and the one in the wheel onnx==1.22.0 (QUARTET_ONNX_WHEEL_TESTDATA, likewise).
// QUARTET_CONFORMANCE_ONLY, a part of a test's name, restricts both.

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

/// A set of tests and the list of those that are known to fail.
struct Suite {
  std::string name;  // of the reports
  std::filesystem::path root;
  std::string exceptions;
};

Suite debianSuite() { return {"", testDataRoot(), "expected_failures.txt"}; }

Suite wheelSuite() {
  const char* root = std::getenv("QUARTET_ONNX_WHEEL_TESTDATA");
  return {"1.22 ", root == nullptr ? "" : root, "expected_failures_1.22.txt"};
}

std::string writeReport(const Suite& suite, const SuiteReport& report) {
  const std::filesystem::path folder = QUARTET_CONFORMANCE_REPORTS;
  std::filesystem::create_directories(folder);
  const std::filesystem::path file = folder / (suite.name + report.device + ".txt");
  std::ofstream(file) << report.str();
  return file.string();
}

using Exceptions = std::map<std::string, std::string>;

Exceptions exceptionsOf(const Suite& suite, const std::string& device) {
  const std::filesystem::path list =
      std::filesystem::path(QUARTET_SOURCE_ROOT) / "tests/conformance" / suite.exceptions;
  auto expected = readExpectedFailures(list, device);
  REQUIRE_MESSAGE(expected.has_value(), expected.error().str());
  return *std::move(expected);
}

// QUARTET_CONFORMANCE_ONLY.
bool selected(const std::string& test) {
  const char* only = std::getenv("QUARTET_CONFORMANCE_ONLY");
  return only == nullptr || test.find(only) != std::string::npos;
}

void account(const Suite& suite, const SuiteReport& report) {
  for (const TestOutcome& outcome : report.outcomes) {
    const bool failed = outcome.kind == TestOutcome::Kind::Failed ||
                        outcome.kind == TestOutcome::Kind::UnexpectedPass;
    CHECK_MESSAGE(!failed, report.device << " " << outcome.test.suite << "/" << outcome.test.name
                                         << ": " << outcome.message);
  }
  for (const std::string& name : report.stale) {
    FAIL_CHECK(suite.exceptions << " names '" << name << "', which is no test");
  }
  std::cout << suite.name << report.summary(writeReport(suite, report)) << std::endl;
  const int failed =
      report.count(TestOutcome::Kind::Failed) + report.count(TestOutcome::Kind::UnexpectedPass);
  countCases(report.count(TestOutcome::Kind::Passed), failed,
             report.count(TestOutcome::Kind::ExpectedFailure));
}

void conform(const Suite& suite, const ConformanceDevice& device) {
  if (!std::filesystem::is_directory(suite.root)) {
    SKIP_TEST("no tests in '" + suite.root.string() + "': ./dev test installs them");
  }
  account(suite, runSuites(device, suite.root, exceptionsOf(suite, device.name), selected));
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

void conformVulkan(const Suite& suite, const std::string& name) {
  const std::string id = vulkanDevice(name);
  if (id.empty()) SKIP_TEST("there is no Vulkan device " + name + ": ./dev test installs it");
  conform(suite, compiledDevice("vulkan:" + name, id, true));
}

// What the list says of this device alone: with the CPU's help it must pass.
void conformWithCpu(const Suite& suite, const std::string& name) {
  const std::string id = vulkanDevice(name);
  if (id.empty()) SKIP_TEST("there is no Vulkan device " + name + ": ./dev test installs it");
  if (!std::filesystem::is_directory(suite.root)) SKIP_TEST("no tests: ./dev test installs them");
  const Exceptions everywhere = exceptionsOf(suite, "all");
  Exceptions lacking = exceptionsOf(suite, "vulkan:" + name);
  for (const auto& [test, reason] : everywhere) lacking.erase(test);
  account(suite, runSuites(compiledDevice("vulkan:" + name + " with the CPU", id, false),
                           suite.root, {}, [&](const std::string& test) {
                             return lacking.contains(test) && selected(test);
                           }));
}

TEST_CASE("conformance: reference") { conform(debianSuite(), referenceDevice()); }
TEST_CASE("conformance: cpu") { conform(debianSuite(), compiledDevice("cpu", "cpu", true)); }
TEST_CASE("conformance: vulkan:llvmpipe") { conformVulkan(debianSuite(), "llvmpipe"); }
TEST_CASE("conformance: vulkan:SwiftShader") { conformVulkan(debianSuite(), "SwiftShader"); }
TEST_CASE("conformance: vulkan:llvmpipe with the CPU") {
  conformWithCpu(debianSuite(), "llvmpipe");
}
TEST_CASE("conformance: vulkan:SwiftShader with the CPU") {
  conformWithCpu(debianSuite(), "SwiftShader");
}

TEST_CASE("conformance 1.22: reference") { conform(wheelSuite(), referenceDevice()); }
TEST_CASE("conformance 1.22: cpu") { conform(wheelSuite(), compiledDevice("cpu", "cpu", true)); }
TEST_CASE("conformance 1.22: vulkan:llvmpipe") { conformVulkan(wheelSuite(), "llvmpipe"); }
TEST_CASE("conformance 1.22: vulkan:SwiftShader") { conformVulkan(wheelSuite(), "SwiftShader"); }
TEST_CASE("conformance 1.22: vulkan:llvmpipe with the CPU") {
  conformWithCpu(wheelSuite(), "llvmpipe");
}
TEST_CASE("conformance 1.22: vulkan:SwiftShader with the CPU") {
  conformWithCpu(wheelSuite(), "SwiftShader");
}

}  // namespace
}  // namespace quartet::tests
