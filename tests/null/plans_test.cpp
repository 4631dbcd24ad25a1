// Every plan that is kept as a golden text passes the check, for every device, described or made
// up, and with every stage on and off.

#include <doctest/doctest.h>

#include <set>

#include "backends/null/check.h"
#include "hwdb/load.h"
#include "ir/text.h"
#include "runtime/memory_planner.h"
#include "tests/common/harness.h"
#include "tests/sched/graphs.h"

using namespace quartet;
using namespace quartet::test;

TEST_CASE("null: the programs of all golden plans") {
  const std::vector<hwdb::Description> devices{vectorCpu(), weakGpu(), scalarGpu()};
  const std::vector<sched::Options> choices{{},
                                            {.welder = false},
                                            {.roller = false},
                                            {.rammer = false},
                                            {.welder = false, .roller = false, .rammer = false}};
  for (const NamedGraph& graph : scheduledGraphs()) {
    for (const hwdb::Description& device : devices) {
      for (const sched::Options& options : choices) {
        INFO(graph.name, " on ", device.name, " ", options.welder, options.roller, options.rammer);
        runtime::Program program = lowered(planned(expressed(graph.text), device, options), device);
        runtime::planMemory(program, device.bindingAlignBytes.value);
        const Status status = null::checkProgram(program, device);
        CHECK_MESSAGE(status.has_value(), status.error().str());
        CHECK(static_cast<double>(program.arenaBytes) <=
              1.2 * static_cast<double>(program.arenaBound) +
                  static_cast<double>(device.bindingAlignBytes.value) *
                      static_cast<double>(program.buffers.size()));
      }
    }
  }
}

TEST_CASE("null: the golden graphs for every device of the hardware database") {
  const auto entries = hwdb::embeddedEntries();
  REQUIRE_MESSAGE(entries.has_value(), entries.error().str());
  for (const NamedGraph& graph : scheduledGraphs()) {
    const ir::Module expressions = expressed(graph.text);
    std::set<std::string> schedules;
    for (const hwdb::Entry& entry : *entries) {
      if (!entry.isDevice()) continue;
      INFO(graph.name, " on ", entry.description.name);
      const auto device = hwdb::describeEntry(entry);
      REQUIRE_MESSAGE(device.has_value(), device.error().str());
      const ir::Module plan = planned(expressions, *device);
      schedules.insert(ir::print(plan));
      const Status status = null::checkProgram(lowered(plan, *device), *device);
      CHECK_MESSAGE(status.has_value(), status.error().str());
    }
    CHECK_MESSAGE(schedules.size() > 1, graph.name);  // a description decides on the schedule
  }
}
