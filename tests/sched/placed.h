// A graph whose exponentials a device lacks: what placement does with it.
#pragma once

#include "hwdb/description.h"
#include "ir/module.h"
#include "runtime/placed.h"
#include "sched/placement.h"

namespace quartet::test {

/// Everything except exp.
Status withoutExp(const ir::TensorExpr& expr);
/// Its computations alternate between "gpu" and "cpu"; one value stays where it is for all of them,
/// one output is read on the other device.
ir::Module placedGraph();
/// "gpu" is scheduled as weakGpu(), "cpu" as vectorCpu().
ir::Module placedPlan(const ir::Module& graph);
/// Its programs, with memory placed. The descriptions must outlive nothing.
runtime::PlacedProgram placedProgram(const ir::Module& plan, const hwdb::Description& gpu,
                                     const hwdb::Description& cpu);

}  // namespace quartet::test
