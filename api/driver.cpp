#include "api/driver.h"

#include <algorithm>

#include "api/devices.h"
#include "backends/common/lower_plan.h"
#include "ir/express.h"
#include "ir/text.h"
#include "ir/verifier.h"
#include "runtime/memory_planner.h"
#include "sched/cost/roofline.h"
#include "sched/pipeline.h"

namespace quartet::api {
namespace {

sched::Env makeEnv(const hwdb::Description& device, const CompileOptions& options) {
  return {device, sched::roofline, {options.welder, options.roller, options.rammer}};
}

Result<std::string> lowerText(const ir::Module& plan, const hwdb::Description& device) {
  const runtime::Program program = QT_TRY(common::lowerPlan(plan, device));
  std::string text;
  for (const ir::Module& kernel : program.kernels) text += ir::print(kernel);
  return text;
}

}  // namespace

Result<Compilation> compileGraph(const ir::Module& graph, const hwdb::Description& device,
                                 const CompileOptions& options) {
  ir::PassRunner runner;
  ir::Module expressed = QT_TRY(runner.run("express", graph, ir::express));
  Compilation compilation;
  compilation.plan =
      QT_TRY(sched::schedule(std::move(expressed), makeEnv(device, options), runner));
  compilation.program = QT_TRY(common::lowerPlan(compilation.plan, device));
  runtime::planMemory(compilation.program, std::max<int64_t>(64, device.bindingAlignBytes.value));
  compilation.times = runner.times();
  return compilation;
}

Result<std::string> runStage(const std::string& stage, const std::string& text,
                             const std::string& file, const CompileOptions& options) {
  const auto stages = {"verify", "express", "grinder", "welder", "roller", "rammer", "lower"};
  if (std::find(stages.begin(), stages.end(), stage) == stages.end()) {
    return userError("unknown stage '" + stage + "'", {},
                     "stages are verify, express, grinder, welder, roller, rammer, lower");
  }
  ir::Module module = QT_TRY(ir::parse(text, {file, true}));
  QT_CHECK(ir::verify(module));
  if (stage == "verify") return ir::print(module);
  if (stage == "express") {
    ir::PassRunner runner;
    return ir::print(QT_TRY(runner.run("express", std::move(module), ir::express)));
  }
  const DeviceEntry entry = QT_TRY(findDevice(options.device));
  if (!entry.open) {
    return userError("the reference runs graphs; there is no stage for it",
                     "device '" + entry.info.id + "'", "name another device (--device)");
  }
  const auto device = QT_TRY(entry.open({options.threads}));
  if (stage == "lower") return lowerText(module, device->description());
  ir::PassRunner runner;
  return ir::print(QT_TRY(runner.run(stage, std::move(module), [&](ir::Module input) {
    return sched::runStage(stage, std::move(input), makeEnv(device->description(), options));
  })));
}

}  // namespace quartet::api
