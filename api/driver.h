// Drives a compilation: a graph, a device, a program.
#pragma once

#include <vector>

#include "base/result.h"
#include "hwdb/description.h"
#include "ir/module.h"
#include "ir/pass.h"
#include "quartet/quartet.h"
#include "runtime/program.h"

namespace quartet::api {

struct Compilation {
  ir::Module plan;           // after the last stage
  runtime::Program program;  // with its memory planned
  std::vector<ir::PassTime> times;
};

/// Graph -> tensor expressions -> plan -> kernels -> placed memory.
Result<Compilation> compileGraph(const ir::Module& graph, const hwdb::Description& device,
                                 const CompileOptions& options);

/// One stage on `.ir` text, for `quartet opt`: express, grinder, welder, roller, rammer, lower
/// (plan -> kernels), verify (parse and check only). `file` names the text in diagnostics.
Result<std::string> runStage(const std::string& stage, const std::string& text,
                             const std::string& file, const CompileOptions& options);

}  // namespace quartet::api
