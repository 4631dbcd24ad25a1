// The stages' texts, on and off, for a device like a CPU and one like a GPU.
#include "tests/golden.h"

#include <doctest/doctest.h>

#include <cmath>
#include <set>

#include "backends/common/lower_plan.h"
#include "ir/express.h"
#include "ir/text.h"
#include "runtime/memory_planner.h"
#include "sched/cost/roofline.h"
#include "sched/pipeline.h"
#include "tests/common/harness.h"
#include "tests/sched/graphs.h"
#include "tests/sched/properties.h"

using namespace quartet;
using namespace quartet::test;

namespace {

struct NamedDevice {
  std::string name;
  hwdb::Description description;
};

std::vector<NamedDevice> devices() { return {{"cpu", vectorCpu()}, {"gpu", weakGpu()}}; }

ir::Module stage(const std::string& name, ir::Module module, const sched::Env& env) {
  auto result = sched::runStage(name, std::move(module), env);
  if (!result) FAIL(result.error().str());
  return *std::move(result);
}

/// Every stage by itself on what the stage before gives.
std::string stageTexts(const ir::Module& graph, const hwdb::Description& device) {
  const auto env = [&](sched::Options options) {
    return sched::Env{device, sched::roofline, options};
  };
  ir::PrintOptions print;
  print.inlineConstants = 0;
  std::string text;
  const auto add = [&](const std::string& title, const ir::Module& plan) {
    text += "// " + title + "\n" + ir::print(plan, print) + "\n";
  };
  const ir::Module plan = stage("grinder", graph, env({}));
  add("grinder", plan);
  add("welder, asking roller", stage("welder", plan, env({})));
  add("roller alone: welder off", stage("welder", plan, env({.welder = false})));
  add("roller off", stage("welder", plan, env({.roller = false})));
  add("rammer", stage("rammer", stage("welder", plan, env({})), env({})));
  return text;
}

}  // namespace

TEST_CASE("every stage, by golden text") {
  for (const NamedGraph& graph : scheduledGraphs()) {
    for (const NamedDevice& device : devices()) {
      CAPTURE(graph.name);
      CAPTURE(device.name);
      const std::string path =
          "sched/golden/" + std::string(graph.name) + "." + device.name + ".ir";
      quartet::tests::checkGolden(path, stageTexts(expressed(graph.text), device.description));
    }
  }
}

TEST_CASE("a stage that is off changes the plan, and one that is off alone leaves the others on") {
  const ir::Module graph = expressed(scheduledGraphs()[0].text);
  const std::string all = ir::print(planned(graph, vectorCpu()));
  CHECK(ir::print(planned(graph, vectorCpu(), {.welder = false})) != all);
  CHECK(ir::print(planned(graph, vectorCpu(), {.roller = false})) != all);
  const ir::Module branches = expressed(scheduledGraphs()[3].text);
  CHECK(ir::print(planned(branches, vectorCpu(), {.rammer = false})) !=
        ir::print(planned(branches, vectorCpu())));
}

TEST_CASE("the same graph on another description has another schedule") {
  for (const NamedGraph& graph : scheduledGraphs()) {
    CAPTURE(graph.name);
    const ir::Module expressions = expressed(graph.text);
    std::set<std::string> texts;
    for (const hwdb::Description& device : {vectorCpu(), weakGpu(), scalarGpu()}) {
      texts.insert(ir::print(planned(expressions, device)));
    }
    CHECK(texts.size() == 3);
    hwdb::Description fewer = vectorCpu();
    fewer.vectorLanes.value = 8;
    CHECK(!texts.contains(ir::print(planned(expressions, fewer))));
  }
}

TEST_CASE("scheduling twice gives the same text") {
  for (const NamedGraph& graph : scheduledGraphs()) {
    for (const NamedDevice& device : devices()) {
      const ir::Module expressions = expressed(graph.text);
      CHECK(ir::print(planned(expressions, device.description)) ==
            ir::print(planned(expressed(graph.text), device.description)));
    }
  }
}

TEST_CASE("tiles obey the limits, waves hold independent task sets, memory is near its bound") {
  for (const NamedGraph& graph : scheduledGraphs()) {
    for (const NamedDevice& device : devices()) {
      CAPTURE(graph.name);
      CAPTURE(device.name);
      const ir::Module plan = planned(expressed(graph.text), device.description);
      CHECK(tileBeyondLimits(plan, device.description).value_or("") == "");
      CHECK(dependentInWave(plan).value_or("") == "");
      const runtime::Program program = lowered(plan, device.description);
      CHECK(static_cast<double>(program.arenaBytes) <=
            1.2 * static_cast<double>(program.arenaBound));
    }
  }
}

TEST_CASE("the goldens' schedules compute what the graphs say") {
  for (const NamedGraph& graph : scheduledGraphs()) {
    CAPTURE(graph.name);
    const ir::Module expressions = expressed(graph.text);
    const Tensors inputs = makeInputs(expressions, 1);
    const Tensors wanted = evaluateExpressed(expressions, inputs);
    const auto want = wanted[0]->as<float>();
    float largest = 0;
    for (float x : want) largest = std::max(largest, std::abs(x));
    for (const NamedDevice& device : devices()) {
      CAPTURE(device.name);
      const ir::Module plan = planned(expressions, device.description);
      const Tensors outputs = interpretProgram(lowered(plan, device.description), inputs);
      const auto got = outputs[0]->as<float>();
      size_t wrong = 0;  // sums in another order
      for (size_t i = 0; i < want.size(); ++i) {
        wrong += std::abs(got[i] - want[i]) > 1e-5F * (std::abs(want[i]) + largest) ? 1 : 0;
      }
      CHECK(wrong == 0);
    }
  }
}
