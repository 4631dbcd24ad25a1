// Placement per computation, and the plan over several devices.
#include "sched/placement.h"

#include <doctest/doctest.h>

#include "ir/text.h"
#include "ir/verifier.h"
#include "sched/segments.h"
#include "tests/common/harness.h"
#include "tests/golden.h"
#include "tests/sched/placed.h"

using namespace quartet;
using namespace quartet::test;

TEST_CASE("placement: the graph and the plan over two devices, by golden text") {
  const ir::Module graph = placedGraph();
  const std::string text =
      "// placed graph\n" + ir::print(graph) + "\n// plan\n" + ir::print(placedPlan(graph));
  quartet::tests::checkGolden("sched/golden/placed.ir", text);
}

TEST_CASE("placement: a graph that the device can compute stays as it is") {
  const ir::Module graph = expressed(R"(graph @plain(%x: f32[4]) -> ("y", "same") {
  %y = neg %x : f32[4]
  return %y, %x
}
)");
  CHECK(ir::print(sched::place(graph, "gpu", "cpu", withoutExp)) == ir::print(graph));
}

TEST_CASE("placement: outputs that are inputs become computations, which are placed") {
  const ir::Module graph = expressed(R"(graph @border(%x: f32[4]) -> ("y", "same") {
  %y = exp %x : f32[4]
  return %y, %x
}
)");
  const ir::Module placed = sched::place(graph, "gpu", "cpu", withoutExp);
  CHECK(sched::placedOn(placed, "gpu").size() == 1);
  CHECK(sched::placedOn(placed, "cpu").size() == 1);
  CHECK(ir::verify(placed).has_value());
  CHECK(ir::verify(placedPlan(placed)).has_value());
}

TEST_CASE("placement: devices take turns seldom") {
  // Two chains: their exponentials share a segment.
  const ir::Module graph = expressed(R"(graph @chains(%x: f32[4], %y: f32[4]) -> ("u", "v") {
  %a = neg %x : f32[4]
  %b = exp %a : f32[4]
  %c = neg %b : f32[4]
  %d = neg %y : f32[4]
  %e = exp %d : f32[4]
  %f = neg %e : f32[4]
  return %c, %f
}
)");
  const auto segments = sched::cutSegments(sched::place(graph, "gpu", "cpu", withoutExp));
  REQUIRE(segments.size() == 3);
  CHECK(segments[0].device == "gpu");
  CHECK(segments[1].device == "cpu");
  CHECK(segments[1].inputs.size() == 2);
  CHECK(segments[2].device == "gpu");
}

TEST_CASE("placement: the verifier finds a copy that is missing") {
  ir::Module plan = placedPlan(placedGraph());
  REQUIRE(ir::verify(plan).has_value());
  const auto removeCopy = [&](ir::RegionId region) {
    auto& ops = plan.region(region).ops;
    for (size_t i = 0; i < ops.size(); ++i) {
      const ir::Op copy = plan.op(ops[i]);
      if (copy.opcode != ir::Opcode::Copy) continue;
      ops.erase(ops.begin() + static_cast<int64_t>(i));
      plan.replaceUses(copy.operands[1], copy.operands[0]);
      return;
    }
  };
  for (ir::OpId id : plan.region(plan.top()).ops) {
    if (plan.op(id).opcode == ir::Opcode::Seq) removeCopy(plan.op(id).regions[0]);
  }
  const Status status = ir::verify(plan);
  REQUIRE_FALSE(status.has_value());
  CHECK(status.error().message.find("lies on gpu and is read on cpu without a copy") !=
        std::string::npos);
}
