// What a compilation decided, as text.
#pragma once

#include <string>

#include "api/driver.h"

namespace quartet::api {

struct Placement {
  DeviceInfo device;               // where the model runs
  std::vector<std::string> notes;  // what is not where it was asked to be, and why
};

/// Placement (per operation, with the copies, when several devices take part), memory (peak, sum,
/// bound), waves with their task sets and tiles, how much of the predicted time rests on what kind
/// of value, and the description of the first target. `program` is what the schedule was lowered to
/// for the targets.
std::string explainProgram(const std::string& model, const Placement& placement,
                           const Statistics& statistics, const Schedule& schedule,
                           const runtime::PlacedProgram& program,
                           const std::vector<CompileTarget>& targets);

/// What the driver's compiler says of the code: a line for each shader; empty where it says
/// nothing.
std::string compilerText(const runtime::Executable& executable);

/// The same as explainProgram for the reference: the graph, op by op.
std::string explainGraph(const std::string& model, const Placement& placement,
                         const ir::Module& graph);

}  // namespace quartet::api
