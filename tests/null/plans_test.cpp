// Every plan that is kept as a golden text passes the check, for every device and with every stage
// on and off.

#include <doctest/doctest.h>

#include "backends/null/check.h"
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
