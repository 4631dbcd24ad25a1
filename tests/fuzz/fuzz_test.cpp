// Random graphs: every way of running them agrees with the reference.
#include <doctest/doctest.h>

#include "backends/vulkan/device.h"
#include "base/env.h"
#include "tests/fuzz/check.h"
#include "tests/fuzz/generator.h"
#include "tests/fuzz/reduce.h"

using namespace quartet;
using namespace quartet::fuzz;

namespace {

constexpr int64_t kGraphs = 300;

int64_t number(EnvSwitch key, int64_t otherwise) {
  const auto value = envNumber(key);
  REQUIRE_MESSAGE(value.has_value(), value.error().str());
  return value->value_or(otherwise);
}

void report(uint64_t seed, const Case& c, const Failure& failure, Checker& checker) {
  const auto fails = [&](const Case& smaller) {
    const auto still = checker.check(smaller, seed, failure.where);
    return still && still->where == failure.where;
  };
  const Case small = reduce(c, fails);
  const auto last = checker.check(small, seed, failure.where);
  FAIL_CHECK("seed " << seed << " (QUARTET_FUZZ_SEED=" << seed << " QUARTET_FUZZ_GRAPHS=1), "
                     << failure.where << ": " << (last ? last->what : failure.what) << "\n"
                     << print(small));
}

/// What was run, and on which paths; `all`: every path must have been taken.
void summarise(const Checker& checker, bool all) {
  std::string text = "programs on";
  for (const auto& [device, count] : checker.runs()) {
    text += "\n  " + device + ": " + std::to_string(count);
  }
  text += "\nprograms with";
  for (int i = 0; i < kFeatureCount; ++i) {
    const auto feature = static_cast<Feature>(i);
    const auto found = checker.features().find(feature);
    const int64_t count = found == checker.features().end() ? 0 : found->second;
    text += "\n  " + name(feature) + ": " + std::to_string(count);
    if (all) CHECK_MESSAGE(count > 0, "no program had " << name(feature));
  }
  MESSAGE(text);
  const std::vector<std::string> validation = vulkan::takeValidationMessages();
  CHECK_MESSAGE(validation.empty(), (validation.empty() ? std::string() : validation.front()));
}

}  // namespace

TEST_CASE("random graphs give the reference's results however they are run") {
  const int64_t graphs = number(EnvSwitch::FuzzGraphs, kGraphs);
  const auto first = static_cast<uint64_t>(number(EnvSwitch::FuzzSeed, 1));
  Checker checker;
  constexpr int kMostReports = 5;
  int reports = 0;
  for (uint64_t seed = first; seed < first + static_cast<uint64_t>(graphs); ++seed) {
    CAPTURE(seed);  // doctest prints it when the process crashes
    const Case c = generate(seed);
    const auto failure = checker.check(c, seed);
    if (!failure) continue;
    report(seed, c, *failure, checker);
    if (++reports == kMostReports) break;
  }
  summarise(checker, graphs >= kGraphs);
}
