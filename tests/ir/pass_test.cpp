// The pass runner verifies what a pass returns, and says which pass it was.
#include "ir/pass.h"

#include <doctest/doctest.h>

#include <cstdlib>

#include "ir/text.h"

namespace quartet::ir {
namespace {

Module small() {
  return std::move(
      *parse("graph @g(%x: f32[4]) -> (\"y\") {\n  %y = neg %x : f32[4]\n  return %y\n}"));
}

TEST_CASE("a good pass is timed") {
  PassRunner runner;
  const auto result = runner.run("nothing", small(), [](Module m) -> Result<Module> { return m; });
  REQUIRE(result.has_value());
  CHECK(print(*result) == print(small()));
  REQUIRE(runner.times().size() == 1);
  CHECK(runner.times()[0].pass == "nothing");
  CHECK(runner.times()[0].milliseconds >= 0);
}

TEST_CASE("broken IR is a bug of the pass") {
  PassRunner runner;
  const auto result = runner.run("breaker", small(), [](Module m) -> Result<Module> {
    m.value(m.result({0})).type = Type::tensor(DType::F32, {5});
    return m;
  });
  REQUIRE_FALSE(result.has_value());
  CHECK(result.error().kind == Diagnostic::Kind::Internal);
  CHECK(result.error().notes == std::vector<std::string>{"after pass 'breaker'"});
  CHECK(result.error().where == "%y = neg %x : f32[5]");
}

TEST_CASE("a pass's own error stays what it is") {
  PassRunner runner;
  const auto result = runner.run(
      "refuser", small(), [](const Module&) -> Result<Module> { return userError("no", "node"); });
  REQUIRE_FALSE(result.has_value());
  CHECK(result.error().kind == Diagnostic::Kind::User);
  CHECK(result.error().notes.empty());
}

TEST_CASE("bad switches and reparsing") {
  const auto nothing = [](Module m) -> Result<Module> { return m; };
  PassRunner runner;
  setenv("QUARTET_REPARSE", "maybe", 1);
  CHECK(runner.run("nothing", small(), nothing).error().message ==
        "QUARTET_REPARSE is 'maybe', required: 0 | 1");
  setenv("QUARTET_REPARSE", "1", 1);
  CHECK(runner.run("nothing", small(), nothing).has_value());
  unsetenv("QUARTET_REPARSE");
}

}  // namespace
}  // namespace quartet::ir
