#include "sched/pipeline.h"

#include <algorithm>
#include <array>

#include "sched/grinder/grinder.h"
#include "sched/measured_tiles.h"
#include "sched/rammer/rammer.h"
#include "sched/reported_fronts.h"
#include "sched/roller/roller.h"
#include "sched/segments.h"
#include "sched/welder/welder.h"

namespace quartet::sched {

namespace {

/// What a plan offers after a stage.
enum Property : unsigned {
  kExpressions = 1,  // computing ops are tensor expressions
  kPlan = 2,         // task sets over buffers
  kTiled = 4,        // every task set has a governing tile, every buffer a layout
  kWaves = 8,        // task sets stand in waves
};

struct Stage {
  const char* name;
  unsigned needs;
  unsigned gives;
};

// Grinder drives: it makes the plan and hands each region to Welder (which asks Roller) and Rammer.
constexpr std::array<Stage, 3> kStages{
    {{"grinder", kExpressions, kPlan}, {"welder", kPlan, kTiled}, {"rammer", kTiled, kWaves}}};

constexpr bool sound(const std::array<Stage, 3>& stages, unsigned have) {
  for (const Stage& stage : stages) {
    if ((have & stage.needs) != stage.needs) return false;
    have |= stage.gives;
  }
  return true;
}
static_assert(sound(kStages, kExpressions), "a stage runs before what it needs");

TileSource tileSource(const Env& env) {
  TileSource tiles = env.measure ? measuredTiles(roller) : roller;
  return env.reportFront ? reportedFronts(std::move(tiles), roller) : tiles;
}

Result<ir::Module> plain(ir::Module plan, const Budget&, const Env&) { return plan; }

}  // namespace

Result<ir::Module> schedule(ir::Module graph, const Env& env, ir::PassRunner& runner) {
  const RegionScheduler region = [&](ir::Module plan, const Budget& budget,
                                     const Env& inner) -> Result<ir::Module> {
    ir::Module tiled = QT_TRY(runner.run(kStages[1].name, std::move(plan), [&](ir::Module m) {
      return welder(std::move(m), budget, tileSource(inner), inner);
    }));
    return runner.run(kStages[2].name, std::move(tiled),
                      [&](ir::Module m) { return rammer(std::move(m), budget, inner); });
  };
  return runner.run(kStages[0].name, std::move(graph),
                    [&](const ir::Module& m) { return grinder(m, region, env); });
}

Result<ir::Module> schedulePlaced(const ir::Module& graph, const std::vector<Target>& targets,
                                  ir::PassRunner& runner) {
  std::vector<Segment> segments = cutSegments(graph);
  std::vector<ir::Module> plans;
  for (const Segment& segment : segments) {
    const auto target = std::find_if(targets.begin(), targets.end(), [&](const Target& one) {
      return one.device == segment.device;
    });
    QT_ASSERT(target != targets.end(), "a target for device " + segment.device);
    plans.push_back(QT_TRY(schedule(segment.graph, target->env, runner)));
  }
  return runner.run("join", ir::Module(),
                    [&](const ir::Module&) { return joinPlans(graph, segments, plans); });
}

Result<ir::Module> runStage(const std::string& stage, ir::Module module, const Env& env) {
  const Budget budget{env.device.units.value};
  if (stage == "grinder") return grinder(module, plain, env);
  if (stage == "welder") return welder(std::move(module), budget, roller, env);
  if (stage == "rammer") return rammer(std::move(module), budget, env);
  if (stage == "roller") {
    Env apart = env;
    apart.options.welder = false;
    return welder(std::move(module), budget, roller, apart);
  }
  return userError("unknown stage '" + stage + "'", {},
                   "stages are grinder, welder, roller, rammer");
}

}  // namespace quartet::sched
