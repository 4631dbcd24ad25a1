// quartet verify: devices against the reference.

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <cmath>
#include <iostream>
#include <nlohmann/json.hpp>

#include "cli/commands.h"
#include "cli/options.h"
#include "cli/progress.h"

namespace quartet::cli {
namespace {

struct VerifyOptions : ModelOptions {
  std::vector<std::string> devices;
  bool json = false;
};

struct DeviceResult {
  std::string device;
  std::string shapes;          // when there are several cases
  std::optional<Error> error;  // could not compile or run
  double compileMs = 0;
  double runMs = 0;
  std::vector<Comparison> comparisons;

  bool passed() const {
    if (error) return false;
    for (const Comparison& comparison : comparisons) {
      if (!comparison.passed) return false;
    }
    return true;
  }
};

/// Every device that can run, the reference apart.
Expected<std::vector<std::string>> runnableDevices() {
  const auto found = devices();
  if (!found) return found.error();
  std::vector<std::string> ids;
  for (const DeviceInfo& device : *found) {
    if (device.kind != DeviceInfo::Kind::Reference && !device.compileOnly) ids.push_back(device.id);
  }
  return ids;
}

/// A case with the reference's answer.
struct Expectation {
  Case shapes;
  NamedTensors inputs;
  Oracle oracle;
};

Expected<std::vector<Expectation>> evaluateReference(LoadedModel& loaded) {
  std::vector<Expectation> expectations;
  for (Case& one : loaded.cases) {
    const auto pinned = loaded.at(one);
    if (!pinned) return pinned.error();
    // Compiling for the reference checks memory before the inputs are made.
    if (const auto fits = Session::compile(*pinned, {.device = "reference"}); !fits) {
      return fits.error();
    }
    NamedTensors inputs = loaded.takeInputs(*pinned, one);
    const Progress progress("evaluating the reference");
    auto oracle = Oracle::evaluate(*pinned, inputs);
    if (!oracle) return oracle.error();
    expectations.push_back({one, std::move(inputs), *std::move(oracle)});
  }
  return expectations;
}

DeviceResult verifyCase(const Session& session, const Expectation& expected,
                        const std::string& device) {
  DeviceResult result;
  result.device = device;
  const auto compiled = sessionFor(session, expected.shapes);
  if (!compiled) {
    result.error = compiled.error();
    return result;
  }
  if (compiled->notes().empty()) {
    result.device = compiled->statistics().device;
  } else {
    result.device += " (on " + compiled->statistics().device + ")";
  }
  result.compileMs = compiled->statistics().compileMs;
  const auto start = std::chrono::steady_clock::now();
  const auto outputs = session.run(expected.inputs);
  result.runMs =
      std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - start).count();
  if (outputs) {
    result.comparisons = expected.oracle.compare(*outputs);
  } else {
    result.error = outputs.error();
  }
  return result;
}

/// One session for all cases.
std::vector<DeviceResult> verifyDevice(const VerifyOptions& options, const Model& model,
                                       const std::vector<Expectation>& expectations,
                                       const std::string& device) {
  CompileOptions compile = options.compile;
  compile.device = device;
  const Progress progress("verifying on " + device);
  const auto session = Session::compile(model, compile);
  std::vector<DeviceResult> results;
  for (const Expectation& expected : expectations) {
    DeviceResult result;
    if (session) {
      result = verifyCase(*session, expected, device);
    } else {
      result.device = device;
      result.error = session.error();
    }
    if (expectations.size() > 1) result.shapes = expected.shapes.str();
    results.push_back(std::move(result));
  }
  return results;
}

nlohmann::json toJson(const std::string& model, const std::vector<Expectation>& expectations,
                      const std::vector<DeviceResult>& results) {
  double milliseconds = 0;
  for (const Expectation& expected : expectations) milliseconds += expected.oracle.milliseconds();
  nlohmann::json json{{"model", model}, {"reference_ms", milliseconds}};
  json["devices"] = nlohmann::json::array();
  for (const DeviceResult& result : results) {
    nlohmann::json device{{"device", result.device}, {"passed", result.passed()}};
    if (!result.shapes.empty()) device["shapes"] = result.shapes;
    if (result.error) device["error"] = result.error->str();
    device["compile_ms"] = result.compileMs;
    device["run_ms"] = result.runMs;
    device["outputs"] = nlohmann::json::array();
    for (const Comparison& comparison : result.comparisons) {
      nlohmann::json output{{"output", comparison.output},
                            {"passed", comparison.passed},
                            {"elements", comparison.elements},
                            {"failures", comparison.failures},
                            {"detail", comparison.detail}};
      // JSON has no infinity.
      output["worst_ratio"] = std::isfinite(comparison.worstRatio)
                                  ? nlohmann::json(comparison.worstRatio)
                                  : nlohmann::json("inf");
      device["outputs"].push_back(std::move(output));
    }
    json["devices"].push_back(std::move(device));
  }
  return json;
}

void printTable(const Model& model, const std::vector<DeviceResult>& results) {
  size_t width = 6;
  for (const TensorInfo& info : model.outputs()) width = std::max(width, info.name.size());
  width = std::min<size_t>(width, 40);
  std::cout << fmt::format("{:<14} {:<{}} {:>12} {:>12}  {}\n", "device", "output", width,
                           "elements", "worst ratio", "result");
  for (const DeviceResult& result : results) {
    if (!result.shapes.empty()) std::cout << result.shapes << "\n";
    if (result.error) {
      std::cout << fmt::format("{:<14} {}\n", result.device, result.error->str());
      continue;
    }
    for (const Comparison& comparison : result.comparisons) {
      std::cout << fmt::format("{:<14} {:<{}} {:>12} {:>12.4g}  {}\n", result.device,
                               comparison.output, width, comparison.elements, comparison.worstRatio,
                               comparison.passed ? "ok" : "FAILED");
      if (comparison.passed) continue;
      std::cout << fmt::format("    {} of {} elements differ; {}\n", comparison.failures,
                               comparison.elements, comparison.detail);
    }
  }
}

int verify(const VerifyOptions& options) {
  auto loaded = loadModel(options);
  if (!loaded) return fail(loaded.error());
  std::vector<std::string> selected = options.devices;
  if (selected.empty()) {
    auto all = runnableDevices();
    if (!all) return fail(all.error());
    selected = *std::move(all);
  }
  const auto expectations = evaluateReference(*loaded);
  if (!expectations) return fail(expectations.error());
  std::vector<DeviceResult> results;
  bool passed = true;
  for (const std::string& device : selected) {
    for (DeviceResult& result : verifyDevice(options, loaded->model, *expectations, device)) {
      passed = passed && result.passed();
      results.push_back(std::move(result));
    }
  }
  if (options.json) {
    std::cout << toJson(loaded->model.name(), *expectations, results).dump(2) << "\n";
  } else {
    printTable(loaded->model, results);
  }
  return passed ? 0 : kFailed;
}

}  // namespace

void addVerify(CLI::App& app, int& status) {
  auto options = std::make_shared<VerifyOptions>();
  CLI::App* command = app.add_subcommand(
      "verify",
      "Compare devices with the reference: |got - ref| <= 1e-3 |ref| + 1e-4 max|ref|; "
      "integers equal, or what they select");
  options->addModel(*command);
  options->addInputs(*command);
  options->addCompile(*command, false);
  command->add_option("--device", options->devices, "Devices; without it all that can run")
      ->check(notEmpty());
  command->add_flag("--json", options->json, "Print JSON");
  command->callback([options, &status] { status = verify(*options); });
}

}  // namespace quartet::cli
