// Register tiles that are turned before they are stored: vectors along the lane axis become vectors
// along the tile's storeAxis.
#include "backends/common/storage.h"
#include "backends/common/task_lowering.h"

namespace quartet::common {

using ir::DType;
using ir::Opcode;
using ir::ValueId;

/// Whole along the storeAxis: rows that the domain's edge cuts are stored as they are.
bool TaskLowering::turns(const std::vector<int64_t>& shape) const {
  if (tile_.storeAxis < 0) return false;
  const auto axis = static_cast<size_t>(tile_.storeAxis);
  return shape[axis] == reg(axis);
}

/// Lane r of vector l becomes lane l of vector r: at each step halves of twice the distance change
/// places between two vectors. Lanes beyond the number of vectors are 0.
std::vector<ValueId> TaskLowering::turned(std::vector<ValueId> rows) {
  const int lanes = math_.lanes();
  const ir::Type type = kernel_.type(rows[0]);
  const ValueId zero = ir::isFloat(type.dtype) ? builder_.literal(0.0, type.dtype, lanes)
                                               : builder_.literal(int64_t{0}, type.dtype, lanes);
  rows.resize(static_cast<size_t>(lanes), zero);
  for (int distance = 1; distance < lanes; distance *= 2) {
    std::vector<int64_t> low;
    std::vector<int64_t> high;
    for (int lane = 0; lane < lanes; ++lane) {
      const bool upper = (lane & distance) != 0;
      low.push_back(upper ? lanes + lane - distance : lane);
      high.push_back(upper ? lanes + lane : lane + distance);
    }
    for (int i = 0; i < lanes; ++i) {
      if ((i & distance) != 0) continue;
      ValueId& a = rows[static_cast<size_t>(i)];
      ValueId& b = rows[static_cast<size_t>(i + distance)];
      const ValueId first = builder_.shuffle(a, b, low);
      b = builder_.shuffle(a, b, high);
      a = first;
    }
  }
  return rows;
}

/// Results and stores of a register tile after its reduction, turned. `laneCount`: of its one
/// vector of the lane axis, when that is cut.
void TaskLowering::finishTurned(const std::vector<Point>& all, const std::vector<Linear>& origin,
                                ValueId laneCount) {
  const auto lane = static_cast<size_t>(tile_.laneAxis);
  const auto store = static_cast<size_t>(tile_.storeAxis);
  const auto rows = static_cast<size_t>(reg(store));
  const size_t vectors = all.size() / rows;
  for (size_t v = 0; v < vectors; ++v) {
    std::vector<std::vector<ValueId>> states;  // by lane, of every state
    for (size_t s = 0; s < all[v].states.size(); ++s) {
      std::vector<ValueId> column;  // points lie vector by vector, then row by row
      for (size_t r = 0; r < rows; ++r) column.push_back(all[r * vectors + v].states[s]);
      states.push_back(turned(std::move(column)));
    }
    for (int64_t l = 0; l < tile_.lanes; ++l) {
      Point point;
      point.axes = origin;
      point.axes[lane] = origin[lane] + Linear::of(static_cast<int64_t>(v) * tile_.lanes + l);
      point.axes[store].lane += 1;
      if (reg(store) < tile_.lanes) point.laneCount = builder_.literal(reg(store));
      for (const std::vector<ValueId>& state : states) {
        point.states.push_back(state[static_cast<size_t>(l)]);
      }
      const auto finished = [&] {
        evaluator_.enterScope();
        finish(point);
        evaluator_.leaveScope();
      };
      if (laneCount.valid()) {
        branch(builder_.apply(Opcode::Lt, {builder_.literal(l), laneCount}), finished);
      } else {
        finished();
      }
    }
  }
}

}  // namespace quartet::common
