#include "sched/roller/streaming.h"

#include <algorithm>

#include "hwdb/levels.h"

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

}  // namespace quartet::sched
