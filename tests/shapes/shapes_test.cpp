// Single operators of extents that no tile divides: every device gives the reference's results.
#include <doctest/doctest.h>

#include <map>

#include "base/env.h"
#include "quartet/quartet.h"
#include "tests/conformance/workers.h"
#include "tests/shapes/generate.h"
#include "tests/shapes/run.h"

using namespace quartet;
using namespace quartet::shapes;

namespace {

constexpr int64_t kCases = 2400;
constexpr int kWorkers = 2;
constexpr int kSeconds = 120;  // for one case, under a sanitizer too

int64_t number(EnvSwitch key, int64_t otherwise) {
  const auto value = envNumber(key);
  REQUIRE_MESSAGE(value.has_value(), value.error().str());
  return value->value_or(otherwise);
}

/// The ids of the software GPUs. Asked in a child process: drivers do not survive the forks that
/// follow.
std::vector<std::string> softwareGpus() {
  const std::string ids = tests::runInWorkers(1, 1, 60, [](size_t) {
    std::string text;
    const auto all = devices();
    if (!all) return text;
    for (const DeviceInfo& device : *all) {
      if (device.kind == DeviceInfo::Kind::SoftwareGpu) text += device.id + " ";
    }
    return text;
  })[0];
  std::vector<std::string> gpus;
  for (size_t start = 0, end; (end = ids.find(' ', start)) != std::string::npos; start = end + 1) {
    gpus.push_back(ids.substr(start, end - start));
  }
  return gpus;
}

void report(uint64_t seed, const std::string& what) {
  FAIL_CHECK("seed " << seed << " (QUARTET_FUZZ_SEED=" << seed << " QUARTET_FUZZ_GRAPHS=1), "
                     << what << "\n"
                     << operators::print(generate(seed).network));
}

void summarise(uint64_t first, size_t cases, const std::vector<std::string>& gpus) {
  std::map<std::string, int> families;
  size_t small = 0;
  for (uint64_t seed = first; seed < first + cases; ++seed) {
    ++families[name(familyOf(seed))];
    if (isSmall(seed)) ++small;
  }
  std::string text = std::to_string(cases) + " cases on the CPU, " + std::to_string(small) +
                     " of them on each of " + std::to_string(gpus.size()) + " GPUs";
  for (const auto& [family, count] : families)
    text += "\n  " + family + ": " + std::to_string(count);
  MESSAGE(text);
}

}  // namespace

TEST_CASE("single operators of odd extents give the reference's results on every device") {
  const auto first = static_cast<uint64_t>(number(EnvSwitch::FuzzSeed, 1));
  const auto cases = static_cast<size_t>(number(EnvSwitch::FuzzGraphs, kCases));
  const std::vector<std::string> gpus = softwareGpus();
  const auto results = tests::runInWorkers(cases, kWorkers, kSeconds, [&](size_t i) {
    const uint64_t seed = first + i;
    return check(generate(seed), isSmall(seed) ? gpus : std::vector<std::string>{});
  });
  constexpr int kMostReports = 10;
  int wrong = 0;
  for (size_t i = 0; i < cases; ++i) {
    if (!results[i].empty() && ++wrong <= kMostReports) report(first + i, results[i]);
  }
  CHECK_MESSAGE(wrong == 0, wrong << " cases of " << cases);
  summarise(first, cases, gpus);
}
