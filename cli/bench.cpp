// quartet bench: how long a model takes.

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <chrono>
#include <iostream>
#include <nlohmann/json.hpp>

#include "cli/commands.h"
#include "cli/options.h"
#include "cli/progress.h"

namespace quartet::cli {
namespace {

struct BenchOptions : ModelOptions {
  int runs = 30;
  int warmup = 3;
  int profile = 0;  // how many task sets to show
  bool json = false;
};

using Clock = std::chrono::steady_clock;

double since(Clock::time_point start) {
  return std::chrono::duration<double, std::milli>(Clock::now() - start).count();
}

/// The value below which `part` of the sorted times lie, between neighbours linearly.
double quantile(const std::vector<double>& sorted, double part) {
  const double at = part * static_cast<double>(sorted.size() - 1);
  const auto low = static_cast<size_t>(at);
  const size_t high = std::min(low + 1, sorted.size() - 1);
  return sorted[low] + (at - static_cast<double>(low)) * (sorted[high] - sorted[low]);
}

struct Times {
  double first = 0;
  std::vector<double> sorted;
};

Expected<Times> measure(const Session& session, const NamedTensors& inputs,
                        const BenchOptions& options) {
  const Progress progress("measuring");
  Times times;
  Expected<NamedTensors> outputs = NamedTensors();
  for (int i = 0; i < 1 + options.warmup + options.runs; ++i) {
    const auto start = Clock::now();
    outputs = session.run(inputs, std::move(*outputs));
    const double milliseconds = since(start);
    if (!outputs) return outputs.error();
    if (i == 0) times.first = milliseconds;
    if (i > options.warmup) times.sorted.push_back(milliseconds);
  }
  std::sort(times.sorted.begin(), times.sorted.end());
  return times;
}

nlohmann::json toJson(const std::vector<TileTrial>& trials) {
  nlohmann::json json = nlohmann::json::array();
  for (const TileTrial& trial : trials) {
    json.push_back({{"nodes", trial.nodes},
                    {"tile", trial.tile},
                    {"predicted_us", trial.predicted},
                    {"us", trial.microseconds},
                    {"stored", trial.stored}});
  }
  return json;
}

nlohmann::json toJson(const BenchOptions& options, const std::string& model, double compileMs,
                      const Times& times, const Statistics& statistics) {
  return {{"model", model},
          {"device", statistics.device},
          {"threads", options.compile.threads},
          {"compile_ms", compileMs},
          {"schedule_ms", statistics.scheduleMs},
          {"kernels", statistics.kernels},
          {"cached_kernels", statistics.cachedKernels},
          {"first_ms", times.first},
          {"median_ms", quantile(times.sorted, 0.5)},
          {"p10_ms", quantile(times.sorted, 0.1)},
          {"p90_ms", quantile(times.sorted, 0.9)},
          {"runs", options.runs},
          {"times_ms", times.sorted},
          {"launches", statistics.launches},
          {"bytes", statistics.trafficBytes},
          {"peak_bytes", statistics.peakBytes()}};
}

void print(const BenchOptions& options, const std::string& model, double compileMs,
           const Times& times, const Statistics& statistics) {
  std::cout << fmt::format(
      "{} on {}: median {:.3f} ms (p10 {:.3f}, p90 {:.3f}) of {} runs; first {:.3f} ms, file to "
      "ready {:.0f} ms ({} of {} kernels from the cache); {} launches, {:.4g} MB moved, {:.4g} MB "
      "of memory\n",
      model, statistics.device, quantile(times.sorted, 0.5), quantile(times.sorted, 0.1),
      quantile(times.sorted, 0.9), options.runs, times.first, compileMs, statistics.cachedKernels,
      statistics.kernels, statistics.launches, statistics.trafficBytes / 1e6,
      static_cast<double>(statistics.peakBytes()) / 1e6);
}

/// The task sets that cost most.
Expected<std::vector<TaskSetTime>> costliest(const Session& session, const NamedTensors& inputs,
                                             const BenchOptions& options) {
  if (options.profile == 0) return std::vector<TaskSetTime>{};
  auto times = session.profile(inputs, options.runs);
  if (!times) return times;
  std::stable_sort(times->begin(), times->end(), [](const TaskSetTime& a, const TaskSetTime& b) {
    return a.microseconds > b.microseconds;
  });
  times->resize(std::min(times->size(), static_cast<size_t>(options.profile)));
  return times;
}

void print(const std::vector<TaskSetTime>& sets) {
  for (const TaskSetTime& set : sets) {
    std::cout << fmt::format("  {:10.1f} us ({:.1f} predicted)  {}: {}\n", set.microseconds,
                             set.predicted, set.name, set.nodes);
  }
}

nlohmann::json toJson(const std::vector<TaskSetTime>& sets) {
  nlohmann::json json = nlohmann::json::array();
  for (const TaskSetTime& set : sets) {
    json.push_back({{"name", set.name},
                    {"nodes", set.nodes},
                    {"us", set.microseconds},
                    {"predicted_us", set.predicted}});
  }
  return json;
}

int bench(const BenchOptions& options) {
  auto loaded = loadModel(options);
  if (!loaded) return fail(loaded.error());
  const auto session = compile(*loaded, options.compile);
  if (!session) return fail(session.error());
  std::vector<nlohmann::json> reports;
  for (Case& one : loaded->cases) {
    const auto pinned = loaded->at(one);
    if (!pinned) return fail(pinned.error());
    const auto at = sessionFor(*session, one);
    if (!at) return fail(at.error());
    const NamedTensors inputs = loaded->takeInputs(*pinned, one);
    const auto times = measure(*at, inputs, options);
    if (!times) return fail(times.error());
    const auto sets = costliest(*at, inputs, options);
    if (!sets) return fail(sets.error());
    const double compileMs = loaded->milliseconds + at->statistics().compileMs;
    if (options.json) {
      reports.push_back(toJson(options, loaded->model.name(), compileMs, *times, at->statistics()));
      if (loaded->cases.size() > 1) reports.back()["shapes"] = one.str();
      if (options.profile > 0) reports.back()["task_sets"] = toJson(*sets);
      if (options.compile.measure > 1) reports.back()["trials"] = toJson(at->trials());
    } else {
      if (loaded->cases.size() > 1) std::cout << one.str() << ": ";
      print(options, loaded->model.name(), compileMs, *times, at->statistics());
      print(*sets);
    }
  }
  if (reports.size() == 1) std::cout << reports[0].dump(2) << "\n";
  if (reports.size() > 1) std::cout << nlohmann::json(reports).dump(2) << "\n";
  return 0;
}

}  // namespace

void addBench(CLI::App& app, int& status) {
  auto options = std::make_shared<BenchOptions>();
  CLI::App* command = app.add_subcommand("bench", "Measure how long a model takes");
  options->addModel(*command);
  options->addInputs(*command);
  options->addCompile(*command, true);
  command->add_option("--runs", options->runs, "Measured runs")->check(CLI::Range(1, 1000000));
  command->add_option("--warmup", options->warmup, "Runs before those that are measured")
      ->check(CLI::Range(0, 1000000));
  command
      ->add_option("--profile", options->profile,
                   "Show so many task sets that take most, each timed by itself")
      ->check(CLI::Range(0, 1000000));
  command
      ->add_option(
          "--draw-tiles", options->compile.drawTiles,
          "With --measure: run tiles that are drawn from all legal ones with this seed, to "
          "compare them with their predictions (\"trials\" of --json)")
      ->check(unsigned64())
      ->needs("--measure");
  command->add_flag("--json", options->json, "Print JSON");
  command->callback([options, &status] { status = bench(*options); });
}

}  // namespace quartet::cli
