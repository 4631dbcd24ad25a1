#include "tests/conformance/runner.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <fstream>
#include <sstream>

#include "tests/conformance/compare.h"
#include "tests/conformance/workers.h"

namespace quartet::tests {
namespace {

using Kind = TestOutcome::Kind;

constexpr int kWorkers = 2;
constexpr int kSeconds = 120;  // for one test
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

// A test as far as its model's text decides it: not registered, unreadable, or to be run (Passed).
TestOutcome inspect(const OnnxTest& test) {
  TestOutcome outcome{test, Kind::Passed, {}, {}};
  const auto model = readTestModel(test);
  if (!model) {
    outcome.kind = Kind::Failed;
    outcome.message = model.error().str();
  } else if (!model->notRegistered.empty()) {
    outcome.kind = Kind::NotRegistered;
    outcome.notRegistered = model->notRegistered;
  }
  return outcome;
}

// Empty, or why the test failed.
std::string runToText(const OnnxTest& test, const ConformanceDevice& device) {
  const auto model = readTestModel(test);
  if (!model) return model.error().str();
  const Status status = runGuarded(test, *model, device);
  return status ? "" : status.error().str();
}

void judge(TestOutcome& outcome, std::string message, bool mayFail) {
  if (!message.empty()) {
    outcome.kind = mayFail ? Kind::ExpectedFailure : Kind::Failed;
    outcome.message = std::move(message);
  } else if (mayFail) {
    outcome.kind = Kind::UnexpectedPass;
    outcome.message = "passes, although expected_failures.txt lists it: shorten the list";
  }
}

std::string section(const SuiteReport& report, Kind kind, const std::string& title) {
  std::string text;
  for (const TestOutcome& outcome : report.outcomes) {
    if (outcome.kind != kind) continue;
    text += fmt::format("{}/{}: {}\n", outcome.test.suite, outcome.test.name, outcome.message);
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
                      const std::function<bool(const std::string& test)>& wanted) {
  std::vector<OnnxTest> tests;
  SuiteReport report{device.name, {}, {}};
  std::map<std::string, std::string> unseen = expectedFailures;
  for (const char* suite : kSuites) {
    for (OnnxTest& test : listTests(root, suite)) {
      unseen.erase(test.name);
      if (wanted(test.name)) tests.push_back(std::move(test));
    }
  }
  for (const auto& [name, reason] : unseen) report.stale.push_back(name);
  std::vector<TestOutcome*> runs;
  report.outcomes.reserve(tests.size());
  for (const OnnxTest& test : tests) {
    report.outcomes.push_back(inspect(test));
    if (report.outcomes.back().kind == Kind::Passed) runs.push_back(&report.outcomes.back());
  }
  std::vector<std::string> messages = runInWorkers(
      runs.size(), kWorkers, kSeconds, [&](size_t i) { return runToText(runs[i]->test, device); });
  for (size_t i = 0; i < runs.size(); ++i) {
    judge(*runs[i], std::move(messages[i]), expectedFailures.contains(runs[i]->test.name));
  }
  return report;
}

}  // namespace quartet::tests
