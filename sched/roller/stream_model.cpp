#include "sched/roller/stream_model.h"

#include <algorithm>

#include "sched/cost/traffic.h"
#include "sched/roller/shape.h"
#include "sched/roller/step_model.h"

namespace quartet::sched {

StreamModel::StreamModel(const TaskView& view, const LaneChoice& lane,
                         const hwdb::Description& device)
    : view_(view), lane_(lane) {
  double behind = 0;  // what the level before in the list gives
  const std::vector<int> rows = rowAxes(view, lane);
  if (device.groupInvocations.value > 1 || rows.empty()) return;
  for (const hwdb::MemoryLevel& level : device.memory) {  // outermost first
    if (level.kind == hwdb::MemoryLevel::Kind::Explicit) continue;
    bytesPerCycle_ = behind;
    behind = hwdb::given(level.bytesPerCycle) ? level.bytesPerCycle.value : 0;
    cacheBytes_ = static_cast<double>(level.bytes.value) * kCacheShare;
  }
  if (bytesPerCycle_ == 0) return;
  std::vector<int64_t> extents(view.extents.size(), 1);
  for (int axis = view.rank(); axis < view.axes(); ++axis) {
    extents[static_cast<size_t>(axis)] = view.extents[static_cast<size_t>(axis)];
  }
  std::vector<int64_t> swept = extents;
  for (const int axis : rows) {
    const auto i = static_cast<size_t>(axis);
    swept[i] = view.extents[i];
    allRows_ *= static_cast<double>(view.extents[i]);
  }
  sweep_ = beyondCache(bytes(false, swept)) / bytesPerCycle_;
  const auto laneAxis = static_cast<size_t>(lane.axis);
  for (int64_t vectors = 1; vectors <= kMostVectors; ++vectors) {
    extents[laneAxis] = std::min(vectors * lane.lanes, view.extents[laneAxis]);
    panels_.push_back(beyondCache(bytes(true, extents)) / bytesPerCycle_);
  }
}

double StreamModel::bytes(bool alongLanes, const std::vector<int64_t>& extents) const {
  ir::Box points;
  for (size_t i = 0; i < extents.size(); ++i) {
    const int64_t left = std::max<int64_t>(view_.extents[i] - extents[i], 0);
    points.lo.push_back(left / 2);
    points.hi.push_back(left / 2 + extents[i]);
  }
  double all = 0;
  for (const Access& access : view_.accesses) {
    if (access.write || access.perPoint) continue;
    if (varies(view_, access, lane_.axis) != alongLanes) continue;
    all += footprintBytes(*view_.plan, access, points);
  }
  return all;
}

double StreamModel::beyondCache(double bytes) const { return bytes <= cacheBytes_ ? 0 : bytes; }

double StreamModel::cycles(int rowAxis, int64_t rows, int64_t vectors) const {
  if (bytesPerCycle_ == 0) return 0;
  const int64_t laneExtent = view_.extents[static_cast<size_t>(lane_.axis)];
  const auto columns = static_cast<double>(ceilDivide(laneExtent, vectors * lane_.lanes));
  const int64_t extent = rowAxis < 0 ? 1 : view_.extents[static_cast<size_t>(rowAxis)];
  const auto rowTiles = static_cast<double>(ceilDivide(extent, rows));
  const double sweep = sweep_ * static_cast<double>(extent) / allRows_;
  return columns * (sweep + rowTiles * panels_[static_cast<size_t>(vectors - 1)]) /
         static_cast<double>(std::max<int64_t>(view_.reductionCount(), 1));
}

}  // namespace quartet::sched
