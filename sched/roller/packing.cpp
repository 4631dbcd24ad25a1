#include "sched/roller/packing.h"

#include <algorithm>
#include <numeric>

#include "hwdb/levels.h"
#include "sched/copy_map.h"
#include "sched/roller/copies.h"
#include "sched/roller/shape.h"

namespace quartet::sched {

namespace {

/// Of the lanes of what is computed at once.
Panel lanePanel(const TaskView& view, const Access& access, const ir::Tile& tile,
                const hwdb::Description& device) {
  const auto lane = static_cast<size_t>(tile.laneAxis);
  return {packableAxis(view, access, tile.laneAxis),
          device.groupInvocations.value > 1 ? tile.group[lane] : tile.reg[lane]};
}

/// Of the rows of a register tile.
Panel rowPanel(const TaskView& view, const Access& access, const ir::Tile& tile) {
  for (const int axis : rowAxes(view, {tile.laneAxis, tile.lanes})) {
    const int64_t rows = tile.reg[static_cast<size_t>(axis)];
    if (rows > 1) return {packableAxis(view, access, axis), rows};
  }
  return {};
}

/// The panel's axis cut into panels outermost, then the other axes by the loop that moves them, the
/// outermost loop first, then the panel's width.
ir::Layout layoutOf(const Access& access, const ir::Tile& tile, const Panel& panel) {
  std::vector<std::pair<size_t, int>> others;
  for (int k = 0; k < static_cast<int>(access.indices.size()); ++k) {
    if (k == panel.axis) continue;
    size_t depth = 0;
    access.indices[static_cast<size_t>(k)].visit([&](const ir::Expr& node) {
      if (node.kind() != ir::Expr::Kind::Axis) return;
      const auto at = std::find(tile.order.begin(), tile.order.end(), node.number());
      depth = std::max(depth, static_cast<size_t>(at - tile.order.begin()) + 1);
    });
    others.emplace_back(depth, k);
  }
  std::stable_sort(others.begin(), others.end(),
                   [](const auto& a, const auto& b) { return a.first < b.first; });
  ir::Layout layout;
  layout.axes.push_back({panel.axis, panel.width, 0});
  for (const auto& [depth, k] : others) layout.axes.push_back({k, 1, 0});
  layout.axes.push_back({panel.axis, 1, panel.width});
  return layout;
}

/// The cache behind the innermost: what the rows of a group read again for every column of vectors
/// should stay there. Null without one.
const hwdb::MemoryLevel* cacheOfRows(const hwdb::Description& device) {
  const hwdb::MemoryLevel* innermost = hwdb::innermostCache(device);
  const auto* behind = innermost == nullptr ? nullptr : hwdb::levelBehind(device, *innermost);
  return behind != nullptr && behind->kind == hwdb::MemoryLevel::Kind::Cache ? behind : nullptr;
}

/// Of `rows` pieces of `run` bytes that begin `pitch` bytes apart, the bytes that a cache keeps:
/// those that fall on the same sets displace one another.
int64_t keptBytes(const hwdb::MemoryLevel& cache, int64_t rows, int64_t run, int64_t pitch) {
  const int64_t way = cache.bytes.value / cache.ways.value;
  const int64_t places = way / std::gcd(pitch, way);
  return std::min(way, std::min(rows, places) * run) * cache.ways.value;
}

/// Whether the rows of a group, of which a slice of the reduction is read again for every column of
/// vectors, lie so that the cache that should keep the slice keeps less than half of it.
bool rowsDisplaceOneAnother(const TaskView& view, const Access& access, const ir::Tile& tile,
                            const hwdb::Description& device) {
  const hwdb::MemoryLevel* cache = cacheOfRows(device);
  if (cache == nullptr || !hwdb::given(cache->ways)) return false;
  const int64_t size = ir::byteSize(view.plan->type(access.buffer).dtype);
  int64_t run = 0;
  for (int axis = view.rank(); axis < view.axes(); ++axis) {
    const auto i = static_cast<size_t>(axis);
    const bool cut = tile.group[i] < view.extents[i];
    if (cut && strideOf(view, access, axis) == 1) run = tile.group[i] * size;
  }
  for (const int row : rowAxes(view, {tile.laneAxis, tile.lanes})) {
    if (tile.reg[static_cast<size_t>(row)] < 2) continue;
    // The axis that panels are cut along (rowPanel).
    const int64_t rows = tile.group[static_cast<size_t>(row)];
    const int64_t pitch = std::abs(strideOf(view, access, row).value_or(0)) * size;
    return run > 0 && pitch > run && 2 * keptBytes(*cache, rows, run, pitch) < rows * run;
  }
  return false;
}

bool hasPanels(const TaskView& view, const ir::Tile& tile) {
  return view.reduces() && tile.laneAxis >= 0 && tile.laneAxis < view.rank();
}

}  // namespace

void packConstants(ir::Module& plan, const TaskView& view, const ir::Tile& tile,
                   const hwdb::Description& device) {
  if (!hasPanels(view, tile)) return;
  for (const Access& access : view.accesses) {
    if (access.write || access.perPoint || !view.isConstant(access.buffer)) continue;
    Panel panel = lanePanel(view, access, tile, device);
    if (panel.axis < 0) panel = rowPanel(view, access, tile);
    if (panel.axis < 0) continue;
    plan.value(access.buffer).type.layout = layoutOf(access, tile, panel);
  }
}

std::vector<CopiedOperand> copiedOperands(const TaskView& view, const ir::Tile& tile,
                                          const hwdb::Description& device) {
  std::vector<CopiedOperand> copied;
  if (!hasPanels(view, tile)) return copied;
  for (const Access& access : view.accesses) {
    Panel panel;
    if (packedByCopy(view, access, tile.laneAxis, device)) {
      panel = lanePanel(view, access, tile, device);
    } else if (!varies(view, access, tile.laneAxis) && repaysCopy(view, access, device) &&
               rowsDisplaceOneAnother(view, access, tile, device)) {
      panel = rowPanel(view, access, tile);
    }
    if (panel.axis >= 0) copied.push_back({&access, panel});
  }
  return copied;
}

std::vector<ir::OpId> packOperands(ir::Module& plan, const TaskView& view, const ir::Tile& tile,
                                   const hwdb::Description& device) {
  std::vector<ir::OpId> copies;
  for (const auto& [access, panel] : copiedOperands(view, tile, device)) {
    const AddedCopy copy =
        addCopy(plan, view.tasks, access->buffer, copyOf(plan.type(access->buffer)),
                layoutOf(*access, tile, panel), "pack");
    for (const ir::OpId id : plan.region(plan.op(view.tasks).regions[0]).ops) {
      auto& operands = plan.op(id).operands;
      std::replace(operands.begin(), operands.end(), access->buffer, copy.buffer);
    }
    copies.push_back(copy.tasks);
  }
  return copies;
}

}  // namespace quartet::sched
