// Drives a compilation: a graph, a device, a program.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "hwdb/description.h"
#include "ir/module.h"
#include "ir/pass.h"
#include "quartet/quartet.h"
#include "runtime/device.h"
#include "runtime/placed.h"
#include "sched/env.h"

namespace quartet::api {

/// A graph of tensor expressions whose computations say where they run, when that is not one device
/// for all.
struct PlacedGraph {
  ir::Module graph;
  std::vector<ir::OpId> elsewhere;  // what `device` cannot compute
  size_t computations = 0;
  ir::PassRunner passes;
};

/// Graph -> tensor expressions, placed on `device` (called `id`), and where that cannot compute
/// them on the device called `fallback`.
Result<PlacedGraph> placeGraph(const ir::Module& graph, const runtime::Device& device,
                               const std::string& id, const std::string& fallback);

/// What the stages made of a placed graph.
struct Schedule {
  ir::Module graph;    // placed
  ir::Module plan;     // after the last stage
  std::string fronts;  // of its task sets as Roller was given them, as text; empty: not asked for
  std::vector<ir::PassTime> times;
};

/// A device by the name that the placement gives it.
struct CompileTarget {
  std::string id;
  const hwdb::Description* description = nullptr;
  sched::Measure measure = nullptr;          // none: predictions decide
  sched::FrontReport reportFront = nullptr;  // none: fronts are not made
};

/// Placed graph -> plan. One target: all runs there.
Result<Schedule> scheduleGraph(PlacedGraph placed, const std::vector<CompileTarget>& targets,
                               const CompileOptions& options);

/// Plan -> kernels -> placed memory, for these values of the plan's symbols. The kernels do not
/// depend on them.
Result<runtime::PlacedProgram> lowerSchedule(const Schedule& schedule,
                                             const std::vector<CompileTarget>& targets,
                                             const ir::SymbolValues& symbols);

/// One stage on `.ir` text, for `quartet opt`: express, grinder, welder, roller, rammer, lower
/// (plan -> kernels), verify (parse and check only). `file` names the text in diagnostics.
Result<std::string> runStage(const std::string& stage, const std::string& text,
                             const std::string& file, const CompileOptions& options);

}  // namespace quartet::api
