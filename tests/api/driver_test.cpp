// Stages on IR text, as `quartet opt` runs them.

#include "api/driver.h"

#include <doctest/doctest.h>

#include <map>

using namespace quartet;

namespace {

constexpr const char* kGraph = R"(graph @main(%x: f32[4, 8]) -> ("y") {
  %n = neg %x : f32[4, 8]
  %r = reduce %n {axes = [1], fn = add} : f32[4]
  return %r
}
)";

std::string stage(const std::string& name, const std::string& text) {
  CompileOptions options;
  options.device = "cpu";
  const Result<std::string> result = api::runStage(name, text, "test.ir", options);
  REQUIRE_MESSAGE(result.has_value(), result.error().str());
  return *result;
}

}  // namespace

TEST_CASE("opt: a graph goes through the stages one by one") {
  CHECK(stage("verify", kGraph).find("reduce") != std::string::npos);
  const std::string expressed = stage("express", kGraph);
  CHECK(expressed.find("compute") != std::string::npos);
  CHECK(expressed.find("neg %x") == std::string::npos);
  const std::string plan = stage("grinder", expressed);
  CHECK(plan.find("tasks") != std::string::npos);
  const std::string joined = stage("welder", plan);
  CHECK(joined.find("tile(") != std::string::npos);
  CHECK(stage("roller", plan).find("tile(") != std::string::npos);
  const std::string waves = stage("rammer", joined);
  CHECK(waves.find("par") != std::string::npos);
  CHECK(stage("lower", waves).find("kernel @") != std::string::npos);
}

TEST_CASE("opt: text of the wrong form is an error that names both forms") {
  const std::string expressed = stage("express", kGraph);
  const std::string plan = stage("grinder", expressed);
  const std::string tiled = stage("welder", plan);
  const std::string waves = stage("rammer", tiled);
  const std::string kernel = stage("lower", waves);
  const std::vector<std::string> forms{kGraph, expressed, plan, tiled, waves, kernel};
  // By stage, which of the forms it takes.
  const std::map<std::string, std::vector<bool>> taken{
      {"express", {true, true, false, false, false, false}},
      {"grinder", {false, true, false, false, false, false}},
      {"welder", {false, false, true, false, false, false}},
      {"roller", {false, false, true, false, false, false}},
      {"rammer", {false, false, false, true, false, false}},
      {"lower", {false, false, false, true, true, false}},
  };
  CompileOptions options;
  options.device = "cpu";
  for (const auto& [name, takes] : taken) {
    for (size_t i = 0; i < forms.size(); ++i) {
      INFO(name, " of form ", i);
      const auto result = api::runStage(name, forms[i], "test.ir", options);
      CHECK(result.has_value() == takes[i]);
      if (result) continue;
      CHECK(result.error().kind == Diagnostic::Kind::User);
      CHECK(result.error().where == "test.ir");
      CHECK(result.error().message.find("stage " + name + " requires ") == 0);
      CHECK(result.error().message.find(", found a ") != std::string::npos);
    }
  }
  const auto wrong = api::runStage("grinder", plan, "test.ir", options);
  REQUIRE_FALSE(wrong.has_value());
  CHECK(wrong.error().message ==
        "stage grinder requires a graph of tensor expressions, found a plan without tile shapes");
}

TEST_CASE("opt: errors name the file and the line") {
  const auto bad = api::runStage("verify", "graph @main(\n  oops", "bad.ir", {});
  REQUIRE_FALSE(bad.has_value());
  CHECK(bad.error().where.find("bad.ir:") == 0);
  CHECK_FALSE(api::runStage("solder", kGraph, "x.ir", {}).has_value());
  CompileOptions reference;
  reference.device = "reference";
  const auto none = api::runStage("grinder", kGraph, "x.ir", reference);
  CHECK_FALSE(none.has_value());
}
