// Random models over all registered operators: every device gives the reference's results.
#include <doctest/doctest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>

#include "backends/vulkan/device.h"
#include "base/env.h"
#include "frontend/onnx/registry.h"
#include "quartet/quartet.h"
#include "tests/operators/check.h"
#include "tests/operators/generator.h"
#include "tests/operators/recipes.h"

using namespace quartet;
using namespace quartet::operators;

namespace {

constexpr int64_t kNetworks = 300;
/// Software GPUs take most of their time to compile: one network in so many, in a default run.
constexpr uint64_t kOnGpu = 20;

int64_t number(EnvSwitch key, int64_t otherwise) {
  const auto value = envNumber(key);
  REQUIRE_MESSAGE(value.has_value(), value.error().str());
  return value->value_or(otherwise);
}

/// The devices to run on; those that the environment names, or all.
std::vector<std::string> chosenDevices() {
  const auto named = envList(EnvSwitch::FuzzDevices);
  REQUIRE_MESSAGE(named.has_value(), named.error().str());
  const auto found = devices();
  REQUIRE_MESSAGE(found, found.error().str());
  const bool all = named->empty() || *named == std::vector<std::string>{"all"};
  std::vector<std::string> chosen;
  for (const DeviceInfo& device : *found) {
    const bool computes = device.kind != DeviceInfo::Kind::Null &&
                          device.kind != DeviceInfo::Kind::Reference && !device.compileOnly;
    const bool wanted = std::find(named->begin(), named->end(), device.id) != named->end();
    if (computes && (all || wanted)) chosen.push_back(device.id);
  }
  REQUIRE_FALSE(chosen.empty());
  return chosen;
}

void report(uint64_t seed, const Network& network, const Failure& failure) {
  const Network small = reduce(network, failure);
  const std::filesystem::path file =
      std::filesystem::temp_directory_path() / ("operators-" + std::to_string(seed) + ".onnx");
  std::ofstream(file, std::ios::binary) << write(small).bytes();
  FAIL_CHECK("seed " << seed << " (QUARTET_FUZZ_SEED=" << seed << " QUARTET_FUZZ_GRAPHS=1), "
                     << failure.where << ": " << failure.what << "\nwritten to " << file.string()
                     << "\n"
                     << print(small));
}

struct Counts {
  std::map<std::string, int64_t> rows;
  int64_t nodes = 0;
  int64_t dropped = 0;
};

void summarise(const Counts& counts, const Checker& checker) {
  std::string text = std::to_string(counts.nodes) + " nodes, " + std::to_string(counts.dropped) +
                     " left out; networks on";
  for (const auto& [device, count] : checker.runs()) {
    text += "\n  " + device + ": " + std::to_string(count);
  }
  std::vector<std::pair<int64_t, std::string>> sorted;
  for (const std::string& row : allRows()) {
    const auto found = counts.rows.find(row);
    sorted.emplace_back(found == counts.rows.end() ? 0 : found->second, row);
  }
  std::sort(sorted.begin(), sorted.end());
  text += "\nnodes of each operator, the fewest first:\n ";
  for (const auto& [count, row] : sorted) text += " " + row + ":" + std::to_string(count);
  MESSAGE(text);
  const std::vector<std::string> validation = vulkan::takeValidationMessages();
  CHECK_MESSAGE(validation.empty(), (validation.empty() ? std::string() : validation.front()));
}

}  // namespace

TEST_CASE("every registered operator has a recipe") {
  for (const frontend::Operator& row : frontend::operators()) {
    const bool drawn = recipeOf(row.type) != nullptr;
    CHECK_MESSAGE(drawn, "no recipe draws " << std::string(row.type));
  }
  for (const RecipeEntry& entry : recipes()) {
    const bool known = frontend::findOperator("", entry.type, frontend::kNewestOpset) != nullptr;
    CHECK_MESSAGE(known, "no operator " << std::string(entry.type));
  }
}

TEST_CASE("random models give the reference's results on every device") {
  const int64_t networks = number(EnvSwitch::FuzzGraphs, kNetworks);
  const auto first = static_cast<uint64_t>(number(EnvSwitch::FuzzSeed, 1));
  const bool longRun = networks > kNetworks;
  const std::vector<std::string> all = chosenDevices();
  Checker checker;
  Counts counts;
  constexpr int kMostReports = 10;
  int reports = 0;
  for (uint64_t seed = first; seed < first + static_cast<uint64_t>(networks); ++seed) {
    CAPTURE(seed);  // doctest prints it when the process crashes
    const Generated made = generate(seed);
    for (const std::string& row : made.rows) ++counts.rows[row];
    counts.nodes += static_cast<int64_t>(made.rows.size());
    counts.dropped += made.dropped;
    std::optional<Failure> failure;
    if (made.refused) {
      FAIL_CHECK("seed " << seed << ": a valid node is refused by " << *made.refused << "\n"
                         << print(made.network));
      ++reports;
    } else {
      std::vector<std::string> devices = all;
      const bool onGpu = longRun || networks == 1 || seed % kOnGpu == 0;
      if (!onGpu) std::erase_if(devices, [](const std::string& id) { return id != "cpu"; });
      failure = checker.check(made.network, devices);
    }
    if (failure) {
      report(seed, made.network, *failure);
      ++reports;
    }
    if (reports == kMostReports) break;
  }
  summarise(counts, checker);
}
