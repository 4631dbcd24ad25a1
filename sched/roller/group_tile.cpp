#include "sched/roller/group_tile.h"

#include <algorithm>
#include <cmath>
#include <ranges>

#include "hwdb/levels.h"
#include "ir/loop_count.h"
#include "ir/staging.h"
#include "sched/roller/matrix_units.h"
#include "sched/roller/shape.h"
#include "sched/roller/step_model.h"
#include "sched/roller/stream_model.h"

namespace quartet::sched {

namespace {

/// Groups that share a unit's workgroup memory: while one waits at a barrier, others compute.
constexpr int64_t kGroupsPerUnit = 4;

/// Of the groups that are tried: register tiles that an invocation goes through, and tasks beyond
/// those that units need to balance the load.
constexpr int64_t kTilesPerInvocation = 8;
constexpr double kMoreTasks = 4;

/// Register tiles of all points along an axis.
int64_t tilesAlong(const TaskView& view, const ir::Tile& tile, int axis) {
  const auto i = static_cast<size_t>(axis);
  return ceilDivide(view.extents[i], tile.reg[i]);
}

void setTiles(ir::Tile& tile, int axis, int64_t count) {
  const auto i = static_cast<size_t>(axis);
  tile.group[i] = std::max<int64_t>(count, 1) * tile.reg[i];
}

/// The axes of the domain in the order of their loops.
std::vector<int> domainOrder(const TaskView& view, const ir::Tile& tile) {
  std::vector<int> domain;
  for (const int axis : tile.order) {
    if (axis < view.rank()) domain.push_back(axis);
  }
  return domain;
}

/// Rows that are gone over again for every column of vectors should stay in the unit's own cache
/// meanwhile: the row axis to cut and how many register tiles of it fit; axis -1 when all fit.
std::pair<int, int64_t> rowBlock(const TaskView& view, const ir::Tile& tile,
                                 const hwdb::Description& device) {
  const std::vector<int>& rows = rowAxes(view, {tile.laneAxis, tile.lanes});
  const hwdb::MemoryLevel* cache = hwdb::largestOwnCache(device);
  if (rows.empty() || cache == nullptr) return {-1, 1};
  double bytesPerRow = 0;  // of the outermost row axis
  for (const Access& access : view.accesses) {
    if (access.write || access.perPoint || varies(view, access, tile.laneAxis)) continue;
    const ir::Type& type = view.plan->type(access.buffer);
    auto bytes = static_cast<double>(ir::elementCount(type.shape).usual(view.plan->symbols) *
                                     ir::byteSize(type.dtype));
    // Rows are gone over again at one point of the axes outside of the columns.
    for (int axis = 0; axis < view.rank(); ++axis) {
      const bool row = std::find(rows.begin(), rows.end(), axis) != rows.end();
      if (axis == tile.laneAxis || row || !varies(view, access, axis)) continue;
      bytes /= static_cast<double>(std::max<int64_t>(view.extents[static_cast<size_t>(axis)], 1));
    }
    bytesPerRow += bytes / static_cast<double>(view.extents[static_cast<size_t>(rows[0])]);
  }
  const auto outer = static_cast<size_t>(rows[0]);
  const double perTile = bytesPerRow * static_cast<double>(tile.reg[outer]);
  const double share = static_cast<double>(cache->bytes.value) * kCacheShare;
  if (perTile * static_cast<double>(ceilDivide(view.extents[outer], tile.reg[outer])) <= share) {
    return {-1, 1};
  }
  return {rows[0], std::max<int64_t>(static_cast<int64_t>(share / std::max(perTile, 1.0)), 1)};
}

bool sliced(const TaskView& view, const ir::Tile& tile) {
  for (int axis = view.rank(); axis < view.axes(); ++axis) {
    const auto i = static_cast<size_t>(axis);
    if (tile.group[i] < view.extents[i]) return true;
  }
  return false;
}

/// For each of the registers of a state (stateRegisters).
constexpr int64_t kStateBytes = 4;

/// Sets the group of a reduction in slices: a block of register tiles whose states fit the room for
/// them, in `need` groups or more.
void chooseSlicedGroup(const TaskView& view, const hwdb::Description& device, int64_t need,
                       ir::Tile& tile) {
  const auto lane = static_cast<size_t>(tile.laneAxis);
  const std::vector<int>& rowAxes = sched::rowAxes(view, {tile.laneAxis, tile.lanes});
  const int64_t columns = tilesAlong(view, tile, tile.laneAxis);
  int64_t rowTiles = 1;
  int64_t rows = 1;  // points of a register tile
  int64_t groups = 1;
  for (int axis = 0; axis < view.rank(); ++axis) {
    const auto i = static_cast<size_t>(axis);
    tile.group[i] = tile.reg[i];
    const bool row = std::find(rowAxes.begin(), rowAxes.end(), axis) != rowAxes.end();
    if (row) rows *= tile.reg[i];
    if (row) rowTiles *= tilesAlong(view, tile, axis);
    if (!row && i != lane) groups *= tilesAlong(view, tile, axis);
  }
  const auto states =
      static_cast<double>(stateRegisters(view) * rows * tile.reg[lane] * kStateBytes);
  SlicedGroup block =
      slicedGroup(rowTiles, columns, rows, tile.reg[lane], states, partialRoom(device));
  block.rows = std::max<int64_t>(block.rows, 1);
  block.columns = std::max<int64_t>(block.columns, 1);
  // Enough groups, and of nearly the same size.
  const auto count = [&] {
    return groups * ceilDivide(rowTiles, block.rows) * ceilDivide(columns, block.columns);
  };
  while (count() < need && block.rows * block.columns > 1) {
    const bool wide = block.columns * tile.reg[lane] >= block.rows * rows;
    int64_t& longer = block.rows == 1 || (wide && block.columns > 1) ? block.columns : block.rows;
    const int64_t all = &longer == &block.columns ? columns : rowTiles;
    longer = std::min(longer - 1, ceilDivide(all, ceilDivide(all, longer) + 1));
  }
  const auto even = [](int64_t all, int64_t part) {
    return ceilDivide(all, ceilDivide(all, part));
  };
  tile.group[lane] = even(columns, block.columns) * tile.reg[lane];
  for (auto axis = tile.order.rbegin(); axis != tile.order.rend(); ++axis) {
    const auto i = static_cast<size_t>(*axis);
    if (std::find(rowAxes.begin(), rowAxes.end(), *axis) == rowAxes.end()) continue;
    const int64_t tiles = tilesAlong(view, tile, *axis);
    const int64_t along = even(tiles, std::min(tiles, block.rows));
    tile.group[i] = along * tile.reg[i];
    block.rows = std::max<int64_t>(block.rows / along, 1);
  }
}

/// Bytes of workgroup memory that a group's slice takes; nothing where it cannot be staged: all
/// that steps read must be sums of axes, of buffers, without a guard, since points beyond the
/// domain read it too.
std::optional<int64_t> stagedBytes(const TaskView& view, const ir::Tile& tile) {
  std::vector<int64_t> lengths = tile.group;
  for (int axis = 0; axis < view.rank(); ++axis) {
    const auto i = static_cast<size_t>(axis);
    lengths[i] = ceilDivide(tile.group[i], tile.reg[i]) * tile.reg[i];
  }
  for (const ir::Expr& init : view.expr->init) {
    if (!init.isLiteral()) return std::nullopt;
  }
  const auto& operands = view.plan->op(view.anchor).operands;
  const std::vector<ir::Expr> loads = ir::distinctLoads(view.expr->element);
  const bool sound = std::ranges::none_of(loads, [&](const ir::Expr& load) {
    const ir::ValueId operand = operands[static_cast<size_t>(load.number())];
    return load.guarded() || view.plan->type(operand).kind != ir::Type::Kind::Buffer;
  });
  int64_t bytes = 0;
  for (const ir::Expr& load : loads) {
    const auto box = ir::stageBox(load.args(), lengths, tile.laneAxis);
    if (!sound || !box) return std::nullopt;
    // Kernels compute in 32 bits or more.
    const int64_t size = std::max<int64_t>(ir::byteSize(load.dtype()), 4);
    bytes += ir::workgroupArrayBytes(box->elements * size);
  }
  return bytes;
}

/// Bytes of workgroup memory that a group may take where staging pays, 0 elsewhere: it does where
/// that memory gives no less than the innermost cache, through which unstaged loads go.
int64_t stagingRoom(const hwdb::Description& device) {
  if (!device.stagingPays.value) return 0;
  double workgroup = 0;
  int64_t room = 0;
  for (const hwdb::MemoryLevel& level : device.memory) {
    if (level.kind != hwdb::MemoryLevel::Kind::Explicit) continue;
    workgroup = level.gigabytesPerSecond.value;
    room = level.bytes.value / kGroupsPerUnit;
  }
  return workgroup < hwdb::innermostCacheRate(device) ? 0 : room;
}

/// Cuts the reduction into slices that the group's invocations bring into workgroup memory, where
/// that pays: the longest that leave room for other groups, outermost axes cut first.
void stageSlices(const TaskView& view, const hwdb::Description& device, ir::Tile& tile) {
  const int64_t room = stagingRoom(device);
  if (room == 0 || !view.reduces() || tile.lanes == 1) return;
  if (rowAxes(view, {tile.laneAxis, tile.lanes}).empty()) return;
  ir::Tile staged = tile;
  for (const int axis : tile.order) {
    if (axis < view.rank()) continue;
    const auto i = static_cast<size_t>(axis);
    const auto& dim = view.expr->reduction[static_cast<size_t>(axis - view.rank())];
    if (!dim.isConstant()) return;
    const int64_t turns = view.extents[i] / tile.reg[i];
    const auto bytes = [&](int64_t pieces) {  // fewer, the more pieces
      staged.group[i] = ceilDivide(turns, pieces) * tile.reg[i];
      return stagedBytes(view, staged);
    };
    if (!bytes(1)) return;
    const auto all = std::views::iota(int64_t{1}, turns);
    const int64_t fewest =
        *std::ranges::partition_point(all, [&](int64_t pieces) { return *bytes(pieces) > room; });
    if (*bytes(fewest) <= room) break;
  }
  if (*stagedBytes(view, staged) <= room && sliced(view, staged)) tile = staged;
}

/// Makes a group of as many register tiles, from the innermost axis outwards; with rows to reuse
/// vectors for, both ways.
void fillGroup(const TaskView& view, const hwdb::Description& device, int64_t count,
               ir::Tile& tile) {
  const bool rows = !rowAxes(view, {tile.laneAxis, tile.lanes}).empty();
  int64_t left = count;
  for (const int axis : domainOrder(view, tile)) setTiles(tile, axis, 1);
  if (view.opaque()) return;
  if (rows) {
    const auto side = int64_t{1} << (std::ilogb(static_cast<double>(left)) / 2);
    const int64_t along = std::min(tilesAlong(view, tile, tile.laneAxis), side);
    setTiles(tile, tile.laneAxis, along);
    left /= along;
  }
  for (const int axis : std::views::reverse(domainOrder(view, tile))) {
    if (rows && axis == tile.laneAxis) continue;
    const int64_t along = std::min(tilesAlong(view, tile, axis), left);
    if (along < 1) break;
    setTiles(tile, axis, along);
    left /= along;
  }
  // Each invocation keeps the states of one register tile from slice to slice.
  if (count <= device.groupInvocations.value) stageSlices(view, device, tile);
}

/// Cuts the outermost axes into `need` tasks or more, where that many register tiles are.
void cutTasks(const TaskView& view, const hwdb::Description& device, int64_t need, ir::Tile& tile) {
  const auto [blocked, block] = rowBlock(view, tile, device);
  if (blocked >= 0) {
    need = ceilDivide(need, ceilDivide(tilesAlong(view, tile, blocked), block));
    setTiles(tile, blocked, block);
  }
  for (const int axis : domainOrder(view, tile)) {
    if (axis == blocked) continue;
    const int64_t count = tilesAlong(view, tile, axis);
    setTiles(tile, axis, need <= 1 ? count : count >= need ? ceilDivide(count, need) : 1);
    need = need <= 1 ? 1 : count >= need ? 1 : ceilDivide(need, std::max<int64_t>(count, 1));
  }
}

/// Whole but for slices of the reduction that `tile` has.
ir::Tile wholeGroup(const TaskView& view, ir::Tile tile) {
  const std::vector<int64_t> chosen = std::move(tile.group);
  tile.group = positive(view.extents);
  if (!chosen.empty()) {
    std::copy(chosen.begin() + view.rank(), chosen.end(), tile.group.begin() + view.rank());
  }
  return tile;
}

/// Tasks worth their start: more of them balance the load.
struct TaskRange {
  double worth = 1;
  double most = 1;  // that units need

  int64_t need() const { return static_cast<int64_t>(std::clamp(worth, 1.0, most)); }
};
TaskRange taskRange(const Work& work, const Budget& budget, const hwdb::Description& device) {
  const auto most = static_cast<double>(device.tasksPerUnit.value * budget.units);
  return {work.vectorOperations / static_cast<double>(device.taskVectorOperations.value),
          std::max(most, 1.0)};
}

/// The group of a device whose groups have one invocation, cut into `need` tasks or more.
void cutGroup(const TaskView& view, const hwdb::Description& device, int64_t need, ir::Tile& tile) {
  if (sliced(view, tile)) {
    chooseSlicedGroup(view, device, need, tile);
  } else {
    cutTasks(view, device, need, tile);
  }
}

/// Invocations that a unit needs to start instructions on all of its schedulers.
int64_t leastInvocations(const hwdb::Description& device) {
  const int64_t schedulers =
      hwdb::given(device.schedulersPerUnit) ? device.schedulersPerUnit.value : 1;
  return std::clamp<int64_t>(device.subgroup.value * schedulers, 1, device.groupInvocations.value);
}

bool fitsLoops(const TaskView& view, const ir::Tile& tile, const hwdb::Description& device) {
  if (!hwdb::given(device.maxLoopIterations)) return true;
  const double iterations =
      ir::loopIterations(*view.expr, tile, view.extents, device.groupInvocations.value);
  return iterations <= static_cast<double>(device.maxLoopIterations.value);
}

}  // namespace

void chooseGroupTile(const TaskView& view, const Work& work, const Budget& budget,
                     const hwdb::Description& device, ir::Tile& tile) {
  tile = wholeGroup(view, std::move(tile));
  if (device.groupInvocations.value > 1) {
    fillGroup(view, device, device.groupInvocations.value, tile);
  } else {
    cutGroup(view, device, taskRange(work, budget, device).need(), tile);
  }
}

std::vector<ir::Tile> groupTiles(const TaskView& view, const Work& work, const Budget& budget,
                                 const hwdb::Description& device, const ir::Tile& chosen) {
  std::vector<ir::Tile> tiles;
  if (view.opaque()) return tiles;
  const auto add = [&](const ir::Tile& tile) {
    if (fitsLoops(view, tile, device) && std::ranges::find(tiles, tile) == tiles.end())
      tiles.push_back(tile);
  };
  if (device.groupInvocations.value == 1) {
    const TaskRange range = taskRange(work, budget, device);
    const double most = std::min(range.worth, kMoreTasks * range.most);
    for (int64_t need = 1; need == 1 || static_cast<double>(need) <= most; need *= 2) {
      ir::Tile tile = wholeGroup(view, chosen);
      cutGroup(view, device, need, tile);
      add(tile);
    }
    return tiles;
  }
  const bool staged = sliced(view, chosen);
  const int64_t most = device.groupInvocations.value * (staged ? 1 : kTilesPerInvocation);
  ir::Tile apart = chosen;
  apart.group.clear();  // slices follow from the group
  for (int64_t count = leastInvocations(device); count <= most; count *= 2) {
    ir::Tile tile = wholeGroup(view, apart);
    fillGroup(view, device, count, tile);
    if (sliced(view, tile) == staged) add(tile);
  }
  return tiles;
}

int64_t groupCount(const TaskView& view, const ir::Tile& tile) {
  int64_t groups = 1;
  for (int axis = 0; axis < view.rank(); ++axis) {
    const auto i = static_cast<size_t>(axis);
    groups *= ceilDivide(view.extents[i], std::max<int64_t>(tile.group[i], 1));
  }
  return std::max<int64_t>(groups, 1);
}

int64_t workgroupBytes(const TaskView& view, const ir::Tile& tile,
                       const hwdb::Description& device) {
  if (!tile.unit.empty()) return matrixWorkgroupBytes(view, tile);
  if (device.groupInvocations.value == 1 || !sliced(view, tile)) return 0;
  return stagedBytes(view, tile).value_or(0);
}

int64_t partialStateBytes(const TaskView& view, const ir::Tile& tile,
                          const hwdb::Description& device) {
  if (device.groupInvocations.value > 1 || !sliced(view, tile)) return 0;
  int64_t points = 1;
  for (int axis = 0; axis < view.rank(); ++axis) {
    const auto i = static_cast<size_t>(axis);
    points *= axis == tile.laneAxis ? ceilDivide(tile.group[i], tile.reg[i]) * tile.reg[i]
                                    : tile.group[i];
  }
  return points * stateRegisters(view) * kStateBytes;
}

double imbalance(const TaskView& view, const ir::Tile& tile, int64_t units) {
  double whole = 1;  // groups that no edge cuts
  double group = 1;  // points
  double all = 1;
  for (int axis = 0; axis < view.rank(); ++axis) {
    const auto i = static_cast<size_t>(axis);
    const int64_t extent = view.extents[i];
    const int64_t points = std::min(tile.group[i], extent);
    if (points < 1) return 1;
    const int64_t along = extent / points;
    whole *= static_cast<double>(along);
    group *= static_cast<double>(points);
    all *= static_cast<double>(extent);
  }
  const auto count = static_cast<double>(std::max<int64_t>(units, 1));
  const double rounds = std::ceil(whole / count);
  const double gaps = (rounds * count - whole) * group;
  const double beyond = std::max(all - whole * group - gaps, 0.0);
  return std::max((rounds * group + beyond / count) * count / all, 1.0);
}

}  // namespace quartet::sched
