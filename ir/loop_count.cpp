#include "ir/loop_count.h"

#include <algorithm>
#include <bit>
#include <numeric>
#include <ranges>

namespace quartet::ir {

namespace {

/// Of a loop: the turn in which it ends counts too.
double loopOf(double turns, double inside) { return turns * (1 + inside) + 1; }

double ceilDivide(int64_t a, int64_t b) {
  const int64_t quotient = (a + b - 1) / b;
  return static_cast<double>(quotient);
}

class Counter {
 public:
  Counter(const TensorExpr& expr, const Tile& tile, const std::vector<int64_t>& extents,
          int64_t invocations)
      : tile_(tile), extents_(extents), rank_(expr.domain.size()), invocations_(invocations) {}

  /// All points of a group, merge exchange sort on each.
  double sorted() const {
    const int64_t n = extents_[rank_];
    const int stages = n < 2 ? 0 : static_cast<int>(std::bit_width(static_cast<uint64_t>(n - 1)));
    const double pass = loopOf(ceilDivide(n, invocations_), 0);
    double passes = 0;
    for (int k = 0; k < stages; ++k) passes += 1 + pass + loopOf(k, pass);
    double inside = loopOf(31, 0) + passes + 1;
    for (size_t i = rank_; i-- > 0;) inside = loopOf(static_cast<double>(tile_.group[i]), inside);
    return inside;
  }

  double tiled() const {
    if (invocations_ == 1) return overGroup();
    int64_t tiles = 1;
    for (size_t i = 0; i < rank_; ++i) tiles *= (tile_.group[i] + tile_.reg[i] - 1) / tile_.reg[i];
    return loopOf(ceilDivide(tiles, invocations_), registerTile());
  }

 private:
  bool laneInDomain() const {
    return tile_.laneAxis >= 0 && static_cast<size_t>(tile_.laneAxis) < rank_;
  }
  bool isLane(size_t axis) const { return tile_.laneAxis == static_cast<int>(axis); }
  bool cut(size_t axis) const { return extents_[axis] % tile_.reg[axis] != 0; }

  /// All register tiles of a group, one after another in the tile's order.
  double overGroup() const {
    double inside = registerTile();
    for (const int axis : std::views::reverse(tile_.order)) {
      const auto i = static_cast<size_t>(axis);
      if (i < rank_) inside = loopOf(ceilDivide(tile_.group[i], tile_.reg[i]), inside);
    }
    return inside;
  }

  double reduction() const {
    double inside = 0;
    for (const int axis : std::views::reverse(tile_.order)) {
      const auto i = static_cast<size_t>(axis);
      if (i < rank_) continue;
      const int64_t step = isLane(i) ? tile_.lanes : tile_.reg[i];
      const double copies = isLane(i) ? 1 : static_cast<double>(tile_.reg[i]);
      inside = loopOf(ceilDivide(extents_[i], step), copies * inside);
    }
    return inside;
  }

  /// A register tile that is whole, or cut along its lanes, or along its rows.
  double registerTile() const {
    const double steps = reduction();
    double vectorByVector = steps;
    double total = steps;
    if (laneInDomain()) {
      const auto lane = static_cast<size_t>(tile_.laneAxis);
      vectorByVector = loopOf(ceilDivide(tile_.reg[lane], tile_.lanes), steps);
      if (cut(lane)) total += vectorByVector;
    }
    double rowByRow = vectorByVector;
    bool rows = false;
    for (size_t i = rank_; i-- > 0;) {
      if (isLane(i)) continue;
      rowByRow = loopOf(static_cast<double>(tile_.reg[i]), rowByRow);
      rows |= cut(i);
    }
    return rows ? total + rowByRow : total;
  }

  const Tile& tile_;
  const std::vector<int64_t>& extents_;
  size_t rank_;
  int64_t invocations_;
};

}  // namespace

double loopIterations(const TensorExpr& expr, const Tile& tile, const std::vector<int64_t>& extents,
                      int64_t invocations) {
  const Counter counter(expr, tile, extents, invocations);
  return expr.form == TensorExpr::Form::Opaque ? counter.sorted() : counter.tiled();
}

double leastLoopIterations(const TensorExpr& expr, const std::vector<int64_t>& extents,
                           int64_t invocations) {
  Tile tile;
  tile.group.assign(extents.size(), 1);
  tile.reg.assign(extents.size(), 1);
  tile.order.resize(extents.size());
  std::iota(tile.order.begin(), tile.order.end(), 0);
  // Long loops around short ones count most.
  std::sort(tile.order.begin(), tile.order.end(), [&](int a, int b) {
    return extents[static_cast<size_t>(a)] > extents[static_cast<size_t>(b)];
  });
  return loopIterations(expr, tile, extents, invocations);
}

}  // namespace quartet::ir
