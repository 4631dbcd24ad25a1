#include "sched/roller/shape.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "ir/loop_count.h"
#include "sched/roller/matrix_units.h"
#include "sched/roller/step_model.h"
#include "sched/roller/stream_model.h"

namespace quartet::sched {

namespace {

// Structural limits of register tiles, the same for every device: what is unrolled is code. Within
// them the description decides.

/// Vectors of a map's tile that one turn of its loop goes through.
constexpr int64_t kMapVectors = 4;
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

/// `innermost`: the reduction axis that must be; -1: none.
std::vector<int> loopOrder(const TaskView& view, const LaneChoice& lane, int innermost,
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
  std::vector<int> inner = reductionOrder(view, lane);
  if (innermost >= 0) {
    std::erase(inner, innermost);
    inner.push_back(innermost);
  }
  order.insert(order.end(), inner.begin(), inner.end());
  return order;
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

/// Register tiles whose kernels the device's limit of loop iterations lets end.
class LoopLimit {
 public:
  LoopLimit(const TaskView& view, const LaneChoice& lane, const hwdb::Description& device)
      : view_(view), lane_(lane), device_(device) {
    tile_.lanes = lane.lanes;
    tile_.laneAxis = lane.axis;
    tile_.order = loopOrder(view, lane, -1, device);
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

std::vector<int64_t> positive(std::vector<int64_t> extents) {
  for (int64_t& extent : extents) extent = std::max<int64_t>(extent, 1);
  return extents;
}

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
  int overlap = -1;                  // overlapAxis whose steps keep what rows share
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

/// How a register tile may have rows.
struct Rows {
  int axis = -1;     // -1: one row
  int overlap = -1;  // overlapAxis, whose steps keep what rows share; -1: none
};

/// Where no axis has rows that share what vectors hold, and one invocation has all registers, rows
/// along the innermost axis still hide the latency of each other's operations, and share what no
/// lane and no row reads apart.
std::vector<Rows> rowCandidates(const TaskView& view, const LaneChoice& lane,
                                const hwdb::Description& device) {
  std::vector<int> axes = rowAxes(view, lane);
  const bool laneInDomain = lane.axis >= 0 && lane.axis < view.rank();
  if (axes.empty() && laneInDomain && device.groupInvocations.value == 1) {
    for (int axis = view.rank() - 1; axis >= 0 && axes.empty(); --axis) {
      if (axis != lane.axis && view.extents[static_cast<size_t>(axis)] > 1) axes.push_back(axis);
    }
  }
  std::vector<Rows> candidates{{}};
  for (const int axis : axes) {
    candidates.push_back({axis, -1});
    const int overlap = overlapAxis(view, lane, axis, device);
    if (overlap >= 0) candidates.push_back({axis, overlap});
  }
  return candidates;
}

/// All accumulators that a reduction may have, those with which it takes least time first; those of
/// nearly the same time in the order of construction: small ones first.
std::vector<Candidate> rankAccumulators(const TaskView& view, const LaneChoice& lane,
                                        const hwdb::Description& device) {
  const LoopLimit limit(view, lane, device);
  const std::vector<int64_t> vectorCounts = sched::vectorCounts(view, lane);
  const auto most =
      std::max(static_cast<int64_t>(kMostUnrolled / stepOperations(view, device)), int64_t{1});
  const double steps = stepsOf(view, lane);
  std::vector<Candidate> ranked;
  size_t best = 0;
  for (const auto& [axis, overlap] : rowCandidates(view, lane, device)) {
    const std::vector<int> order = loopOrder(view, lane, overlap, device);
    const StepModel model(view, lane, axis, stepAxisOf(view, order), overlap >= 0, device);
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
        ranked.push_back({{axis, rows, vectors, overlap, model.turns(rows), model.loadsSteps(),
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
  const auto code = static_cast<int64_t>(
      kMostUnrolled / (static_cast<double>(points) * stepOperations(view, device)));
  const int64_t wanted = accumulators.loadsSteps ? std::max(room, device.vectorLanes.value) : room;
  return std::clamp<int64_t>(std::min(wanted, code), 1, kMostSteps);
}

/// A tile of single points, its loops in order.
ir::Tile pointTile(const TaskView& view, const LaneChoice& lane, int innermost,
                   const hwdb::Description& device) {
  ir::Tile tile;
  tile.lanes = lane.lanes;
  tile.laneAxis = lane.axis;
  tile.reg.assign(static_cast<size_t>(view.axes()), 1);
  tile.order = loopOrder(view, lane, innermost, device);
  return tile;
}

ir::Tile reductionTile(const TaskView& view, const LaneChoice& lane,
                       const Accumulators& accumulators, const hwdb::Description& device) {
  ir::Tile tile = pointTile(view, lane, accumulators.overlap, device);
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
  if (accumulators.overlap >= 0) {
    tile.reg[static_cast<size_t>(innermost)] =
        overlappedSteps(view, innermost, accumulators.rows * accumulators.vectors, device);
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
  ir::Tile tile = pointTile(view, lane, -1, device);
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
  if (!tile.unit.empty()) return matrixRegisters(view, tile, device);
  const LaneChoice lane{tile.laneAxis, tile.lanes};
  Accumulators taken;
  for (int axis = 0; axis < view.rank(); ++axis) {
    const int64_t rows = tile.reg[static_cast<size_t>(axis)];
    if (rows > 1 && axis != lane.axis) {
      taken.rowAxis = axis;
      taken.rows = rows;
    }
  }
  if (lane.axis >= 0 && lane.axis < view.rank()) {
    taken.vectors = ceilDivide(tile.reg[static_cast<size_t>(lane.axis)], tile.lanes);
  }
  const int stepAxis = stepAxisOf(view, tile.order);
  const int overlap = overlapAxis(view, lane, taken.rowAxis, device);
  const bool overlaps = overlap >= 0 && overlap == stepAxis;
  return tile.lanes * StepModel(view, lane, taken.rowAxis, stepAxis, overlaps, device)
                          .registers(taken.rows, taken.vectors);
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
