// Mutants of ONNX models. Whatever a model holds, the outcome is a diagnostic or results that are
// the reference's; no access leaves a buffer, nothing crashes, hangs or leaks.
//
// Mutant i of a test depends on i alone: QUARTET_FUZZ_SEED=i QUARTET_FUZZ_GRAPHS=1 repeats it.
#include <doctest/doctest.h>
#include <onnx/onnx_pb.h>

#include <filesystem>
#include <fstream>
#include <functional>
#include <iostream>
#include <map>

#include "base/env.h"
#include "tests/conformance/workers.h"
#include "tests/mutation/model_mutator.h"
#include "tests/mutation/trial.h"

using namespace quartet;
using namespace quartet::tests;

namespace {

constexpr int64_t kByteMutants = 1000;
constexpr int64_t kModelMutants = 300;
constexpr int kWorkers = 2;
constexpr int kSeconds =
    120;  // a mutant takes milliseconds; under the sanitizers on a busy machine, more

int64_t number(EnvSwitch key, int64_t otherwise) {
  const auto value = envNumber(key);
  REQUIRE_MESSAGE(value.has_value(), value.error().str());
  return value->value_or(otherwise);
}

const std::vector<SeedModel>& seeds() {
  static const std::vector<SeedModel> kSeeds = seedModels();
  return kSeeds;
}

// The own networks, of several operators each, as often as all of ONNX's tests of one.
const SeedModel& anySeed(fuzz::Random& random) {
  constexpr int64_t kNetworks = 4;
  if (random.chance(0.5)) return seeds()[static_cast<size_t>(random.below(kNetworks))];
  return random.pick(seeds());
}

// A way of making mutants, and what is tried with them.
struct Trial {
  std::function<std::string(uint64_t seed)> mutant;  // bytes of a model
  std::function<Outcome(const std::string& mutant, uint64_t seed)> attempt;
};

void report(uint64_t seed, const std::string& what, const Trial& trial) {
  const std::filesystem::path file =
      std::filesystem::temp_directory_path() / ("quartet-mutant-" + std::to_string(seed) + ".onnx");
  std::ofstream(file, std::ios::binary) << trial.mutant(seed);
  FAIL_CHECK(what << "\n  the mutant is in " << file.string() << "; QUARTET_FUZZ_SEED=" << seed
                  << " QUARTET_FUZZ_GRAPHS=1 repeats it");
}

// Runs the mutants in processes of their own; the counts by outcome.
std::map<Outcome::Kind, int64_t> tryAll(int64_t otherwise, const Trial& trial) {
  const auto count = static_cast<size_t>(number(EnvSwitch::FuzzGraphs, otherwise));
  const auto first = static_cast<uint64_t>(number(EnvSwitch::FuzzSeed, 1));
  const std::vector<std::string> results =
      runInWorkers(count, kWorkers, kSeconds, [&](size_t i) -> std::string {
        const Outcome outcome = trial.attempt(trial.mutant(first + i), first + i);
        return static_cast<char>(outcome.kind) + outcome.text;
      });
  std::map<Outcome::Kind, int64_t> counts;
  for (size_t i = 0; i < results.size(); ++i) {
    // Of a process that ended there is only what workers.h says.
    const bool died = results[i].starts_with("crashed") || results[i].starts_with("timed out") ||
                      results[i].starts_with("never ran");
    const auto kind = died ? Outcome::Kind::Failed : static_cast<Outcome::Kind>(results[i].at(0));
    ++counts[kind];
    if (kind == Outcome::Kind::Failed) {
      report(first + i, died ? results[i] : results[i].substr(1), trial);
    }
  }
  return counts;
}

std::string summary(const std::map<Outcome::Kind, int64_t>& counts) {
  static const std::map<Outcome::Kind, std::string> kNames = {
      {Outcome::Kind::Refused, "refused"},
      {Outcome::Kind::Imported, "imported"},
      {Outcome::Kind::Large, "too large"},
      {Outcome::Kind::Compared, "compared"},
      {Outcome::Kind::Unsettled, "run, not comparable"},
      {Outcome::Kind::Reported, "report an index or a divisor"},
      {Outcome::Kind::Failed, "failed"}};
  std::string text = "mutants:";
  for (const auto& [kind, count] : counts)
    text += " " + std::to_string(count) + " " + kNames.at(kind) + ";";
  text.back() = '.';
  return text;
}

// Mutants that all are refused would test nothing: one in `least` has the outcome `kind`.
void checkReach(std::map<Outcome::Kind, int64_t> counts, Outcome::Kind kind, int64_t least) {
  int64_t all = 0;
  for (const auto& [other, count] : counts) all += count;
  constexpr int64_t kFew = 100;
  if (all >= kFew) CHECK(counts[kind] >= all / least);
}

// Beyond the end is where vectors reach.
cpu::Placement placementOf(uint64_t seed) {
  return seed % 4 == 0 ? cpu::Placement::StartsAfterUnmapped : cpu::Placement::EndsAtUnmapped;
}

std::string damaged(uint64_t seed) {
  fuzz::Random random(seed);
  const std::string bytes = anySeed(random).model->SerializeAsString();
  return damageBytes(bytes, anySeed(random).model->SerializeAsString(), random);
}

}  // namespace

TEST_CASE("bytes of models are damaged") {
  seeds();
  const auto counts =
      tryAll(kByteMutants,
             {damaged, [](const std::string& mutant, uint64_t) { return tryImport(mutant); }});
  std::cout << "damaged bytes: " << summary(counts) << std::endl;
  checkReach(counts, Outcome::Kind::Imported, 30);
}

TEST_CASE("structures of models are changed") {
  const ModelMutator mutator(seeds());
  const Runner runner;
  Trial trial;
  trial.mutant = [&](uint64_t seed) {
    fuzz::Random random(seed);
    return mutator.mutant(*anySeed(random).model, random).SerializeAsString();
  };
  trial.attempt = [&](const std::string& mutant, uint64_t seed) {
    return runner.tryRun(mutant, seed, placementOf(seed));
  };
  const auto counts = tryAll(kModelMutants, trial);
  std::cout << "changed structures: " << summary(counts) << std::endl;
  checkReach(counts, Outcome::Kind::Compared, 5);
}

TEST_CASE("the models that mutants are made of run in guarded memory") {
  const Runner runner;
  const std::vector<std::string> results =
      runInWorkers(4, kWorkers, kSeconds, [&](size_t i) -> std::string {
        std::string text;
        for (const auto placement :
             {cpu::Placement::EndsAtUnmapped, cpu::Placement::StartsAfterUnmapped}) {
          const Outcome outcome =
              runner.tryRun(seeds()[i].model->SerializeAsString(), i, placement);
          if (outcome.kind != Outcome::Kind::Compared) text += outcome.text;
        }
        return text;
      });
  for (size_t i = 0; i < results.size(); ++i) {
    CHECK_MESSAGE(results[i].empty(), seeds()[i].name << ": " << results[i]);
  }
}
