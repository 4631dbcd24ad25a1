// Mutants of valid texts: the parser and the verifier give an error or a module, never a crash, and
// what parses round-trips.
#include <doctest/doctest.h>

#include "ir/text.h"
#include "ir/verifier.h"
#include "tests/golden.h"
#include "tests/text_mutator.h"

namespace quartet::ir {
namespace {

TEST_CASE("5,000 mutants of valid texts") {
  std::vector<std::string> texts;
  for (const char* file : {"graph.ir", "plan.ir", "kernel.ir"}) {
    texts.push_back(tests::readTestFile(std::string("ir/golden/") + file));
    REQUIRE(parse(texts.back()).has_value());
  }
  int parsed = 0;
  for (uint32_t seed = 0; seed < 5000; ++seed) {
    const std::string text = tests::TextMutator(seed, texts, tests::irWords()).mutant();
    CAPTURE(seed);
    CAPTURE(text);
    const auto modules = parseModules(text, {.file = "mutant"});
    if (!modules) {
      CHECK(modules.error().where.rfind("mutant:", 0) == 0);
      CHECK_FALSE(modules.error().message.empty());
      continue;
    }
    ++parsed;
    for (const Module& module : *modules) {
      (void)verify(module);
      const std::string printed = print(module, {.inlineConstants = 1000});
      const auto again = parse(printed);
      REQUIRE_MESSAGE(again.has_value(), again.error().str() << "\n" << printed);
      CHECK(print(*again, {.inlineConstants = 1000}) == printed);
    }
  }
  CHECK(parsed > 100);  // the mutants are not all nonsense
}

}  // namespace
}  // namespace quartet::ir
