// Random models over all registered operators: every device gives the reference's results.
#include <doctest/doctest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <set>

#include "backends/vulkan/device.h"
#include "base/env.h"
#include "frontend/onnx/registry.h"
#include "quartet/quartet.h"
#include "tests/operators/check.h"
#include "tests/operators/damage.h"
#include "tests/operators/generator.h"
#include "tests/operators/recipes.h"
#include "tests/operators/reduce.h"

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
  std::vector<Way> ways;
  if (failure.way) ways.push_back(*failure.way);
  const Network small = reduce(network, [&](const Network& candidate) {
    const auto still = Checker().check(candidate, ways);
    return still && still->where() == failure.where();
  });
  const std::filesystem::path file =
      std::filesystem::temp_directory_path() / ("operators-" + std::to_string(seed) + ".onnx");
  std::ofstream(file, std::ios::binary) << write(small).bytes();
  FAIL_CHECK("seed " << seed << " (QUARTET_FUZZ_SEED=" << seed << " QUARTET_FUZZ_GRAPHS=1), "
                     << failure.where() << ": " << failure.what << "\nwritten to " << file.string()
                     << "\n"
                     << print(small));
}

struct Counts {
  std::map<std::string, int64_t> rows;
  int64_t nodes = 0;
  int64_t dropped = 0;
};

/// What was run; `all`: every operator must have come up.
void summarise(const Counts& counts, const Checker& checker, bool all) {
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
  if (all) CHECK_MESSAGE(sorted[0].first > 0, "no node of " << sorted[0].second);
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

TEST_CASE("a seed gives one model") {
  for (uint64_t seed = 1; seed <= 20; ++seed) {
    CHECK(write(generate(seed).network).bytes() == write(generate(seed).network).bytes());
  }
}

TEST_CASE("the reducer keeps what fails and little else") {
  int reduced = 0;
  for (uint64_t seed = 1; seed <= 240; ++seed) {
    const Network network = generate(seed).network;
    const auto fails = [](const Network& candidate) {
      return std::ranges::any_of(candidate.nodes,
                                 [](const Node& node) { return node.type == "Transpose"; });
    };
    if (!fails(network)) continue;
    const Network small = reduce(network, fails);
    CHECK(small.nodes.size() == 1);
    CHECK(small.outputs.size() == 1);
    CHECK_FALSE(Checker().check(small, {}).has_value());
    ++reduced;
  }
  CHECK(reduced > 1);
}

// Importing folds what is known, which runs much of the reference too.
TEST_CASE("wrong models are refused for what is wrong with them") {
  const int64_t networks = number(EnvSwitch::FuzzGraphs, kNetworks);
  const auto first = static_cast<uint64_t>(number(EnvSwitch::FuzzSeed, 1));
  constexpr int kChanges = 10;
  int64_t refused = 0;
  std::set<std::string> blamed;
  for (uint64_t seed = first; seed < first + static_cast<uint64_t>(networks); ++seed) {
    CAPTURE(seed);
    const Network network = generate(seed).network;
    fuzz::Random random(seed);
    for (int change = 0; change < kChanges; ++change) {
      CAPTURE(change);
      const Network wrong = damaged(network, random);
      const auto model = Model::parse(write(wrong).bytes());
      if (model) continue;
      ++refused;
      CHECK_FALSE(model.error().message.empty());
      if (model.error().kind != Error::Kind::Internal) continue;
      // One report for each place of the program.
      if (!blamed.insert(model.error().message).second) continue;
      const Network small = reduce(wrong, [&](const Network& candidate) {
        const auto still = Model::parse(write(candidate).bytes());
        return !still && still.error().message == model.error().message;
      });
      FAIL_CHECK("seed " << seed << ", change " << change << ": " << model.error().str() << "\n"
                         << print(small));
    }
  }
  CHECK(refused > networks);
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
    if (networks == 1) MESSAGE(print(made.network));
    std::optional<Failure> failure;
    if (made.refused) {
      FAIL_CHECK("seed " << seed << ": a valid node is refused by " << *made.refused << "\n"
                         << print(made.network));
      ++reports;
    } else {
      const bool everywhere = longRun || networks == 1 || seed % kOnGpu == 0;
      std::vector<Way> ways;
      for (const std::string& device : all) {
        if (device == "cpu" || everywhere) ways.push_back({device});
        if (device == "cpu") ways.push_back({device, true});
      }
      failure = checker.check(made.network, ways);
    }
    if (failure) {
      report(seed, made.network, *failure);
      ++reports;
    }
    if (reports == kMostReports) break;
  }
  summarise(counts, checker, networks >= kNetworks && reports == 0);
}
