#include "tests/sched/placed.h"

#include <doctest/doctest.h>

#include "backends/common/lower_placed.h"
#include "ir/pass.h"
#include "runtime/memory_planner.h"
#include "sched/cost/roofline.h"
#include "sched/pipeline.h"
#include "tests/common/harness.h"

namespace quartet::test {

Status withoutExp(const ir::TensorExpr& expr) {
  bool found = false;
  for (const ir::Expr& e : expr.results) {
    e.visit([&](const ir::Expr& node) {
      found |= node.kind() == ir::Expr::Kind::Apply && node.op() == ir::Opcode::Exp;
    });
  }
  if (!found) return {};
  return unsupported("the device has no exp", "gpu");
}

ir::Module placedGraph() {
  return sched::place(expressed(R"(graph @placed(%x: f32[4, 16]) -> ("y", "z") {
  %a = neg %x : f32[4, 16] from "negate"
  %e = exp %a : f32[4, 16] from "first"
  %p = add %e, %a : f32[4, 16] from "plus"
  %q = exp %p : f32[4, 16] from "second"
  %y = sub %q, %a : f32[4, 16] from "minus"
  return %y, %e
}
)"),
                      "gpu", "cpu", withoutExp);
}

ir::Module placedPlan(const ir::Module& graph) {
  const hwdb::Description gpu = weakGpu();
  const hwdb::Description cpu = vectorCpu();
  ir::PassRunner runner;
  auto plan = sched::schedulePlaced(
      graph, {{"gpu", {gpu, sched::roofline, {}}}, {"cpu", {cpu, sched::roofline, {}}}}, runner);
  REQUIRE_MESSAGE(plan.has_value(), plan.error().str());
  return *std::move(plan);
}

runtime::PlacedProgram placedProgram(const ir::Module& plan, const hwdb::Description& gpu,
                                     const hwdb::Description& cpu) {
  auto placed = common::lowerPlaced(plan, {{"gpu", &gpu}, {"cpu", &cpu}});
  REQUIRE_MESSAGE(placed.has_value(), placed.error().str());
  runtime::planMemory(placed->programs[0], gpu.bindingAlignBytes.value);
  runtime::planMemory(placed->programs[1], cpu.bindingAlignBytes.value);
  runtime::planHostMemory(*placed);
  return *std::move(placed);
}

}  // namespace quartet::test
