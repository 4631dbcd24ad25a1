// The order of the four stages. The one file of the project that names them all is pipeline.cpp.
#pragma once

#include <string>

#include "ir/pass.h"
#include "sched/env.h"

namespace quartet::sched {

/// Graph with tensor expressions (after ir::express) -> scheduled plan: waves of task sets with
/// tiles, layouts and packed constants. Runs every stage through `runner` (verified, timed,
/// printed).
Result<ir::Module> schedule(ir::Module graph, const Env& env, ir::PassRunner& runner);

/// What a device of a placed graph is scheduled for.
struct Target {
  std::string device;  // as the placement names it
  Env env;
};

/// The same for a graph whose computations say where they run (placement.h): its segments are
/// scheduled one by one, each for its device, and joined with copies between them (segments.h).
Result<ir::Module> schedulePlaced(const ir::Module& graph, const std::vector<Target>& targets,
                                  ir::PassRunner& runner);

/// The stages one by one, for tests and `quartet opt`: "grinder", "welder", "roller", "rammer".
/// "roller" is Welder with fusion off. Each takes what the one before gives.
Result<ir::Module> runStage(const std::string& stage, ir::Module module, const Env& env);

}  // namespace quartet::sched
