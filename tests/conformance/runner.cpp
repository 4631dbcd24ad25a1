#include "tests/conformance/runner.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cstdlib>
#include <fstream>
#include <sstream>
#include <thread>

#include "tests/conformance/compare.h"

namespace quartet::tests {
namespace {

using Kind = TestOutcome::Kind;

constexpr std::array kSuites = {"node", "simple", "pytorch-converted", "pytorch-operator"};

Status runTest(const OnnxTest& test, const OnnxTestModel& model, const ConformanceDevice& device) {
  const auto inputs = QT_TRY(readTestTensors(test, "input", model.inputs));
  const auto expected = QT_TRY(readTestTensors(test, "output", model.outputs));
  if (expected.size() != model.outputs.size()) return userError("the test's data lacks outputs");
  std::vector<std::string> names;
  for (const NamedTensor& output : expected) names.push_back(output.name);
  const auto outputs = QT_TRY(device.run(test.folder / "model.onnx", inputs, names));
  for (size_t i = 0; i < expected.size(); ++i) {
    const Tensor& want = expected[i].tensor;
    const Tensor got = want->dtype == ir::DType::U16
                           ? reinterpreted(outputs[i], ir::DType::BF16, ir::DType::U16)
                           : outputs[i];
    const std::string found = difference(*want, *got);
    if (!found.empty()) return userError("output '" + names[i] + "': " + found);
  }
  return {};
}

// The same, with whatever is thrown as an error: a bug of ours must not end the whole run.
Status runGuarded(const OnnxTest& test, const OnnxTestModel& model,
                  const ConformanceDevice& device) {
  try {
    return runTest(test, model, device);
  } catch (const std::exception& exception) {
    return userError(std::string("exception: ") + exception.what());
  }
}

TestOutcome evaluate(const OnnxTest& test, const ConformanceDevice& device,
                     const std::map<std::string, std::string>& expectedFailures) {
  TestOutcome outcome{test, Kind::Passed, {}, {}};
  const auto model = readTestModel(test);
  if (!model) {
    outcome.kind = Kind::Failed;
    outcome.message = model.error().str();
    return outcome;
  }
  if (!model->notRegistered.empty()) {
    outcome.kind = Kind::NotRegistered;
    outcome.notRegistered = model->notRegistered;
    return outcome;
  }
  const Status status = runGuarded(test, *model, device);
  const auto exception = expectedFailures.find(test.name);
  if (!status) {
    outcome.kind = exception == expectedFailures.end() ? Kind::Failed : Kind::ExpectedFailure;
    outcome.message = status.error().str();
  } else if (exception != expectedFailures.end()) {
    outcome.kind = Kind::UnexpectedPass;
    outcome.message = "passes, although expected_failures.txt lists it: shorten the list";
  }
  return outcome;
}

std::string section(const SuiteReport& report, Kind kind, const std::string& title) {
  std::string text;
  for (const TestOutcome& outcome : report.outcomes) {
    if (outcome.kind != kind) continue;
    std::string message = outcome.message;
    for (size_t at = 0; (at = message.find('\n', at)) != std::string::npos;) {
      message.replace(at, 1, "; ");
    }
    text += fmt::format("{}/{}: {}\n", outcome.test.suite, outcome.test.name, message);
  }
  return text.empty() ? text : "== " + title + "\n" + text + "\n";
}

}  // namespace

std::filesystem::path testDataRoot() {
  const char* root = std::getenv("QUARTET_ONNX_TESTDATA");
  return root != nullptr ? root : QUARTET_ONNX_TESTDATA_DEFAULT;
}

int SuiteReport::count(Kind kind) const {
  return static_cast<int>(std::ranges::count(outcomes, kind, &TestOutcome::kind));
}

std::string SuiteReport::summary(const std::string& file) const {
  return fmt::format(
      "conformance {}: {} passed, {} failed, {} expected failures, {} not registered ({})", device,
      count(Kind::Passed), count(Kind::Failed) + count(Kind::UnexpectedPass),
      count(Kind::ExpectedFailure), count(Kind::NotRegistered), file);
}

std::string SuiteReport::str() const {
  std::string text = section(*this, Kind::Failed, "failed") +
                     section(*this, Kind::UnexpectedPass, "passed, but expected to fail") +
                     section(*this, Kind::ExpectedFailure, "expected failures");
  std::map<std::string, std::vector<std::string>> missing;
  for (const TestOutcome& outcome : outcomes) {
    for (const std::string& name : outcome.notRegistered)
      missing[name].push_back(outcome.test.name);
  }
  text += "== not registered, by operator (a test may want several)\n";
  for (const auto& [name, tests] : missing) {
    text += fmt::format("{} ({}): {}\n", name, tests.size(), fmt::join(tests, " "));
  }
  return text;
}

Result<std::map<std::string, std::string>> readExpectedFailures(const std::filesystem::path& file,
                                                                const std::string& device) {
  std::ifstream stream(file);
  if (!stream) return userError("cannot read the file", file.string());
  std::map<std::string, std::string> reasons;
  int number = 0;
  for (std::string line; std::getline(stream, line);) {
    ++number;
    if (line.empty() || line[0] == '#') continue;
    std::istringstream words(line);
    std::string which, test, reason;
    words >> which >> test;
    std::getline(words >> std::ws, reason);
    if (reason.empty()) {
      return userError("a line needs a device, a test and a reason",
                       file.string() + ":" + std::to_string(number));
    }
    if (which == device || which == "all") reasons[test] = reason;
  }
  return reasons;
}

SuiteReport runSuites(const ConformanceDevice& device, const std::filesystem::path& root,
                      const std::map<std::string, std::string>& expectedFailures,
                      const std::string& filter) {
  std::vector<OnnxTest> tests;
  SuiteReport report{device.name, {}, {}};
  std::map<std::string, std::string> unseen = expectedFailures;
  for (const char* suite : kSuites) {
    for (OnnxTest& test : listTests(root, suite)) {
      unseen.erase(test.name);
      if (test.name.find(filter) != std::string::npos) tests.push_back(std::move(test));
    }
  }
  for (const auto& [name, reason] : unseen) report.stale.push_back(name);
  report.outcomes.resize(tests.size());
  std::atomic<size_t> next = 0;
  const auto drain = [&] {
    for (size_t i = next++; i < tests.size(); i = next++) {
      report.outcomes[i] = evaluate(tests[i], device, expectedFailures);
    }
  };
  std::vector<std::jthread> others;
  for (unsigned i = 1; i < std::thread::hardware_concurrency(); ++i) others.emplace_back(drain);
  drain();
  others.clear();
  return report;
}

}  // namespace quartet::tests
