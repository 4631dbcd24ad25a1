#include "sched/roller/streaming.h"

#include <algorithm>

#include "hwdb/levels.h"
#include "sched/cost/traffic.h"
#include "sched/roller/shape.h"
#include "sched/roller/step_model.h"

namespace quartet::sched {

void streamWrites(ir::Module& plan, const TaskView& view, const ir::Tile& tile,
                  const hwdb::Description& device) {
  const hwdb::MemoryLevel* cache = hwdb::largestCache(device);
  const int64_t kept = cache == nullptr ? 0 : cache->bytes.value;
  const int along = tile.storeAxis >= 0 ? tile.storeAxis : tile.laneAxis;
  if (kept == 0 || device.groupInvocations.value > 1 || along < 0 || along >= view.rank()) return;
  for (const ir::OpId id : plan.region(plan.op(view.tasks).regions[0]).ops) {
    ir::Op& op = plan.op(id);
    if (op.opcode != ir::Opcode::Write || op.attributes.has("strides")) continue;
    const ir::ValueId buffer = op.operands[1];
    const ir::Type& type = plan.type(buffer);
    const int64_t bytes =
        ir::elementCount(type.shape).usual(plan.symbols) * ir::byteSize(type.dtype);
    if (bytes <= kept) continue;
    const int64_t line = std::max(tile.lanes, cache->lineBytes.value / ir::byteSize(type.dtype));
    const bool contiguous = std::ranges::any_of(view.accesses, [&](const Access& access) {
      return access.write && access.buffer == buffer && strideOf(view, access, along) == 1 &&
             startsVectors(view, access, along, line);
    });
    if (contiguous) op.attributes.set("streams", int64_t{1});
  }
}

namespace {

/// Of rows that are written at a time, so many are enough that none is fetched ahead: each line
/// that a register tile begins then costs half a line's time more. Average pooling of 42 x 42 and
/// depthwise convolutions of 83 x 83 points, measured for tiles of 1 to 14 rows.
constexpr double kRowsApart = 6;
constexpr double kMostOfLine = 0.5;

/// A register tile, as a box in the middle of the domain.
struct TileBox {
  ir::Box points;
  double tiles = 1;  // of the domain
  double rows = 1;
};
TileBox tileBox(const TaskView& view, const ir::Tile& tile) {
  TileBox box;
  std::vector<int64_t> lengths = view.extents;
  for (int axis = 0; axis < view.rank(); ++axis) {
    const auto i = static_cast<size_t>(axis);
    lengths[i] = std::min(tile.reg[i], view.extents[i]);
    if (axis != tile.laneAxis) box.rows *= static_cast<double>(lengths[i]);
    box.tiles *= static_cast<double>(view.extents[i]) / static_cast<double>(lengths[i]);
  }
  box.points = middleBox(view.extents, lengths);
  return box;
}

/// Whether loops go through so many rows before they come to the next vectors of the first one that
/// its line has left the unit's own cache. All rows: groups that cut them follow the units in use,
/// which may not decide.
bool linesLeave(const TaskView& view, const ir::Tile& tile, const hwdb::MemoryLevel& own) {
  double bytes = static_cast<double>(own.lineBytes.value);
  for (const int axis : rowAxes(view, {tile.laneAxis, tile.lanes})) {
    const auto i = static_cast<size_t>(axis);
    bytes *= static_cast<double>(std::max<int64_t>(view.extents[i], 1));
  }
  return bytes > static_cast<double>(own.bytes.value) * kCacheShare;
}

}  // namespace

double scatteredWriteCycles(const TaskView& view, const ir::Tile& tile,
                            const hwdb::Description& device) {
  const hwdb::MemoryLevel* memory = hwdb::deviceMemory(device);
  const hwdb::MemoryLevel* own = hwdb::largestOwnCache(device);
  if (memory == nullptr || own == nullptr || !hwdb::given(memory->bytesPerCycle)) return 0;
  const TileBox box = tileBox(view, tile);
  const int64_t line = std::max<int64_t>(own->lineBytes.value, 1);
  const bool leave = linesLeave(view, tile, *own);
  const double apart = kMostOfLine * std::min((box.rows - 1) / (kRowsApart - 1), 1.0);
  double bytes = 0;
  for (const Access& access : view.accesses) {
    if (!access.write || strideOf(view, access, tile.laneAxis) != 1) continue;
    const double all = footprintBytes(*view.plan, access, middleBox(view.extents, view.extents));
    if (all <= static_cast<double>(own->bytes.value)) continue;
    const double lines = box.tiles * footprintLineBytes(*view.plan, access, box.points, line);
    bytes += leave ? lines - all : lines * apart;
  }
  return std::max(bytes, 0.0) / memory->bytesPerCycle.value;
}

}  // namespace quartet::sched
