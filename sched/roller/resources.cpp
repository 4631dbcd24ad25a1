#include "sched/roller/resources.h"

#include <algorithm>

#include "hwdb/levels.h"
#include "sched/cost/traffic.h"
#include "sched/roller/group_tile.h"
#include "sched/roller/padded_boxes.h"
#include "sched/roller/shape.h"

namespace quartet::sched {

namespace {

/// What the level that units share gives one of them; 0: not known.
double sharedBytesPerMicrosecond(const hwdb::Description& device) {
  const hwdb::MemoryLevel* level = hwdb::innermostSharedLevel(device);
  return level == nullptr ? 0 : level->gigabytesPerSecond.value * 1e3;
}

double numberOf(const ir::Attributes& attributes, const std::string& name) {
  return attributes.has(name) ? attributes.get<double>(name) : 0;
}

}  // namespace

Resources DemandModel::resourcesOf(const ir::Tile& tile) {
  Resources resources;
  if (!view_.reduces()) return resources;
  resources.workgroupBytes = workgroupBytes(view_, tile, env_.device);
  resources.privateBytes =
      partialStateBytes(view_, tile, env_.device) + paddedBoxBytes(view_, tile);
  if (env_.device.groupInvocations.value == 1) return resources;
  std::vector<int64_t> key{tile.laneAxis, tile.order.empty() ? -1 : tile.order.back()};
  key.insert(key.end(), tile.reg.begin(), tile.reg.end());
  key.insert(key.end(), tile.unit.begin(), tile.unit.end());
  const auto [known, isNew] = registers_.try_emplace(std::move(key));
  if (isNew) known->second = tileRegisters(view_, tile, env_.device);
  resources.registers = known->second;
  return resources;
}

/// What a group reaches.
double DemandModel::groupBytes(const ir::Tile& tile) {
  std::vector<int64_t> lengths = view_.extents;
  for (int axis = 0; axis < view_.rank(); ++axis) {
    const auto i = static_cast<size_t>(axis);
    lengths[i] = std::min(lengths[i], tile.group[i]);
  }
  const auto [known, isNew] = bytes_.try_emplace(lengths);
  if (!isNew) return known->second;
  const ir::Box points = middleBox(view_.extents, lengths);
  for (const Access& access : view_.accesses) {
    known->second += footprintBytes(*view_.plan, access, points);
  }
  return known->second;
}

Demand DemandModel::of(const ir::Tile& tile, const Work& work, double microseconds) {
  Demand demand;
  demand.tasks = groupCount(view_, tile);
  demand.resources = resourcesOf(tile);
  const auto tasks = static_cast<double>(demand.tasks);
  const auto units = static_cast<double>(budget_.units);
  const double launch = env_.cost({}, env_.device);
  Work alone = work;
  alone.bytes = 0;
  alone.units = 1;
  const double computing = env_.cost(alone, env_.device) - launch;
  const double busyUnits = units / imbalance(view_, tile, budget_.units);
  const double waiting = (microseconds - launch) * busyUnits;
  const double rate = sharedBytesPerMicrosecond(env_.device);
  const double reading = rate > 0 ? groupBytes(tile) * tasks / rate : 0;
  const double starting = tasks * env_.device.taskMicroseconds.value;
  demand.unitMicroseconds =
      std::min(std::max({computing, waiting, reading}) + starting, units * microseconds);
  return demand;
}

void setDemand(Alternative& alternative, const Budget& budget, const Env& env) {
  alternative.unitMicroseconds = 0;
  alternative.tasks = 0;
  alternative.resources = {};
  for (const ir::OpId tasks : taskSets(alternative.plan)) {
    const TaskView view = viewOf(alternative.plan, tasks, {});
    const ir::Attributes& predicted = alternative.plan.op(tasks).attributes;
    Work work;
    work.flops = numberOf(predicted, "flops");
    work.bytes = numberOf(predicted, "bytes");
    work.cycles = numberOf(predicted, "cycles");
    work.gigaflops = numberOf(predicted, "gigaflops");
    const auto& tile = alternative.plan.op(view.anchor).attributes.get<ir::Tile>("tile");
    const Demand demand =
        DemandModel(view, budget, env).of(tile, work, numberOf(predicted, "microseconds"));
    alternative.unitMicroseconds += demand.unitMicroseconds;
    alternative.tasks = std::max(alternative.tasks, demand.tasks);
    Resources& most = alternative.resources;
    const Resources& own = demand.resources;
    most.workgroupBytes = std::max(most.workgroupBytes, own.workgroupBytes);
    most.privateBytes = std::max(most.privateBytes, own.privateBytes);
    most.registers = std::max(most.registers, own.registers);
  }
}

}  // namespace quartet::sched
