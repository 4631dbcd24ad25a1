#include "sched/roller/plan_cycles.h"

#include <algorithm>
#include <ranges>

#include "hwdb/levels.h"
#include "sched/cost/operations.h"
#include "sched/cost/traffic.h"
#include "sched/roller/axes.h"
#include "sched/roller/step_model.h"

namespace quartet::sched {

using ir::Opcode;
using ir::OpId;

namespace {

/// Cycles to move `bytes` that stay in the smallest cache with room for all of them until they are
/// read; none in the innermost, whose accesses are counted one by one.
double streamCycles(double bytes, const hwdb::Description& device) {
  bool innermost = true;
  for (const hwdb::MemoryLevel& level : std::views::reverse(device.memory)) {
    if (level.kind != hwdb::MemoryLevel::Kind::Cache) continue;
    const bool stays = bytes <= static_cast<double>(level.bytes.value) * kCacheShare;
    const bool known = hwdb::given(level.bytesPerCycle);
    if (stays && innermost) return 0;
    if (stays && known) return bytes / level.bytesPerCycle.value;
    innermost = false;
  }
  return bytes / hwdb::deviceMemory(device)->bytesPerCycle.value;
}

double bufferBytes(const ir::Module& plan, ir::ValueId buffer) {
  const ir::Type& type = plan.type(buffer);
  return static_cast<double>(ir::elementCount(type.shape).usual(plan.symbols) *
                             ir::byteSize(type.dtype));
}

/// What a reduction's main loops do not count.
double besideLoops(const TaskView& view, const hwdb::Description& device) {
  std::vector<Access> writes;
  double cycles = 0;
  for (const Access& access : view.accesses) {
    if (access.write) writes.push_back(access);
    if (!view.isConstant(access.buffer)) continue;
    // Other tensors and weights are gone through before these are read again: what is more than a
    // unit keeps for itself comes from far.
    const double bytes = bufferBytes(*view.plan, access.buffer);
    const hwdb::MemoryLevel* cache = hwdb::largestOwnCache(device);
    const double own = cache == nullptr ? 0 : static_cast<double>(cache->bytes.value) * kCacheShare;
    if (bytes > own) cycles += bytes / hwdb::deviceMemory(device)->bytesPerCycle.value;
  }
  return cycles + streamCycles(trafficBytes(*view.plan, writes, view.extents), device);
}

/// Vectors, or points, that a map's loops go through.
double vectorsOf(const TaskView& view, const LaneChoice& lane) {
  const auto points = static_cast<double>(view.domainCount());
  if (lane.axis < 0) return points;
  const int64_t extent = std::max<int64_t>(view.extents[static_cast<size_t>(lane.axis)], 1);
  return points / static_cast<double>(extent) * static_cast<double>(ceilDivide(extent, lane.lanes));
}

double mapCycles(const TaskView& view, const hwdb::Description& device) {
  const auto& tile = view.plan->op(view.anchor).attributes.get<ir::Tile>("tile");
  const LaneChoice lane{tile.laneAxis, tile.lanes};
  double accesses = 0;
  for (const Access& access : view.accesses) {
    const double one = lane.axis < 0 ? 1 : vectorAccesses(view, access, lane.axis, device);
    accesses += access.write ? kStoreLoads * one : one;
  }
  double operations = 0;
  for (const OpId id : view.plan->region(view.plan->op(view.tasks).regions[0]).ops) {
    const ir::Op& op = view.plan->op(id);
    if (op.opcode == Opcode::Tile) operations += operationsOf(op.attributes.expr().results);
  }
  const double loops =
      vectorsOf(view, lane) * std::max(accesses, operations) / device.fmaPerCycle.value;
  return loops + streamCycles(trafficBytes(*view.plan, view.accesses, view.extents), device);
}

}  // namespace

bool countsCycles(const hwdb::Description& device) {
  const hwdb::MemoryLevel* memory = hwdb::deviceMemory(device);
  return memory != nullptr && hwdb::given(memory->bytesPerCycle);
}

double planCycles(const ir::Module& plan, const hwdb::Description& device) {
  double cycles = 0;
  for (const OpId tasks : taskSets(plan)) {
    const TaskView view = viewOf(plan, tasks, {});
    const ir::Attribute* found = plan.op(tasks).attributes.find("cycles");
    const auto* loops = found == nullptr ? nullptr : std::get_if<double>(found);
    cycles += view.reduces() && loops != nullptr ? *loops + besideLoops(view, device)
                                                 : mapCycles(view, device);
    // A launch is worth what makes a task worth its start.
    cycles += static_cast<double>(device.taskVectorOperations.value) / device.fmaPerCycle.value;
  }
  return cycles;
}

}  // namespace quartet::sched
