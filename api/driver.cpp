#include "api/driver.h"

#include <algorithm>

#include "api/devices.h"
#include "api/stage_input.h"
#include "backends/common/loop_limit.h"
#include "backends/common/lower_placed.h"
#include "backends/common/lower_plan.h"
#include "ir/express.h"
#include "ir/text.h"
#include "ir/verifier.h"
#include "runtime/memory_planner.h"
#include "sched/cost/roofline.h"
#include "sched/pipeline.h"
#include "sched/placement.h"

namespace quartet::api {
namespace {

sched::Env makeEnv(const CompileTarget& target, const CompileOptions& options) {
  return {*target.description,
          sched::roofline,
          {.welder = options.welder,
           .roller = options.roller,
           .rammer = options.rammer,
           .alternatives = std::max(options.measure, 1),
           .drawTiles = options.measure > 1 ? options.drawTiles : std::nullopt,
           .winograd = options.winograd},
          target.measure,
          target.reportFront};
}

Result<std::string> lowerText(const ir::Module& plan, const hwdb::Description& device) {
  const runtime::Program program = QT_TRY(common::lowerPlan(plan, device));
  std::string text;
  for (const ir::Module& kernel : program.kernels) text += ir::print(kernel);
  return text;
}

}  // namespace

Result<PlacedGraph> placeGraph(const ir::Module& graph, const runtime::Device& device,
                               const std::string& id, const std::string& fallback) {
  PlacedGraph placed;
  ir::Module expressed = QT_TRY(placed.passes.run("express", graph, ir::express));
  const sched::Capability supports = [&](const ir::TensorExpr& expr) -> Status {
    QT_CHECK(device.supports(expr));
    return common::supportsLoops(expr, device.description());
  };
  placed.graph =
      QT_TRY(placed.passes.run("place", std::move(expressed), [&](const ir::Module& module) {
        return sched::place(module, id, fallback, supports);
      }));
  placed.elsewhere = sched::placedOn(placed.graph, fallback);
  placed.computations = placed.elsewhere.size() + sched::placedOn(placed.graph, id).size();
  return placed;
}

Result<Schedule> scheduleGraph(PlacedGraph placed, const std::vector<CompileTarget>& targets,
                               const CompileOptions& options) {
  ir::PassRunner& runner = placed.passes;
  Schedule schedule;
  if (targets.size() == 1) {
    schedule.plan = QT_TRY(sched::schedule(placed.graph, makeEnv(targets[0], options), runner));
  } else {
    std::vector<sched::Target> schedulers;
    for (const CompileTarget& target : targets) {
      schedulers.push_back({target.id, makeEnv(target, options)});
    }
    schedule.plan = QT_TRY(sched::schedulePlaced(placed.graph, schedulers, runner));
  }
  schedule.times = runner.times();
  schedule.graph = std::move(placed.graph);
  return schedule;
}

Result<runtime::PlacedProgram> lowerSchedule(const Schedule& schedule,
                                             const std::vector<CompileTarget>& targets,
                                             const ir::SymbolValues& symbols) {
  runtime::PlacedProgram program;
  if (targets.size() == 1) {
    runtime::Program alone =
        QT_TRY(common::lowerPlan(schedule.plan, *targets[0].description, symbols));
    program = runtime::placeAlone(std::move(alone), targets[0].id);
  } else {
    std::vector<common::PlanTarget> lowerers;
    for (const CompileTarget& target : targets) {
      lowerers.push_back({target.id, target.description});
    }
    program = QT_TRY(common::lowerPlaced(schedule.plan, lowerers, symbols));
  }
  for (size_t i = 0; i < targets.size(); ++i) {
    runtime::planMemory(program.programs[i],
                        std::max<int64_t>(64, targets[i].description->bindingAlignBytes.value));
  }
  runtime::planHostMemory(program);
  return program;
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
  QT_CHECK(checkStageInput(stage, module, file));
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
    return sched::runStage(stage, std::move(input),
                           makeEnv({options.device, &device->description()}, options));
  })));
}

}  // namespace quartet::api
