// Graphs as deep as one likes: what is joined is bounded, and what is shared is gone through once.
#include <doctest/doctest.h>

#include <algorithm>

#include "ir/text.h"
#include "sched/cost/roofline.h"
#include "sched/pipeline.h"
#include "sched/task_set.h"
#include "tests/common/harness.h"

using namespace quartet;

namespace {

/// A chain of `length` elementwise operations on a small tensor.
std::string chain(int length) {
  std::string text = "graph @g(%v0: f32[4, 8], %c: f32[1]) -> (\"y\") {\n";
  for (int i = 1; i <= length; ++i) {
    text += "%v" + std::to_string(i) + " = " + (i % 2 == 0 ? "max" : "add") + " %v" +
            std::to_string(i - 1) + ", %c : f32[4, 8] from \"node" + std::to_string(i) + "\"\n";
  }
  return text + "return %v" + std::to_string(length) + "\n}";
}

/// Two values that are chosen `levels` times, each time both out of both: 2^levels ways through.
std::string choices(int levels) {
  std::string text =
      "graph @g(%c: bool[40], %d: bool[40], %a0: f32[40], %b0: f32[40]) -> (\"y\") {\n";
  for (int i = 1; i <= levels; ++i) {
    const std::string before = std::to_string(i - 1);
    for (const auto& [to, condition] : {std::pair("%a", "%c"), std::pair("%b", "%d")}) {
      text += to + std::to_string(i) + " = select " + condition + ", %a" + before + ", %b" +
              before + " : f32[40]\n";
    }
  }
  const std::string last = std::to_string(levels);
  return text + "%y = sub %a" + last + ", %b" + last + " : f32[40]\nreturn %y\n}";
}

/// The same as one task set of a plan, which no stage has bounded.
std::string choicesInOneTaskSet(int levels) {
  std::string text =
      "plan @g(%c: buffer<bool[40]>, %d: buffer<bool[40]>, %a0: buffer<f32[40]>, %b0: "
      "buffer<f32[40]>, %out: buffer<f32[40]>) -> (\"y\") {\nseq {\ntasks {name = \"t0\"} {\n";
  for (int i = 1; i <= levels; ++i) {
    const std::string before = std::to_string(i - 1);
    for (const auto& [to, condition] : {std::pair("%a", "%c"), std::pair("%b", "%d")}) {
      text +=
          to + std::to_string(i) + " = tile " + condition + ", %a" + before + ", %b" + before +
          " {expr = {map (40) -> (select(in0[d0], in1[d0], in2[d0]))}, tile = tile()} : f32[40]\n";
    }
  }
  const std::string last = std::to_string(levels);
  return text + "%y = tile %a" + last + ", %b" + last +
         " {expr = {map (40) -> (sub(in0[d0], in1[d0]))}, tile = tile()} : f32[40]\n" +
         "write %y, %out\n}\n}\nreturn\n}";
}

size_t mostTiles(const ir::Module& plan) {
  size_t most = 0;
  for (ir::OpId tasks : sched::taskSets(plan)) {
    most = std::max(most, plan.region(plan.op(tasks).regions[0]).ops.size() - 1);  // and a write
  }
  return most;
}

}  // namespace

TEST_CASE("depth: a chain of 20000 operations becomes task sets of bounded size") {
  const ir::Module plan = test::planned(test::expressed(chain(20000)), test::vectorCpu());
  const size_t sets = sched::taskSets(plan).size();
  CHECK(mostTiles(plan) <= 128);
  CHECK(sets <= 2 * 20000 / 128);
  CHECK(sets > 20000 / 129);
}

TEST_CASE("depth: the longest task sets compute what the graph says") {
  test::checkGraph(chain(300));
}

TEST_CASE("depth: values that are used twice at each of 60 levels") {
  test::checkGraph(choices(60));
}

TEST_CASE("depth: a task set whose tiles are used twice at each of 60 levels") {
  const auto plan = ir::parse(choicesInOneTaskSet(60));
  REQUIRE_MESSAGE(plan, plan.error().str());
  std::vector<uint8_t> c(40), d(40);
  std::vector<float> a(40), b(40);
  for (size_t i = 0; i < 40; ++i) {
    c[i] = static_cast<uint8_t>(i % 2);
    d[i] = static_cast<uint8_t>(i % 3 == 0);
    a[i] = static_cast<float>(i);
    b[i] = 100 - 2 * a[i];
  }
  const test::Tensors inputs{
      ir::makeConstant(ir::DType::Bool, {40}, c), ir::makeConstant(ir::DType::Bool, {40}, d),
      ir::makeConstant(ir::DType::F32, {40}, a), ir::makeConstant(ir::DType::F32, {40}, b)};
  for (int level = 0; level < 60; ++level) {
    for (size_t i = 0; i < 40; ++i) {
      const float other = d[i] != 0 ? a[i] : b[i];
      a[i] = c[i] != 0 ? a[i] : b[i];
      b[i] = other;
    }
  }
  for (const hwdb::Description& device : {test::vectorCpu(), test::weakGpu()}) {
    const sched::Env env{device, sched::roofline, {}};
    auto tiled = sched::runStage("roller", *plan, env);
    if (tiled) tiled = sched::runStage("rammer", *std::move(tiled), env);
    REQUIRE_MESSAGE(tiled, tiled.error().str());
    const auto outputs = test::interpretProgram(test::lowered(*tiled, device), inputs);
    for (size_t i = 0; i < 40; ++i) CHECK(outputs[0]->as<float>()[i] == a[i] - b[i]);
  }
}
