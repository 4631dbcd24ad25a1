// Mutants of valid texts: the parser and the verifier give an error or a module, never a crash, and
// what parses round-trips.
#include <doctest/doctest.h>

#include <random>

#include "ir/text.h"
#include "ir/verifier.h"
#include "tests/golden.h"

namespace quartet::ir {
namespace {

class Mutator {
 public:
  Mutator(uint32_t seed, const std::vector<std::string>& texts) : random_(seed), texts_(texts) {}

  std::string mutant() {
    std::string text = texts_[pick(texts_.size())];
    for (size_t i = 1 + pick(4); i > 0; --i) mutate(text);
    return text;
  }

 private:
  size_t pick(size_t count) { return random_() % count; }

  void mutate(std::string& text) {
    if (text.empty()) return;
    const size_t at = pick(text.size());
    const size_t length = 1 + pick(12);
    const std::string& other = texts_[pick(texts_.size())];
    switch (pick(6)) {
      case 0:
        text.erase(at, length);
        return;
      case 1:
        text[at] = static_cast<char>(32 + pick(95));
        return;
      case 2:
        text.insert(at, other.substr(pick(other.size()), length));
        return;
      case 3:
        text.insert(at, text.substr(pick(text.size()), length));
        return;
      case 4: {
        static const std::vector<std::string> kPieces = {
            "-1",     "0",        "9223372036854775807",
            "%",      "\"",       "{",
            "}",      "<",        "nan",
            "f16",    "N",        "1e999",
            "reduce", "map",      "in9",
            "d7",     ":",        "..",
            "->",     "bounded(", "\\x00",
            "u64",    "0x",       "x0"};
        text.insert(at, kPieces[pick(kPieces.size())]);
        return;
      }
      default:
        text[at] = static_cast<char>(random_() & 0xff);
    }
  }

  std::mt19937 random_;
  const std::vector<std::string>& texts_;
};

TEST_CASE("5,000 mutants of valid texts") {
  std::vector<std::string> texts;
  for (const char* file : {"graph.ir", "plan.ir", "kernel.ir"}) {
    texts.push_back(tests::readTestFile(std::string("ir/golden/") + file));
    REQUIRE(parse(texts.back()).has_value());
  }
  int parsed = 0;
  for (uint32_t seed = 0; seed < 5000; ++seed) {
    const std::string text = Mutator(seed, texts).mutant();
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
