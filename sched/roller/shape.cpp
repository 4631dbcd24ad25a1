#include "sched/roller/shape.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <ranges>

#include "ir/loop_count.h"
#include "ir/staging.h"
#include "sched/roller/step_model.h"
#include "sched/roller/stream_model.h"

namespace quartet::sched {

namespace {

// Structural limits of register tiles, the same for every device: what is unrolled is code. Within
// them the description decides.

/// Vectors of a map's tile that one turn of its loop goes through.
constexpr int64_t kMapVectors = 4;
/// Operations of a reduction that are unrolled together, in units of operationCost: a driver's
/// compiler can take memory without end over less than a thousand.
constexpr double kMostUnrolled = 256;
/// Groups that share a unit's workgroup memory: while one waits at a barrier, others compute.
constexpr int64_t kGroupsPerUnit = 4;
/// A larger tile is taken when its time is below so much of that of the best before it.
constexpr double kBetter = 0.999;

/// Reduction axes with the smallest steps through the largest operand innermost; those of one
/// point, which make no loop, outermost.
std::vector<int> reductionOrder(const TaskView& view, const LaneChoice& lane) {
  const Access* main = nullptr;
  int64_t most = -1;
  for (const Access& access : view.accesses) {
    if (access.write || access.perPoint || view.isConstant(access.buffer)) continue;
    const int64_t elements =
        ir::elementCount(view.plan->type(access.buffer).shape).usual(view.plan->symbols);
    if (elements > most) {
      most = elements;
      main = &access;
    }
  }
  std::vector<int> order(static_cast<size_t>(view.axes() - view.rank()));
  std::iota(order.begin(), order.end(), view.rank());
  if (view.expr->order == ir::TensorExpr::Order::Sequential) return order;
  const auto step = [&](int axis) {
    if (axis == lane.axis) return int64_t{-1};
    if (view.extents[static_cast<size_t>(axis)] == 1) return INT64_MAX;
    if (main == nullptr) return int64_t{0};
    return std::abs(strideOf(view, *main, axis).value_or(0));
  };
  std::stable_sort(order.begin(), order.end(), [&](int a, int b) { return step(a) > step(b); });
  return order;
}

std::vector<int> loopOrder(const TaskView& view, const LaneChoice& lane,
                           const hwdb::Description& device) {
  const std::vector<int>& rows = rowAxes(view, lane);
  const auto isRow = [&](int axis) {
    return std::find(rows.begin(), rows.end(), axis) != rows.end();
  };
  std::vector<int> order;
  for (int axis = 0; axis < view.rank(); ++axis) {
    if (axis != lane.axis && !isRow(axis)) order.push_back(axis);
  }
  const bool laneInDomain = lane.axis >= 0 && lane.axis < view.rank();
  const bool sideBySide = device.groupInvocations.value > 1;
  if (laneInDomain && !sideBySide) order.push_back(lane.axis);
  order.insert(order.end(), rows.begin(), rows.end());
  if (laneInDomain && sideBySide) order.push_back(lane.axis);
  const std::vector<int> inner = reductionOrder(view, lane);
  order.insert(order.end(), inner.begin(), inner.end());
  return order;
}

/// Extents of a tile: an empty axis still has a tile of one.
std::vector<int64_t> positive(std::vector<int64_t> extents) {
  for (int64_t& extent : extents) extent = std::max<int64_t>(extent, 1);
  return extents;
}

/// Whether accesses that are regular inside one vector stay so over `width` points of the lane
/// axis: the channels of one group of a grouped convolution, say.
bool keepsBlocks(const TaskView& view, const LaneChoice& lane, int64_t width) {
  return lane.axis < 0 ||
         std::all_of(view.accesses.begin(), view.accesses.end(), [&](const Access& access) {
           return strideOf(view, access, lane.axis, width).has_value() ||
                  !strideOf(view, access, lane.axis, lane.lanes).has_value();
         });
}

/// Rows that are gone over again for every column of vectors should stay in the unit's own cache
/// meanwhile: the row axis to cut and how many register tiles of it fit; axis -1 when all fit.
std::pair<int, int64_t> rowBlock(const TaskView& view, const ir::Tile& tile,
                                 const hwdb::Description& device) {
  const std::vector<int>& rows = rowAxes(view, {tile.laneAxis, tile.lanes});
  const hwdb::MemoryLevel* cache = nullptr;
  for (const hwdb::MemoryLevel& level : device.memory) {  // the largest that units do not share
    const bool own = level.kind == hwdb::MemoryLevel::Kind::Cache && level.sharers <= 1;
    if (own && (cache == nullptr || level.bytes.value > cache->bytes.value)) cache = &level;
  }
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

/// Sets the group of a reduction in slices: a block of register tiles whose states fit the room for
/// them, in `need` groups or more.
void chooseSlicedGroup(const TaskView& view, const hwdb::Description& device, int64_t need,
                       ir::Tile& tile) {
  const auto lane = static_cast<size_t>(tile.laneAxis);
  const std::vector<int>& rowAxes = sched::rowAxes(view, {tile.laneAxis, tile.lanes});
  const auto tilesAlong = [&](size_t axis) {
    return ceilDivide(view.extents[axis], tile.reg[axis]);
  };
  int64_t rowTiles = 1;
  int64_t rows = 1;  // points of a register tile
  int64_t groups = 1;
  for (int axis = 0; axis < view.rank(); ++axis) {
    const auto i = static_cast<size_t>(axis);
    tile.group[i] = tile.reg[i];
    const bool row = std::find(rowAxes.begin(), rowAxes.end(), axis) != rowAxes.end();
    if (row) rows *= tile.reg[i];
    if (row) rowTiles *= tilesAlong(i);
    if (!row && i != lane) groups *= tilesAlong(i);
  }
  constexpr int64_t kStateBytes = 4;  // for each of stateRegisters
  const auto states =
      static_cast<double>(stateRegisters(view) * rows * tile.reg[lane] * kStateBytes);
  SlicedGroup block =
      slicedGroup(rowTiles, tilesAlong(lane), rows, tile.reg[lane], states, partialRoom(device));
  block.rows = std::max<int64_t>(block.rows, 1);
  block.columns = std::max<int64_t>(block.columns, 1);
  // Enough groups, and of nearly the same size.
  const auto count = [&] {
    return groups * ceilDivide(rowTiles, block.rows) * ceilDivide(tilesAlong(lane), block.columns);
  };
  while (count() < need && block.rows * block.columns > 1) {
    const bool wide = block.columns * tile.reg[lane] >= block.rows * rows;
    int64_t& longer = block.rows == 1 || (wide && block.columns > 1) ? block.columns : block.rows;
    const int64_t all = &longer == &block.columns ? tilesAlong(lane) : rowTiles;
    longer = std::min(longer - 1, ceilDivide(all, ceilDivide(all, longer) + 1));
  }
  const auto even = [](int64_t all, int64_t part) {
    return ceilDivide(all, ceilDivide(all, part));
  };
  tile.group[lane] = even(tilesAlong(lane), block.columns) * tile.reg[lane];
  for (auto axis = tile.order.rbegin(); axis != tile.order.rend(); ++axis) {
    const auto i = static_cast<size_t>(*axis);
    if (std::find(rowAxes.begin(), rowAxes.end(), *axis) == rowAxes.end()) continue;
    const int64_t along = even(tilesAlong(i), std::min(tilesAlong(i), block.rows));
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
  std::vector<ir::Expr> loads;
  bool sound = true;
  for (const ir::Expr& element : view.expr->element) {
    element.visit([&](const ir::Expr& node) {
      if (node.kind() != ir::Expr::Kind::Load) return;
      const ir::ValueId operand = operands[static_cast<size_t>(node.number())];
      sound &= !node.guarded() && view.plan->type(operand).kind == ir::Type::Kind::Buffer;
      if (std::find(loads.begin(), loads.end(), node) == loads.end()) loads.push_back(node);
    });
  }
  int64_t bytes = 0;
  for (const ir::Expr& load : loads) {
    const auto box = ir::stageBox(load.args(), lengths, tile.laneAxis);
    if (!sound || !box) return std::nullopt;
    // Kernels compute in 32 bits or more.
    bytes += box->elements * std::max<int64_t>(ir::byteSize(load.dtype()), 4);
  }
  return bytes;
}

/// Bytes of workgroup memory that a group may take where staging pays, 0 elsewhere: it does where
/// that memory gives no less than the innermost cache, through which unstaged loads go.
int64_t stagingRoom(const hwdb::Description& device) {
  if (!device.stagingPays.value) return 0;
  double cache = 0;
  double workgroup = 0;
  int64_t room = 0;
  for (const hwdb::MemoryLevel& level : device.memory) {  // outermost first
    const double given = level.gigabytesPerSecond.value;
    if (level.kind == hwdb::MemoryLevel::Kind::Cache && given > 0) cache = given;
    if (level.kind != hwdb::MemoryLevel::Kind::Explicit) continue;
    workgroup = given;
    room = level.bytes.value / kGroupsPerUnit;
  }
  return workgroup < cache ? 0 : room;
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
    for (int64_t pieces = 1; pieces <= turns; ++pieces) {
      staged.group[i] = ceilDivide(turns, pieces) * tile.reg[i];
      const std::optional<int64_t> bytes = stagedBytes(view, staged);
      if (!bytes) return;
      if (*bytes <= room) break;
    }
    if (*stagedBytes(view, staged) <= room) break;
  }
  if (*stagedBytes(view, staged) <= room && sliced(view, staged)) tile = staged;
}

/// Register tiles whose kernels the device's limit of loop iterations lets end.
class LoopLimit {
 public:
  LoopLimit(const TaskView& view, const LaneChoice& lane, const hwdb::Description& device)
      : view_(view), lane_(lane), device_(device) {
    tile_.lanes = lane.lanes;
    tile_.laneAxis = lane.axis;
    tile_.order = loopOrder(view, lane, device);
  }

  bool keeps(int rowAxis, int64_t rows, int64_t vectors) const {
    if (!hwdb::given(device_.maxLoopIterations)) return true;
    ir::Tile tile = tile_;
    tile.reg.assign(static_cast<size_t>(view_.axes()), 1);
    if (rowAxis >= 0) tile.reg[static_cast<size_t>(rowAxis)] = rows;
    if (lane_.axis >= 0) tile.reg[static_cast<size_t>(lane_.axis)] = vectors * lane_.lanes;
    tile.group = tile.reg;
    const double iterations =
        ir::loopIterations(*view_.expr, tile, view_.extents, device_.groupInvocations.value);
    return iterations <= static_cast<double>(device_.maxLoopIterations.value);
  }

 private:
  const TaskView& view_;
  const LaneChoice& lane_;
  const hwdb::Description& device_;
  ir::Tile tile_;
};

}  // namespace

const std::vector<int>& rowAxes(const TaskView& view, const LaneChoice& lane) {
  const auto [known, isNew] = view.rowsOfLane.try_emplace(lane.axis);
  std::vector<int>& rows = known->second;
  if (!isNew || !view.reduces() || lane.axis < 0 || lane.axis >= view.rank()) return rows;
  for (int axis = 0; axis < view.rank(); ++axis) {
    if (axis == lane.axis || view.extents[static_cast<size_t>(axis)] < 2) continue;
    const bool reuses =
        std::all_of(view.accesses.begin(), view.accesses.end(), [&](const Access& access) {
          return access.perPoint || !varies(view, access, lane.axis) || !varies(view, access, axis);
        });
    if (reuses) rows.push_back(axis);
  }
  return rows;
}

bool vectorsFitLoops(const TaskView& view, const LaneChoice& lane,
                     const hwdb::Description& device) {
  return LoopLimit(view, lane, device).keeps(-1, 1, 1);
}

namespace {

/// Accumulators of a register tile: rows along an axis (-1: none) by vectors of the lane axis.
struct Accumulators {
  int rowAxis = -1;
  int64_t rows = 1;
  int64_t vectors = 1;
  bool turned = false;               // before they are stored: rows along lanes
  bool loadsSteps = false;           // as many steps as a vector has lanes are loaded at once
  std::vector<int64_t> slices = {};  // of the reduction axes; empty: each is gone through at once
};

/// How many vectors of the lane axis a register tile may have.
std::vector<int64_t> vectorCounts(const TaskView& view, const LaneChoice& lane) {
  const bool inDomain = lane.axis >= 0 && lane.axis < view.rank();
  const int64_t extent = inDomain ? view.extents[static_cast<size_t>(lane.axis)] : 1;
  std::vector<int64_t> counts;
  for (int64_t vectors = 1; vectors <= kMostVectors; ++vectors) {
    if (vectors > 1 && (!inDomain || (vectors - 1) * lane.lanes >= extent)) break;
    if (keepsBlocks(view, lane, vectors * lane.lanes)) counts.push_back(vectors);
  }
  return counts;
}

struct Candidate {
  Accumulators accumulators;
  double cycles = 0;  // of one unit, for all of the task set
};

/// The reduction axis that is innermost in a loop order, -1 if none is.
int stepAxisOf(const TaskView& view, const std::vector<int>& order) {
  return order.empty() || order.back() < view.rank() ? -1 : order.back();
}

/// Steps of a reduction of vectors, of all points, but for those along the lane axis.
double stepsOf(const TaskView& view, const LaneChoice& lane) {
  const auto steps =
      static_cast<double>(view.domainCount()) * static_cast<double>(view.reductionCount());
  if (lane.axis < 0) return steps;
  const int64_t extent = std::max<int64_t>(view.extents[static_cast<size_t>(lane.axis)], 1);
  const int64_t vectors = lane.axis < view.rank() ? 1 : ceilDivide(extent, lane.lanes);
  return steps / static_cast<double>(extent) * static_cast<double>(vectors);
}

/// All accumulators that a reduction may have, those with which it takes least time first; those of
/// nearly the same time in the order of construction: small ones first.
std::vector<Candidate> rankAccumulators(const TaskView& view, const LaneChoice& lane,
                                        const hwdb::Description& device) {
  const LoopLimit limit(view, lane, device);
  const std::vector<int64_t> vectorCounts = sched::vectorCounts(view, lane);
  std::vector<int> candidates = rowAxes(view, lane);
  candidates.insert(candidates.begin(), -1);
  const auto most =
      std::max(static_cast<int64_t>(kMostUnrolled / stepOperations(view)), int64_t{1});
  const double steps = stepsOf(view, lane);
  const std::vector<int> order = loopOrder(view, lane, device);
  const int stepAxis = stepAxisOf(view, order);
  std::vector<Candidate> ranked;
  size_t best = 0;
  for (const int axis : candidates) {
    const StepModel model(view, lane, axis, stepAxis, device);
    const StreamModel streams(view, lane, axis, order, device);
    const int64_t extent = axis < 0 ? 1 : view.extents[static_cast<size_t>(axis)];
    for (const int64_t vectors : vectorCounts) {
      for (int64_t rows = axis < 0 ? 1 : 2; rows <= std::min(extent, kMostRows); ++rows) {
        if (model.registers(rows, vectors) > device.vectorRegisters.value) break;
        if (rows * vectors > most) break;
        if (!limit.keeps(axis, rows, vectors)) continue;
        // The models count all of this axis and the lane axis, at one point of the others.
        const double cycles = (model.cycles(rows, vectors) + streams.cycles(rows, vectors)) *
                              steps / static_cast<double>(extent);
        ranked.push_back({{axis, rows, vectors, model.turns(rows), model.loadsSteps(),
                           streams.slices(rows, vectors)},
                          cycles});
        if (cycles < ranked[best].cycles * kBetter) best = ranked.size() - 1;
      }
    }
  }
  if (ranked.empty()) return {{{}, 0}};
  const Candidate first = ranked[best];
  ranked.erase(ranked.begin() + static_cast<int64_t>(best));
  std::stable_sort(ranked.begin(), ranked.end(),
                   [](const Candidate& a, const Candidate& b) { return a.cycles < b.cycles; });
  ranked.insert(ranked.begin(), first);
  return ranked;
}

/// Most steps of a reduction that are unrolled: as many as there are registers for their
/// elements, while the code stays small.
int64_t unrolledSteps(const TaskView& view, const Accumulators& accumulators,
                      const hwdb::Description& device) {
  const int64_t points = accumulators.rows * accumulators.vectors;
  const int64_t states = std::max<int64_t>(stateRegisters(view), 1);
  const int64_t room = device.vectorRegisters.value / (points * states);
  const auto code =
      static_cast<int64_t>(kMostUnrolled / (static_cast<double>(points) * stepOperations(view)));
  const int64_t wanted = accumulators.loadsSteps ? std::max(room, device.vectorLanes.value) : room;
  return std::clamp<int64_t>(std::min(wanted, code), 1, kMostSteps);
}

/// A tile of single points, its loops in order.
ir::Tile pointTile(const TaskView& view, const LaneChoice& lane, const hwdb::Description& device) {
  ir::Tile tile;
  tile.lanes = lane.lanes;
  tile.laneAxis = lane.axis;
  tile.reg.assign(static_cast<size_t>(view.axes()), 1);
  tile.order = loopOrder(view, lane, device);
  return tile;
}

ir::Tile reductionTile(const TaskView& view, const LaneChoice& lane,
                       const Accumulators& accumulators, const hwdb::Description& device) {
  ir::Tile tile = pointTile(view, lane, device);
  tile.group = positive(view.extents);
  std::copy(accumulators.slices.begin(), accumulators.slices.end(),
            tile.group.begin() + view.rank());
  if (accumulators.rowAxis >= 0) {
    tile.reg[static_cast<size_t>(accumulators.rowAxis)] = accumulators.rows;
    if (accumulators.turned) tile.storeAxis = accumulators.rowAxis;
  }
  if (lane.axis >= 0 && lane.axis < view.rank()) {
    tile.reg[static_cast<size_t>(lane.axis)] = accumulators.vectors * lane.lanes;
  }
  if (tile.order.empty() || tile.order.back() < view.rank()) return tile;
  const int innermost = tile.order.back();
  if (innermost == lane.axis) {
    tile.reg[static_cast<size_t>(innermost)] = lane.lanes;
    return tile;
  }
  const auto constant =
      view.expr->reduction[static_cast<size_t>(innermost - view.rank())].constant();
  if (constant && *constant > 0) {
    // What divides the extent and whole slices divides the last slice too.
    const int64_t length = std::gcd(tile.group[static_cast<size_t>(innermost)], *constant);
    tile.reg[static_cast<size_t>(innermost)] =
        largestDivisor(length, unrolledSteps(view, accumulators, device));
  }
  return tile;
}

/// Tiles of a map differ in the vectors that one turn of its loop goes through. No model tells
/// them apart.
std::vector<RegisterTile> mapTiles(const TaskView& view, const LaneChoice& lane,
                                   const hwdb::Description& device) {
  ir::Tile tile = pointTile(view, lane, device);
  std::vector<RegisterTile> tiles;
  if (lane.axis >= 0 && lane.axis < view.rank()) {
    const int64_t vectors = view.extents[static_cast<size_t>(lane.axis)] / lane.lanes;
    int64_t most = device.groupInvocations.value > 1 ? 1 : kMapVectors;
    while (most > 1) {
      most = largestDivisor(vectors, most);
      tile.reg[static_cast<size_t>(lane.axis)] = lane.lanes * most;
      tiles.push_back({tile, 0});
      --most;
    }
    tile.reg[static_cast<size_t>(lane.axis)] = lane.lanes;
  }
  if (tiles.empty() || tiles.back().tile.reg != tile.reg) tiles.push_back({tile, 0});
  return tiles;
}

}  // namespace

std::vector<RegisterTile> registerTiles(const TaskView& view, const LaneChoice& lane,
                                        const hwdb::Description& device) {
  if (!view.reduces()) return mapTiles(view, lane, device);
  std::vector<RegisterTile> tiles;
  for (const Candidate& candidate : rankAccumulators(view, lane, device)) {
    tiles.push_back({reductionTile(view, lane, candidate.accumulators, device), candidate.cycles});
  }
  return tiles;
}

int64_t tileRegisters(const TaskView& view, const ir::Tile& tile, const hwdb::Description& device) {
  const LaneChoice lane{tile.laneAxis, tile.lanes};
  Accumulators taken;
  for (const int axis : rowAxes(view, lane)) {
    const int64_t rows = tile.reg[static_cast<size_t>(axis)];
    if (rows > 1) {
      taken.rowAxis = axis;
      taken.rows = rows;
    }
  }
  if (lane.axis >= 0 && lane.axis < view.rank()) {
    taken.vectors = ceilDivide(tile.reg[static_cast<size_t>(lane.axis)], tile.lanes);
  }
  return tile.lanes * StepModel(view, lane, taken.rowAxis, stepAxisOf(view, tile.order), device)
                          .registers(taken.rows, taken.vectors);
}

void chooseGroupTile(const TaskView& view, const Work& work, const Budget& budget,
                     const hwdb::Description& device, ir::Tile& tile) {
  std::vector<int64_t> tiles(static_cast<size_t>(view.axes()));
  const std::vector<int64_t> chosen = std::move(tile.group);  // slices of the reduction, if any
  tile.group = positive(view.extents);
  if (!chosen.empty()) {
    std::copy(chosen.begin() + view.rank(), chosen.end(), tile.group.begin() + view.rank());
  }
  for (size_t i = 0; i < tiles.size(); ++i) tiles[i] = ceilDivide(view.extents[i], tile.reg[i]);
  const auto setTiles = [&](int axis, int64_t count) {
    const auto i = static_cast<size_t>(axis);
    tile.group[i] = std::max<int64_t>(count, 1) * tile.reg[i];
  };
  std::vector<int> domain;
  for (int axis : tile.order) {
    if (axis < view.rank()) domain.push_back(axis);
  }
  const int64_t invocations = device.groupInvocations.value;
  if (invocations > 1 && view.opaque()) {
    for (int axis : domain) setTiles(axis, 1);
    return;
  }
  if (invocations > 1) {
    // Fill the group from the innermost axis outwards; with rows to reuse vectors for, both ways.
    const bool rows = !rowAxes(view, {tile.laneAxis, tile.lanes}).empty();
    int64_t left = invocations;
    for (int axis : domain) setTiles(axis, 1);
    if (rows) {
      const auto side = int64_t{1} << (std::ilogb(static_cast<double>(invocations)) / 2);
      const int64_t along = std::min(tiles[static_cast<size_t>(tile.laneAxis)], side);
      setTiles(tile.laneAxis, along);
      left /= along;
    }
    for (const int axis : std::views::reverse(domain)) {
      if (rows && axis == tile.laneAxis) continue;
      const int64_t along = std::min(tiles[static_cast<size_t>(axis)], left);
      if (along < 1) break;
      setTiles(axis, along);
      left /= std::max<int64_t>(along, 1);
    }
    stageSlices(view, device, tile);
    return;
  }
  // Some tasks per unit balance the load, if each is worth its start.
  const double worth =
      work.vectorOperations / static_cast<double>(device.taskVectorOperations.value);
  const auto most = static_cast<double>(device.tasksPerUnit.value * budget.units);
  auto need = static_cast<int64_t>(std::clamp(worth, 1.0, std::max(most, 1.0)));
  if (sliced(view, tile)) {
    chooseSlicedGroup(view, device, need, tile);
    return;
  }
  const auto [blocked, block] = rowBlock(view, tile, device);
  if (blocked >= 0) {
    const int64_t blocks = ceilDivide(tiles[static_cast<size_t>(blocked)], block);
    setTiles(blocked, block);
    need = ceilDivide(need, blocks);
  }
  for (int axis : domain) {
    if (axis == blocked) continue;
    const int64_t count = tiles[static_cast<size_t>(axis)];
    setTiles(axis, need <= 1 ? count : count >= need ? ceilDivide(count, need) : 1);
    need = need <= 1 ? 1 : count >= need ? 1 : ceilDivide(need, std::max<int64_t>(count, 1));
  }
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

ir::Tile scalarTile(const TaskView& view, const hwdb::Description& device) {
  ir::Tile tile;
  tile.reg.assign(static_cast<size_t>(view.axes()), 1);
  tile.group = positive(view.extents);
  for (int axis = 0; axis < view.axes(); ++axis) tile.order.push_back(axis);
  for (int axis = 0; axis < view.rank(); ++axis) {
    const auto i = static_cast<size_t>(axis);
    const bool last = axis + 1 == view.rank();
    tile.group[i] = last ? std::max<int64_t>(device.groupInvocations.value, 1) : 1;
  }
  return tile;
}

}  // namespace quartet::sched
