// Damaged files of the other formats that Quartet reads: tensors (.npy), IR (.ir), device
// descriptions (TOML).
#include <doctest/doctest.h>

#include <iostream>

#include "api/convert.h"
#include "api/driver.h"
#include "base/env.h"
#include "cli/npy.h"
#include "hwdb/load.h"
#include "tests/conformance/workers.h"
#include "tests/golden.h"
#include "tests/mutation/model_mutator.h"
#include "tests/text_mutator.h"

using namespace quartet;
using namespace quartet::tests;

namespace {

int64_t mutants(int64_t otherwise) {
  const auto value = envNumber(EnvSwitch::FuzzGraphs);
  REQUIRE_MESSAGE(value.has_value(), value.error().str());
  return value->value_or(otherwise);
}

uint32_t firstSeed() {
  const auto value = envNumber(EnvSwitch::FuzzSeed);
  REQUIRE_MESSAGE(value.has_value(), value.error().str());
  return static_cast<uint32_t>(value->value_or(1));
}

// What is wrong with an error for a damaged file; nothing for one that a user can act on.
template <class E>
std::string complaint(const E& error) {
  if (error.kind == E::Kind::Internal) return error.str();
  if (error.message.empty() || error.where.empty())
    return "an error that does not say what or where: " + error.str();
  return {};
}

std::string npyFile(const Tensor& tensor) {
  return cli::npyHeader(tensor) +
         std::string(reinterpret_cast<const char*>(tensor.bytes.data()), tensor.bytes.size());
}

std::vector<std::string> npyFiles() {
  std::vector<std::string> files;
  files.push_back(npyFile(Tensor::of<float>({2, 3}, {1, 2, 3, 4, 5, 6})));
  files.push_back(npyFile(Tensor::of<int64_t>({}, {7})));
  files.push_back(npyFile(Tensor::of<uint8_t>({0, 4}, {})));
  files.push_back(npyFile(Tensor::of<double>({3}, {0.5, -1, 1e300})));
  return files;
}

std::vector<std::string> irFiles() {
  std::vector<std::string> texts;
  for (const char* file :
       {"ir/golden/graph.ir", "ir/golden/plan.ir", "ir/golden/kernel.ir",
        "sched/golden/softmax.cpu.ir", "sched/golden/matmul_chain.gpu.ir",
        "sched/golden/conv.cpu.ir", "sched/golden/placed.ir", "frontend/golden/attention.ir"}) {
    texts.push_back(readTestFile(file));
  }
  return texts;
}

}  // namespace

TEST_CASE("damaged tensors") {
  const std::vector<std::string> files = npyFiles();
  int64_t read = 0;
  const int64_t count = mutants(2000);
  for (uint32_t seed = firstSeed(); seed < firstSeed() + count; ++seed) {
    CAPTURE(seed);
    fuzz::Random random(seed);
    const std::string& file = random.pick(files);
    const auto tensor = cli::parseNpy(damageBytes(file, random.pick(files), random), "damaged.npy");
    if (!tensor) {
      CHECK(complaint(tensor.error()) == "");
      continue;
    }
    ++read;
    CHECK(static_cast<int64_t>(tensor->bytes.size()) ==
          tensor->elementCount() * byteSize(tensor->dtype));
  }
  std::cout << "tensors: " << read << " of " << count << " mutants read" << std::endl;
}

TEST_CASE("damaged descriptions of devices") {
  static const std::vector<std::string> kWords = {"[fields]",
                                                  "[[memory]]",
                                                  "value = ",
                                                  "-1",
                                                  "1e999",
                                                  "nan",
                                                  "inf",
                                                  "\"\"\"",
                                                  "{",
                                                  "}",
                                                  "=",
                                                  "9223372036854775807",
                                                  "9223372036854775808",
                                                  "0",
                                                  "true",
                                                  "[",
                                                  "]",
                                                  "'",
                                                  "name",
                                                  "kind",
                                                  "1979-05-27",
                                                  "\xff",
                                                  "\\u0000",
                                                  "\n",
                                                  "#",
                                                  "0x7fffffffffffffff",
                                                  "-9223372036854775808"};
  std::vector<std::string> texts;
  for (const hwdb::EmbeddedFile& file : hwdb::embeddedFiles()) texts.emplace_back(file.text);
  int64_t read = 0;
  const int64_t count = mutants(2000);
  for (uint32_t seed = firstSeed(); seed < firstSeed() + count; ++seed) {
    CAPTURE(seed);
    const std::string text = TextMutator(seed, texts, kWords).mutant();
    const auto entries = hwdb::parseEntries(text, "damaged.toml");
    if (!entries) {
      CHECK(complaint(entries.error()) == "");
      continue;
    }
    ++read;
    for (const hwdb::Entry& entry : *entries) {
      CHECK_FALSE(hwdb::print(entry.description).empty());
    }
    const hwdb::EmbeddedFile file{"damaged", text};
    if (const auto loaded = hwdb::loadEntries({&file, 1}); !loaded) {
      CHECK(complaint(loaded.error()) == "");
    }
  }
  std::cout << "descriptions: " << read << " of " << count << " mutants read" << std::endl;
}

TEST_CASE("damaged IR goes through the stages") {
  static const std::vector<std::string> kStages = {"verify", "express", "grinder", "welder",
                                                   "roller", "rammer",  "lower"};
  const std::vector<std::string> texts = irFiles();
  const auto count = static_cast<size_t>(mutants(1000));
  const uint32_t first = firstSeed();
  const auto results = runInWorkers(count, 2, 120, [&](size_t i) -> std::string {
    const uint32_t seed = first + static_cast<uint32_t>(i);
    const std::string text = TextMutator(seed, texts, irWords()).mutant();
    std::string passed;
    for (const std::string& stage : kStages) {
      CompileOptions options;
      options.device = "cpu";
      options.threads = 1;
      const auto result =
          api::guarded([&] { return api::runStage(stage, text, "damaged.ir", options); });
      if (result) {
        passed += stage[0];
      } else if (const std::string wrong = complaint(result.error()); !wrong.empty()) {
        return "failed in " + stage + ": " + wrong;
      }
    }
    return passed;
  });
  int64_t verified = 0;
  int64_t staged = 0;
  for (size_t i = 0; i < results.size(); ++i) {
    const bool fine = results[i].size() <= kStages.size();
    CHECK_MESSAGE(fine,
                  "QUARTET_FUZZ_SEED=" << first + i << " QUARTET_FUZZ_GRAPHS=1: " << results[i]);
    verified += results[i].starts_with("v") ? 1 : 0;
    staged += fine && results[i].size() > 1 ? 1 : 0;
  }
  std::cout << "IR: " << verified << " of " << count << " mutants verify, " << staged
            << " go through further stages" << std::endl;
}
