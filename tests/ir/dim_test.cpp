// Extents: canonical forms, and random expressions against plain evaluation.
#include "ir/dim.h"

#include <doctest/doctest.h>

#include <functional>
#include <random>

namespace quartet::ir {
namespace {

const Dim n = Dim::symbol("N");
const Dim h = Dim::symbol("H");

TEST_CASE("equal extents compare equal") {
  CHECK(n + 2 == Dim(2) + n);
  CHECK((n + 2) * 3 == n * 3 + 6);
  CHECK(n - n == Dim(0));
  CHECK((n + h) * (n - h) == n * n - h * h);
  CHECK(n * h * 64 == Dim(8) * h * n * 8);
  CHECK_FALSE(n == h);
  CHECK_FALSE(n == Dim(0));
  CHECK(Dim::floorDiv(n * 6, 3) == n * 2);
  CHECK(Dim::floorDiv(n * h * 64, h * 16) == n * 4);
  CHECK(Dim::floorDiv(n * 2 + 2, n + 1) == Dim(2));
  CHECK(Dim::floorDiv(Dim::floorDiv(h - 1, 2), 2) == Dim::floorDiv(h - 1, 4));
  CHECK(Dim::floorDiv(h - 1, 2) + 1 == Dim::floorDiv(h + 1, 2));
  CHECK(Dim::mod(n * 6 + 7, 3) == Dim(1));
  CHECK(Dim::mod(n * h, h) == Dim(0));
  CHECK(Dim::min(n, h) == Dim::min(h, n));
  CHECK(Dim::min(n, n + 2) == n);
  CHECK(Dim::max(Dim::max(n, 4), 8) == Dim::max(n, 8));
  CHECK(Dim::ceilDiv(Dim(7), 2) == Dim(4));
  CHECK(Dim::floorDiv(Dim(-7), 2) == Dim(-4));
  CHECK(Dim::mod(Dim(-7), 3) == Dim(2));
  CHECK(elementCount({}) == Dim(1));
  CHECK(elementCount({4, n, 2}) == n * 8);
}

TEST_CASE("text") {
  CHECK((n * h * 3 - n * 2 + h - 5).str() == "H * N * 3 + H - N * 2 - 5");
  CHECK(Dim::floorDiv(h + 1, 2).str() == "floordiv(H + 1, 2)");
  CHECK(Dim::symbol("batch size").str() == "\"batch size\"");
  CHECK(Dim::symbol("mod").str() == "\"mod\"");
  CHECK(Dim::parse("(N + 2) * 3 - min(N, -4)").value() == n * 3 + 6 - Dim::min(n, -4));
  CHECK(Dim::parse("\"mod\"").value() == Dim::symbol("mod"));
  CHECK(Dim::parse("N +").error().message == "expected an extent, found the end of the text");
  CHECK(Dim::parse("N M").error().where == "<extent>:1:3");
  CHECK(Dim::parse("mod(N, 1 - 1)").error().message == "division by zero");
  CHECK(Dim::parse("sqrt(N)").error().message.find("unknown function 'sqrt'") == 0);
}

TEST_CASE("values") {
  const Dim dim = Dim::floorDiv(n * n + h, 2);
  CHECK(dim.evaluate({{"N", 3}, {"H", 4}}).value() == 6);
  CHECK(dim.evaluate({{"N", 3}}).error().message == "the symbol H has no value");
  CHECK(dim.substitute({{"N", 3}}) == Dim::floorDiv(h + 9, 2));
  CHECK(dim.symbols() == std::vector<std::string>{"H", "N"});
  CHECK(Dim::floorDiv(n, h).substitute({{"H", 0}}).evaluate({{"N", 1}}).error().message ==
        "the extent floordiv(N, 0) divides by zero");
}

TEST_CASE("an overflow stays in the expression until it is evaluated") {
  const Dim huge = Dim(INT64_MAX) * 2;
  CHECK_FALSE(huge.isConstant());
  CHECK(huge.evaluate({}).error().message.find("overflows 64 bits") != std::string::npos);
  CHECK(Dim::parse(huge.str()).value() == huge);
  CHECK_FALSE((n * INT64_MAX * 4).evaluate({{"N", 1}}).has_value());
}

/// A random expression together with its plain meaning.
struct Sample {
  Dim dim;
  std::function<int64_t(const SymbolValues&)> meaning;
};

int64_t floorDivide(int64_t a, int64_t b) {
  return a / b - ((a % b != 0 && (a < 0) != (b < 0)) ? 1 : 0);
}

Sample sample(std::mt19937& random, int depth) {
  const auto pick = [&](int count) {
    return static_cast<int>(random() % static_cast<unsigned>(count));
  };
  if (depth == 0 || pick(5) == 0) {
    if (pick(2) == 0) {
      const int64_t value = pick(9) - 4;
      return {value, [value](const SymbolValues&) { return value; }};
    }
    const std::string name(1, static_cast<char>('A' + pick(3)));
    return {Dim::symbol(name), [name](const SymbolValues& values) { return values.at(name); }};
  }
  const Sample a = sample(random, depth - 1);
  const int op = pick(7);
  if (op >= 5) {  // by a positive constant
    const int64_t by = 1 + pick(6);
    if (op == 5) {
      return {Dim::floorDiv(a.dim, by),
              [=](const SymbolValues& v) { return floorDivide(a.meaning(v), by); }};
    }
    return {Dim::mod(a.dim, by), [=](const SymbolValues& v) {
              return a.meaning(v) - by * floorDivide(a.meaning(v), by);
            }};
  }
  const Sample b = sample(random, depth - 1);
  switch (op) {
    case 0:
      return {a.dim + b.dim, [=](const SymbolValues& v) { return a.meaning(v) + b.meaning(v); }};
    case 1:
      return {a.dim - b.dim, [=](const SymbolValues& v) { return a.meaning(v) - b.meaning(v); }};
    case 2:
      return {a.dim * b.dim, [=](const SymbolValues& v) { return a.meaning(v) * b.meaning(v); }};
    case 3:
      return {Dim::min(a.dim, b.dim),
              [=](const SymbolValues& v) { return std::min(a.meaning(v), b.meaning(v)); }};
    default:
      return {Dim::max(a.dim, b.dim),
              [=](const SymbolValues& v) { return std::max(a.meaning(v), b.meaning(v)); }};
  }
}

TEST_CASE("random extents keep their value and their text") {
  for (uint32_t seed = 0; seed < 3000; ++seed) {
    std::mt19937 random(seed);
    const Sample s = sample(random, 4);
    CAPTURE(seed);
    CAPTURE(s.dim.str());
    const auto parsed = Dim::parse(s.dim.str());
    REQUIRE(parsed.has_value());
    CHECK(*parsed == s.dim);
    CHECK(parsed->str() == s.dim.str());
    for (int i = 0; i < 4; ++i) {
      SymbolValues values;
      for (const char* name : {"A", "B", "C"})
        values[name] = static_cast<int64_t>(random() % 21) - 6;
      CHECK(s.dim.evaluate(values).value() == s.meaning(values));
      CHECK(s.dim.substitute(values) == Dim(s.meaning(values)));
    }
  }
}

}  // namespace
}  // namespace quartet::ir
