#include "sched/roller/stream_model.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <ranges>

#include "hwdb/levels.h"
#include "sched/cost/traffic.h"
#include "sched/roller/shape.h"
#include "sched/roller/step_model.h"

namespace quartet::sched {

namespace {

/// Lengths of a box of points: a whole reduction of one point of the domain.
std::vector<int64_t> onePoint(const TaskView& view) {
  std::vector<int64_t> lengths(view.extents.size(), 1);
  for (int axis = view.rank(); axis < view.axes(); ++axis) {
    lengths[static_cast<size_t>(axis)] = view.extents[static_cast<size_t>(axis)];
  }
  return lengths;
}

ir::Box middleOf(const TaskView& view, const std::vector<int64_t>& lengths) {
  return middleBox(view.extents, lengths);
}

double bytesOf(const TaskView& view, const std::vector<Access>& accesses,
               const std::vector<int64_t>& lengths) {
  const ir::Box points = middleOf(view, lengths);
  double bytes = 0;
  for (const Access& access : accesses) bytes += footprintBytes(*view.plan, access, points);
  return bytes;
}

double lineBytesOf(const TaskView& view, const std::vector<Access>& accesses,
                   const std::vector<int64_t>& lengths, int64_t lineBytes) {
  const ir::Box points = middleOf(view, lengths);
  double bytes = 0;
  for (const Access& access : accesses) {
    bytes += footprintLineBytes(*view.plan, access, points, lineBytes);
  }
  return bytes;
}

/// Whether what lies side by side in the buffer is not what the lanes store or load together.
bool laneByLane(const TaskView& view, const Access& access, int laneAxis) {
  if (access.write && view.isFree(access.buffer)) return false;  // its layout follows the lanes
  const auto stride = strideOf(view, access, laneAxis);
  return !stride || (*stride != 0 && *stride != 1);
}

double bufferBytes(const TaskView& view, const Access& access) {
  const ir::Type& type = view.plan->type(access.buffer);
  return static_cast<double>(ir::elementCount(type.shape).usual(view.plan->symbols) *
                             ir::byteSize(type.dtype));
}

/// Pieces of device memory that lie apart take so many lines more than they have: until the
/// prefetchers have seen where they lead. 1x1 convolutions of 96 channels of 83 x 83 pixels,
/// measured for tiles of 1 to 6 vectors.
constexpr double kLinesPerPiece = 3;

/// Of the cache behind the innermost, what the states of a group may take, and at most so many
/// bytes, since they lie on a thread's stack.
constexpr double kPartialShare = 0.25;
constexpr double kMostPartialBytes = 256 << 10;

}  // namespace

double partialRoom(const hwdb::Description& device) {
  const hwdb::MemoryLevel* innermost = hwdb::innermostLevel(device);
  if (innermost == nullptr) return 0;
  const hwdb::MemoryLevel* behind = hwdb::levelBehind(device, *innermost);
  if (behind == nullptr) return 0;
  return std::min(hwdb::unitShare(*behind) * kPartialShare, kMostPartialBytes);
}

SlicedGroup slicedGroup(int64_t rowTiles, int64_t columns, int64_t rows, int64_t width,
                        double stateBytes, double room) {
  const auto tiles = static_cast<int64_t>(room / stateBytes);
  if (tiles < 2) return {};
  const double square = std::sqrt(static_cast<double>(tiles * width) /
                                  static_cast<double>(std::max<int64_t>(rows, 1)));
  SlicedGroup group;
  group.rows = std::max(static_cast<int64_t>(square), tiles / std::max<int64_t>(columns, 1));
  group.rows = std::clamp<int64_t>(group.rows, 1, std::min(tiles, rowTiles));
  group.columns = std::clamp<int64_t>(tiles / group.rows, 1, columns);
  return group;
}

StreamModel::StreamModel(const TaskView& view, const LaneChoice& lane, int rowAxis,
                         const std::vector<int>& order, const hwdb::Description& device)
    : view_(view), lane_(lane), rowAxis_(rowAxis), partialRoom_(partialRoom(device)) {
  if (device.groupInvocations.value > 1 || rowAxes(view, lane).empty()) return;
  findLevels(device);
  if (bytesPerCycle_ == 0) return;
  std::vector<Access> apart;
  std::vector<Access> scattered;
  for (const Access& access : view.accesses) {
    if (access.perPoint) {
      if (laneByLane(view, access, lane.axis)) scattered.push_back(access);
    } else if (!access.write) {
      const bool lanesApart = varies(view, access, lane.axis);
      (lanesApart ? apart : shared_).push_back(access);
      const bool asStored =
          !view.isConstant(access.buffer) && !packedByCopy(view, access, lane.axis, device);
      if (memoryBytesPerCycle_ > 0 && asStored && bufferBytes(view, access) > farBytes_) {
        const double first = readFirst(access, lanesApart ? lane.axis : rowAxis);
        (lanesApart ? farApart_ : farShared_).push_back({access, first});
      }
    }
  }
  std::vector<int64_t> lengths = onePoint(view);
  const int64_t mostRows =
      rowAxis < 0 ? 1 : std::min(kMostRows, view.extents[static_cast<size_t>(rowAxis)]);
  for (int64_t rows = 1; rows <= mostRows; ++rows) {
    if (rowAxis >= 0) lengths[static_cast<size_t>(rowAxis)] = rows;
    stores_.push_back(lineBytesOf(view, scattered, lengths, lineBytes_) / bytesPerCycle_);
  }
  for (int64_t vectors = 1; vectors <= kMostVectors; ++vectors) {
    panels_.push_back(panelOf(apart, order, vectors));
  }
}

StreamModel::Panel StreamModel::panelOf(const std::vector<Access>& apart,
                                        const std::vector<int>& order, int64_t vectors) const {
  std::vector<int64_t> lengths = onePoint(view_);
  const auto laneAxis = static_cast<size_t>(lane_.axis);
  lengths[laneAxis] = std::min(vectors * lane_.lanes, view_.extents[laneAxis]);
  Panel panel;
  panel.whole = beyondCache(bytesOf(view_, apart, lengths)) / bytesPerCycle_;
  if (panel.whole == 0) return panel;
  // Outermost axes first: a slice is then one piece of the panel.
  for (const int axis : order) {
    if (axis < view_.rank()) continue;
    int64_t& length = lengths[static_cast<size_t>(axis)];
    const int64_t extent = length;
    const auto& dim = view_.expr->reduction[static_cast<size_t>(axis - view_.rank())];
    if (!dim.isConstant()) return panel;
    // Whole turns of a loop that is unrolled by a divisor of the extent.
    const int64_t unit = largestDivisor(extent, kMostSteps);
    const int64_t turns = extent / std::max<int64_t>(unit, 1);
    for (int64_t pieces = 1; pieces <= turns; ++pieces) {
      length = ceilDivide(turns, pieces) * unit;
      if (sliceStays(apart, lengths)) break;
    }
    if (sliceStays(apart, lengths)) break;
  }
  if (!sliceStays(apart, lengths)) return panel;
  panel.slices.assign(lengths.begin() + view_.rank(), lengths.end());
  panel.sliceCount = 1;
  for (int axis = view_.rank(); axis < view_.axes(); ++axis) {
    const auto i = static_cast<size_t>(axis);
    panel.sliceCount *= static_cast<double>(ceilDivide(view_.extents[i], lengths[i]));
  }
  return panel;
}

/// Whether a slice of this length keeps its panel in the innermost cache, and in the one behind it
/// what the rows of a group read again for every column.
bool StreamModel::sliceStays(const std::vector<Access>& apart, std::vector<int64_t> lengths) const {
  if (beyondCache(bytesOf(view_, apart, lengths)) > 0) return false;
  constexpr int64_t kStateBytes = 4;  // for each of stateRegisters
  const auto states = static_cast<double>(stateRegisters(view_) * kStateBytes);
  auto rows = static_cast<int64_t>(std::sqrt(partialRoom_ / states));  // of a square group
  const std::vector<int>& axes = rowAxes(view_, lane_);
  lengths[static_cast<size_t>(lane_.axis)] = 1;
  for (const int axis : std::views::reverse(axes)) {
    const auto i = static_cast<size_t>(axis);
    lengths[i] = std::clamp<int64_t>(rows, 1, view_.extents[i]);
    rows = ceilDivide(rows, lengths[i]);
  }
  return bytesOf(view_, shared_, lengths) <= farBytes_;
}

void StreamModel::findLevels(const hwdb::Description& device) {
  const auto rate = [](const hwdb::MemoryLevel* level) {
    return level != nullptr && hwdb::given(level->bytesPerCycle) ? level->bytesPerCycle.value : 0;
  };
  const hwdb::MemoryLevel* innermost = hwdb::innermostLevel(device);
  if (innermost == nullptr) return;
  cacheBytes_ = static_cast<double>(innermost->bytes.value) * kCacheShare;
  lineBytes_ = std::max<int64_t>(innermost->lineBytes.value, 1);
  const hwdb::MemoryLevel* behind = hwdb::levelBehind(device, *innermost);
  if (behind != nullptr) farBytes_ = static_cast<double>(behind->bytes.value) * kCacheShare;
  bytesPerCycle_ = rate(behind);
  memoryBytesPerCycle_ = rate(hwdb::deviceMemory(device));
}

double StreamModel::beyondCache(double bytes) const { return bytes <= cacheBytes_ ? 0 : bytes; }

/// Of all sweeps over the row axis that a column makes with so many rows per tile: one for the
/// whole reduction, or one for each slice.
double StreamModel::sweepCycles(int64_t rows, int64_t vectors) const {
  const std::vector<int64_t>& slices = this->slices(rows, vectors);
  const auto known = sweeps_.find({rows, slices});
  if (known != sweeps_.end()) return known->second;
  const double count = slices.empty() ? 1 : panels_[static_cast<size_t>(vectors - 1)].sliceCount;
  const double cycles = count * sweepBytes(rows, slices) / bytesPerCycle_;
  sweeps_[{rows, slices}] = cycles;
  return cycles;
}

double StreamModel::sweepBytes(int64_t rows, const std::vector<int64_t>& slices) const {
  std::vector<int64_t> tile = onePoint(view_);
  std::copy(slices.begin(), slices.end(), tile.begin() + view_.rank());
  std::vector<int64_t> all = tile;
  double others = 1;  // points of the other row axes
  for (const int axis : rowAxes(view_, lane_)) {
    const auto i = static_cast<size_t>(axis);
    all[i] = view_.extents[i];
    if (axis != rowAxis_) others *= static_cast<double>(view_.extents[i]);
  }
  const double sweep = bytesOf(view_, shared_, all);
  if (beyondCache(sweep) == 0) return 0;
  int64_t tiles = 1;
  if (rowAxis_ >= 0) {
    tile[static_cast<size_t>(rowAxis_)] = rows;
    tiles = ceilDivide(view_.extents[static_cast<size_t>(rowAxis_)], rows);
  }
  const double lines = lineBytesOf(view_, shared_, tile, lineBytes_);
  // Lines that stay until the next tile serve it too: then a sweep takes each once.
  return beyondCache(lines) == 0 ? sweep / others : lines * static_cast<double>(tiles);
}

double StreamModel::rowTiles(int64_t rows) const {
  double tiles = 1;
  for (const int axis : rowAxes(view_, lane_)) {
    const int64_t extent = view_.extents[static_cast<size_t>(axis)];
    tiles *= static_cast<double>(axis == rowAxis_ ? ceilDivide(extent, rows) : extent);
  }
  return tiles;
}

double StreamModel::stateBytes(int64_t rows, int64_t vectors) const {
  constexpr int64_t kStateBytes = 4;  // for each of stateRegisters
  return static_cast<double>(stateRegisters(view_) * rows * vectors * lane_.lanes * kStateBytes);
}

double StreamModel::wholeCycles(const Panel& panel, int64_t rows) const {
  return panel.whole * rowTiles(rows);
}

SlicedGroup StreamModel::groupOf(int64_t rows, int64_t vectors) const {
  const int64_t width = vectors * lane_.lanes;
  const int64_t columns = ceilDivide(view_.extents[static_cast<size_t>(lane_.axis)], width);
  return slicedGroup(static_cast<int64_t>(rowTiles(rows)), columns, rows, width,
                     stateBytes(rows, vectors), partialRoom_);
}

double StreamModel::slicedCycles(const Panel& panel, int64_t rows, int64_t vectors) const {
  const SlicedGroup group = groupOf(rows, vectors);
  if (group.rows < 2) return std::numeric_limits<double>::infinity();
  // Between two slices, all states of a tile are written and read again.
  const double aside = 2 * stateBytes(rows, vectors) / bytesPerCycle_;
  const double tiles = rowTiles(rows);
  const double groups = std::ceil(tiles / static_cast<double>(group.rows));
  return panel.whole * groups + tiles * (panel.sliceCount - 1) * (aside + kLoopCycles);
}

const std::vector<int64_t>& StreamModel::slices(int64_t rows, int64_t vectors) const {
  static const std::vector<int64_t> none;
  if (bytesPerCycle_ == 0) return none;
  const Panel& panel = panels_[static_cast<size_t>(vectors - 1)];
  const bool better =
      !panel.slices.empty() && slicedCycles(panel, rows, vectors) < wholeCycles(panel, rows);
  return better ? panel.slices : none;
}

/// Of what the points of axes other than `along` read one after the other, the share that none of
/// them has read before: neighbouring rows of a convolution's output share rows of its input.
double StreamModel::readFirst(const Access& access, int along) const {
  std::vector<int64_t> lengths = onePoint(view_);
  double points = 1;
  for (int axis = 0; axis < view_.rank(); ++axis) {
    const auto i = static_cast<size_t>(axis);
    if (axis == along) lengths[i] = view_.extents[i];
    if (axis != along && varies(view_, access, axis))
      points *= static_cast<double>(view_.extents[i]);
  }
  const double all = bytesOf(view_, {access}, view_.extents);
  return std::min(1.0, all / std::max(bytesOf(view_, {access}, lengths) * points, 1.0));
}

double StreamModel::farCycles(const std::vector<FarAccess>& accesses,
                              const std::vector<int64_t>& lengths, bool linesStay) const {
  const ir::Box points = middleOf(view_, lengths);
  double bytes = 0;
  for (const FarAccess& far : accesses) {
    double first = far.first;
    const double lines = footprintLineBytes(*view_.plan, far.access, points, lineBytes_);
    if (linesStay && lines <= farBytes_) {
      first *= footprintBytes(*view_.plan, far.access, points) / lines;
    }
    bytes +=
        first * footprintLineBytes(*view_.plan, far.access, points, lineBytes_, kLinesPerPiece);
  }
  return bytes / memoryBytesPerCycle_;
}

double StreamModel::firstApart(int64_t vectors) const {
  if (farApart_.empty()) return 0;
  const auto laneAxis = static_cast<size_t>(lane_.axis);
  std::vector<int64_t> lengths = onePoint(view_);
  lengths[laneAxis] = std::min(vectors * lane_.lanes, view_.extents[laneAxis]);
  const int64_t columns = ceilDivide(view_.extents[laneAxis], lengths[laneAxis]);
  return farCycles(farApart_, lengths, false) * static_cast<double>(columns);
}

double StreamModel::firstShared(int64_t rows, int64_t vectors) const {
  if (farShared_.empty()) return 0;
  std::vector<int64_t> lengths = onePoint(view_);
  int64_t pieces = 1;
  if (rowAxis_ >= 0) {
    const auto row = static_cast<size_t>(rowAxis_);
    // A slice brings all rows of the group.
    const int64_t together = slices(rows, vectors).empty() ? 1 : groupOf(rows, vectors).rows;
    lengths[row] = std::min(rows * together, view_.extents[row]);
    pieces = ceilDivide(view_.extents[row], lengths[row]);
  }
  // The next rows are the next iteration: they find the rest of lines that the cache keeps.
  return farCycles(farShared_, lengths, true) * static_cast<double>(pieces);
}

double StreamModel::cycles(int64_t rows, int64_t vectors) const {
  if (bytesPerCycle_ == 0) return 0;
  const int64_t laneExtent = view_.extents[static_cast<size_t>(lane_.axis)];
  const int64_t width = std::min(vectors * lane_.lanes, laneExtent);
  const auto columns = static_cast<double>(ceilDivide(laneExtent, width));
  const int64_t extent = rowAxis_ < 0 ? 1 : view_.extents[static_cast<size_t>(rowAxis_)];
  const auto tiles = static_cast<double>(ceilDivide(extent, rows));
  const Panel& panel = panels_[static_cast<size_t>(vectors - 1)];
  const double panels =
      slices(rows, vectors).empty() ? wholeCycles(panel, rows) : slicedCycles(panel, rows, vectors);
  // Of all row axes; counted here is one.
  const double share = tiles / rowTiles(rows);
  const double all =
      columns * (sweepCycles(rows, vectors) + panels * share +
                 tiles * stores_[static_cast<size_t>(rows - 1)] * static_cast<double>(width)) +
      firstApart(vectors) * share + firstShared(rows, vectors);
  return all / static_cast<double>(std::max<int64_t>(view_.reductionCount(), 1));
}

}  // namespace quartet::sched
