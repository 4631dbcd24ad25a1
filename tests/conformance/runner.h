// Runs all tests of the suites on one device, and accounts for every one of them.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "tests/conformance/device.h"

namespace quartet::tests {

/// Where Debian's libonnx-testdata lies: the build option, or QUARTET_ONNX_TESTDATA.
std::filesystem::path testDataRoot();

struct TestOutcome {
  enum class Kind { Passed, Failed, ExpectedFailure, UnexpectedPass, NotRegistered };
  OnnxTest test;
  Kind kind = Kind::Failed;
  std::string message;
  std::vector<std::string> notRegistered;
};

struct SuiteReport {
  std::string device;
  std::vector<TestOutcome> outcomes;  // sorted by suite and name
  std::vector<std::string> stale;     // expected failures that name no test
  int count(TestOutcome::Kind kind) const;
  /// "conformance reference: 812 passed, 0 failed, 2 expected failures, 214 not registered (FILE)".
  std::string summary(const std::string& file) const;
  /// Failures with their reasons; what is not registered, by operator.
  std::string str() const;
};

/// Reasons by test name, of the lines "device test reason..." for `device` (or "all").
Result<std::map<std::string, std::string>> readExpectedFailures(const std::filesystem::path& file,
                                                                const std::string& device);

/// Only tests that `wanted` names.
SuiteReport runSuites(const ConformanceDevice& device, const std::filesystem::path& root,
                      const std::map<std::string, std::string>& expectedFailures,
                      const std::function<bool(const std::string& test)>& wanted);

}  // namespace quartet::tests
