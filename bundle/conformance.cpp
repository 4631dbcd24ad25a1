#include "bundle/conformance.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <iostream>
#include <nlohmann/json.hpp>

#include "cli/options.h"
#include "tests/conformance/runner.h"

namespace quartet::bundle {
namespace {

using tests::SuiteReport;
using tests::TestOutcome;
using Kind = TestOutcome::Kind;
using Reasons = std::map<std::string, std::string>;

struct ConformanceOptions {
  std::string device;
  std::string data;
  std::string exceptions;
  std::vector<std::string> only;
  bool json = false;
};

/// What became of a test: passed, failed, passed only with the CPU's help, or as Kind says.
struct Outcome {
  std::string test;
  std::string message;
};

struct Conformance {
  int passed = 0;
  int notRegistered = 0;
  std::vector<Outcome> failed;
  std::vector<Outcome> helped;    // the device refuses them: passed with the CPU's help
  std::vector<Outcome> expected;  // failed as the list of exceptions says
  int all() const {
    return passed + notRegistered +
           static_cast<int>(failed.size() + helped.size() + expected.size());
  }
};

/// Whether the device cannot do what the test wants, and says so before it computes anything.
bool refused(const TestOutcome& outcome) {
  return outcome.kind == Kind::Failed && outcome.message.starts_with("error: unsupported: ");
}

/// What the device refuses must pass with the CPU's help.
void addHelped(const ConformanceOptions& options, const Reasons& refusals, Conformance& result) {
  if (refusals.empty()) return;
  const SuiteReport report =
      tests::runSuites(tests::compiledDevice(options.device, options.device, false), options.data,
                       {}, [&](const std::string& test) { return refusals.contains(test); });
  for (const TestOutcome& outcome : report.outcomes) {
    const std::string& name = outcome.test.name;
    if (outcome.kind == Kind::Passed) {
      result.helped.push_back({name, refusals.at(name)});
    } else {
      result.failed.push_back({name, outcome.message});
    }
  }
}

Conformance conform(const ConformanceOptions& options, const Reasons& exceptions) {
  const auto wanted = [&](const std::string& test) {
    const auto named = [&](const std::string& part) {
      return test.find(part) != std::string::npos;
    };
    return options.only.empty() || std::ranges::any_of(options.only, named);
  };
  const SuiteReport report =
      tests::runSuites(tests::compiledDevice(options.device, options.device, true), options.data,
                       exceptions, wanted);
  Conformance result;
  Reasons refusals;
  for (const TestOutcome& outcome : report.outcomes) {
    const std::string& name = outcome.test.name;
    if (outcome.kind == Kind::NotRegistered) {
      ++result.notRegistered;
    } else if (outcome.kind == Kind::ExpectedFailure) {
      result.expected.push_back({name, exceptions.at(name)});
    } else if (refused(outcome)) {
      refusals.emplace(name, outcome.message);
    } else if (outcome.kind == Kind::Failed) {
      result.failed.push_back({name, outcome.message});
    } else {  // also what fails elsewhere: rounding differs between devices
      ++result.passed;
    }
  }
  addHelped(options, refusals, result);
  return result;
}

nlohmann::json toJson(const std::vector<Outcome>& outcomes) {
  nlohmann::json json = nlohmann::json::array();
  for (const Outcome& outcome : outcomes) {
    json.push_back({{"test", outcome.test}, {"message", outcome.message}});
  }
  return json;
}

void print(const ConformanceOptions& options, const Conformance& result) {
  if (options.json) {
    const nlohmann::json json = {{"device", options.device},
                                 {"tests", result.all()},
                                 {"passed", result.passed},
                                 {"failed", result.failed.size()},
                                 {"with_cpu", result.helped.size()},
                                 {"expected_failures", result.expected.size()},
                                 {"not_registered", result.notRegistered},
                                 {"failed_tests", toJson(result.failed)},
                                 {"with_cpu_tests", toJson(result.helped)},
                                 {"expected_failures_tests", toJson(result.expected)}};
    std::cout << json.dump(2) << "\n";
    return;
  }
  for (const Outcome& outcome : result.failed) {
    std::cout << fmt::format("FAILED {}: {}\n", outcome.test, outcome.message);
  }
  for (const Outcome& outcome : result.helped) {
    std::cout << fmt::format("with the CPU's help {}: {}\n", outcome.test, outcome.message);
  }
  std::cout << fmt::format(
      "{}: {} tests, {} passed, {} failed, {} passed with the CPU's help, {} expected failures, "
      "{} with operators that Quartet does not have\n",
      options.device, result.all(), result.passed, result.failed.size(), result.helped.size(),
      result.expected.size(), result.notRegistered);
}

int conformance(const ConformanceOptions& options) {
  Reasons exceptions;
  if (!options.exceptions.empty()) {
    auto read = tests::readExpectedFailures(options.exceptions, options.device);
    if (!read) {
      std::cerr << read.error().str() << std::endl;
      return cli::kFailed;
    }
    exceptions = *std::move(read);
  }
  const Conformance result = conform(options, exceptions);
  print(options, result);
  if (result.all() == result.notRegistered) {
    std::cerr << "error: no test of " << options.data << " was run" << std::endl;
    return cli::kFailed;
  }
  return result.failed.empty() ? 0 : cli::kFailed;
}

}  // namespace

void addConformance(CLI::App& app, int& status) {
  auto options = std::make_shared<ConformanceOptions>();
  CLI::App* command =
      app.add_subcommand("conformance", "Run ONNX's own tests of operators on a device");
  command->add_option("data", options->data, "Folder of the tests: node/, simple/, ...")
      ->required()
      ->check(CLI::ExistingDirectory);
  command->add_option("--device", options->device, "Device: an id (cpu, vulkan:0)")
      ->required()
      ->check(cli::notEmpty());
  command
      ->add_option("--exceptions", options->exceptions,
                   "File of tests that are known to fail: lines 'DEVICE TEST REASON'")
      ->check(CLI::ExistingFile);
  command->add_option("--only", options->only, "Only tests with one of these texts in their name");
  command->add_flag("--json", options->json, "Print JSON");
  command->callback([options, &status] { status = conformance(*options); });
}

}  // namespace quartet::bundle
