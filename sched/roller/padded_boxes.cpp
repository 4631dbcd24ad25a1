#include "sched/roller/padded_boxes.h"

#include <algorithm>
#include <ranges>

#include "hwdb/levels.h"
#include "ir/staging.h"
#include "sched/roller/step_model.h"
#include "sched/roller/stream_model.h"

namespace quartet::sched {

namespace {

/// Parts that fit the innermost cache may read so much more than those that fit the one behind it.
constexpr double kMostHalo = 1.25;
/// Kernels compute in 32 bits or more.
constexpr int64_t kLeastBytes = 4;

std::vector<ir::Expr> guardedLoads(const TaskView& view) {
  std::vector<ir::Expr> loads = ir::distinctLoads(view.expr->element);
  std::erase_if(loads, [](const ir::Expr& load) { return !load.guarded(); });
  return loads;
}

const ir::Type& operandOf(const TaskView& view, const ir::Expr& load) {
  return view.plan->type(view.plan->op(view.anchor).operands[static_cast<size_t>(load.number())]);
}

/// Of the boxes of all guarded loads; nothing where one has none.
std::optional<int64_t> boxBytes(const TaskView& view, const ir::Tile& tile) {
  int64_t bytes = 0;
  for (const ir::Expr& load : guardedLoads(view)) {
    const ir::Type& operand = operandOf(view, load);
    const auto box = ir::paddedBox(load, operand, tile, static_cast<size_t>(view.rank()));
    if (!box) return std::nullopt;
    bytes += box->box.elements * std::max<int64_t>(ir::byteSize(operand.dtype), kLeastBytes);
  }
  return bytes;
}

/// A point of every axis but the lanes', which is whole.
ir::Tile smallestParts(const TaskView& view, int laneAxis, int64_t lanes) {
  ir::Tile tile;
  tile.laneAxis = laneAxis;
  tile.lanes = lanes;
  for (int axis = 0; axis < view.axes(); ++axis) {
    const bool whole = axis == laneAxis || axis >= view.rank();
    tile.stage.push_back(whole ? view.extents[static_cast<size_t>(axis)] : 1);
  }
  return tile;
}

/// The largest register tile, its rows along the innermost axis, and its boxes.
std::optional<int64_t> largestBytes(const TaskView& view, int laneAxis, int64_t lanes) {
  ir::Tile tile = smallestParts(view, laneAxis, lanes);
  for (int axis = view.rank() - 1; axis >= 0; --axis) {
    const auto i = static_cast<size_t>(axis);
    if (axis == laneAxis || view.extents[i] < 2) continue;
    tile.stage[i] = std::min(kMostRows, view.extents[i]);
    break;
  }
  return boxBytes(view, tile);
}

bool isConstant(const TaskView& view, int axis) {
  const auto i = static_cast<size_t>(axis);
  const int rank = view.rank();
  return (axis < rank ? view.expr->domain[i] : view.expr->reduction[i - static_cast<size_t>(rank)])
      .isConstant();
}

/// Whether all points of the domain read other elements, and the reduction's axes are known.
bool everyAxisMatters(const TaskView& view, const std::vector<ir::Expr>& loads) {
  for (int axis = 0; axis < view.axes(); ++axis) {
    if (axis >= view.rank()) {
      if (!isConstant(view, axis)) return false;
      continue;
    }
    if (view.extents[static_cast<size_t>(axis)] < 2 && isConstant(view, axis)) continue;
    for (const ir::Expr& load : loads) {
      const bool found = std::ranges::any_of(
          load.args(), [&](const ir::Expr& index) { return ir::mentions(index, axis); });
      if (!found) return false;
    }
  }
  return true;
}

int findLaneAxis(const TaskView& view, const hwdb::Description& device) {
  const int64_t lanes = device.vectorLanes.value;
  if (device.groupInvocations.value > 1 || lanes < 2 || !view.reduces()) return -1;
  const std::vector<ir::Expr> loads = guardedLoads(view);
  if (loads.empty() || !everyAxisMatters(view, loads)) return -1;
  for (int axis = view.rank() - 1; axis >= 0; --axis) {
    if (view.extents[static_cast<size_t>(axis)] < 2 || !isConstant(view, axis)) continue;
    const auto largest = largestBytes(view, axis, lanes);
    if (largest && static_cast<double>(*largest) <= partialRoom(device)) return axis;
  }
  return -1;
}

double innermostRoom(const hwdb::Description& device) {
  const hwdb::MemoryLevel* cache = hwdb::innermostCache(device);
  return cache == nullptr ? 0 : hwdb::unitShare(*cache) * kCacheShare;
}

}  // namespace

int paddedLaneAxis(const TaskView& view, const hwdb::Description& device) {
  if (!view.paddedLanes) view.paddedLanes = findLaneAxis(view, device);
  return *view.paddedLanes;
}

int64_t paddedBoxBytes(const TaskView& view, const ir::Tile& tile) {
  return tile.stage.empty() ? 0 : boxBytes(view, tile).value_or(0);
}

double paddedBoxCycles(const TaskView& view, const ir::Tile& tile,
                       const hwdb::Description& device) {
  if (tile.stage.empty()) return 0;
  double parts = 1;
  for (int axis = 0; axis < view.rank(); ++axis) {
    const auto i = static_cast<size_t>(axis);
    parts *= static_cast<double>(ceilDivide(view.extents[i], tile.stage[i]));
  }
  const auto vector = static_cast<double>(device.vectorLanes.value * kLeastBytes);
  const double vectors = static_cast<double>(paddedBoxBytes(view, tile)) / vector;
  return parts * vectors * (1 + kStoreLoads) / device.fmaPerCycle.value;
}

namespace {

/// Lengthens the parts along `axis`, which are one register tile, as far as there is room. Bytes of
/// boxes for all points along the axis.
double growParts(const TaskView& view, double room, int axis, ir::Tile& tile) {
  const auto i = static_cast<size_t>(axis);
  const int64_t tiles = ceilDivide(view.extents[i], tile.reg[i]);
  const auto bytes = [&](int64_t parts) {  // fewer, the more parts
    tile.stage[i] = ceilDivide(tiles, parts) * tile.reg[i];
    return static_cast<double>(boxBytes(view, tile).value_or(0));
  };
  const auto all = std::views::iota(int64_t{1}, tiles);
  const int64_t fewest =
      *std::ranges::partition_point(all, [&](int64_t parts) { return bytes(parts) > room; });
  return bytes(fewest) * static_cast<double>(ceilDivide(view.extents[i], tile.stage[i]));
}

}  // namespace

void choosePaddedBoxes(const TaskView& view, const hwdb::Description& device, ir::Tile& tile) {
  if (tile.laneAxis < 0 || tile.laneAxis != paddedLaneAxis(view, device)) return;
  tile.stage = smallestParts(view, tile.laneAxis, tile.lanes).stage;
  for (int axis = 0; axis < view.rank(); ++axis) {
    const auto i = static_cast<size_t>(axis);
    if (axis != tile.laneAxis) tile.stage[i] = tile.reg[i];
  }
  for (const int axis : std::views::reverse(tile.order)) {
    if (axis >= view.rank() || axis == tile.laneAxis) continue;
    ir::Tile near = tile;
    ir::Tile far = tile;
    const double nearBytes = growParts(view, innermostRoom(device), axis, near);
    const double farBytes = growParts(view, partialRoom(device), axis, far);
    const ir::Tile& better = nearBytes > kMostHalo * farBytes ? far : near;
    // Without rows that neighbours share, longer parts gain nothing.
    ir::Tile single = tile;
    const double apart = growParts(view, 0, axis, single);
    if (std::min(nearBytes, farBytes) >= apart) break;
    tile.stage = better.stage;
    if (tile.stage[static_cast<size_t>(axis)] < view.extents[static_cast<size_t>(axis)]) break;
  }
  for (int axis = 0; axis < view.rank(); ++axis) {
    const auto i = static_cast<size_t>(axis);
    tile.group[i] = ceilDivide(tile.group[i], tile.stage[i]) * tile.stage[i];
  }
}

}  // namespace quartet::sched
