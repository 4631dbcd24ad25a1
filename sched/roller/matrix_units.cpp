#include "sched/roller/matrix_units.h"

#include <algorithm>
#include <bit>
#include <optional>
#include <ranges>

#include "ir/matrix_product.h"
#include "ir/staging.h"
#include "sched/roller/group_tile.h"
#include "sched/roller/step_model.h"

namespace quartet::sched {

namespace {

using ir::MatrixProduct;

/// Structural limits, the same for every device: matrices that a subgroup accumulates along each
/// side, and steps of a slice, in matrices.
constexpr int64_t kMatricesPerSide[] = {1, 2, 4};
constexpr int64_t kMatrixSteps[] = {1, 2, 3, 4, 6, 8, 9};
/// Groups that share a unit's workgroup memory: while one waits at a barrier, another computes.
constexpr int64_t kGroupsPerUnit = 2;
/// 32-bit registers of an invocation for loop counters and positions.
constexpr int64_t kCounters = 12;
/// Operations of one lane for an element of a slice, beside its load and its store: its address,
/// and whether it lies inside.
constexpr double kPlaceOperations = 4;

bool powerOfTwo(int64_t value) {
  return value > 0 && std::has_single_bit(static_cast<uint64_t>(value));
}

int64_t atLeast(int64_t extent) {  // the power of two
  return static_cast<int64_t>(std::bit_ceil(static_cast<uint64_t>(std::max<int64_t>(extent, 1))));
}

const hwdb::MemoryLevel* workgroupMemory(const hwdb::Description& device) {
  const auto found =
      std::ranges::find(device.memory, hwdb::MemoryLevel::Kind::Explicit, &hwdb::MemoryLevel::kind);
  return found == device.memory.end() ? nullptr : &*found;
}

bool usable(const hwdb::MatrixUnit& unit, const MatrixProduct& product) {
  return unit.scope == hwdb::MatrixUnit::Scope::Subgroup && hwdb::given(unit.m) &&
         hwdb::given(unit.n) && hwdb::given(unit.k) && hwdb::given(unit.gigaflops) &&
         powerOfTwo(unit.m.value) && powerOfTwo(unit.n.value) && unit.k.value > 0 &&
         unit.a == ir::name(product.rows.dtype()) && unit.b == ir::name(product.columns.dtype()) &&
         unit.accumulator == ir::name(product.sum);
}

/// The product with its columns along the axis that lies together in what is written, or else along
/// the last axis that can be.
std::optional<std::pair<int, MatrixProduct>> productOf(const TaskView& view) {
  const auto together = [&](int axis) {
    return std::ranges::all_of(view.accesses, [&](const Access& access) {
      return !access.write || view.isFree(access.buffer) || strideOf(view, access, axis) == 1;
    });
  };
  std::optional<std::pair<int, MatrixProduct>> found;
  for (int axis = view.rank() - 1; axis >= 0; --axis) {
    if (found && !together(axis)) continue;
    auto product = ir::matrixProduct(*view.expr, axis);
    if (!product) continue;
    found.emplace(axis, std::move(*product));
    if (together(axis)) break;
  }
  return found;
}

/// Sets extents along `axes` so that there are `points` (a power of two), innermost axes first;
/// what no axis has room for lies beyond the innermost.
void fillBox(const TaskView& view, const std::vector<int>& axes, int64_t points,
             std::vector<int64_t>& extents) {
  for (const int axis : std::views::reverse(axes)) {
    const auto i = static_cast<size_t>(axis);
    extents[i] = std::min(points, atLeast(view.extents[i]));
    points /= extents[i];
  }
  extents[static_cast<size_t>(axes.back())] *= points;
}

/// Puts `count` (a power of two) register tiles side by side in a group.
void fillGroup(const TaskView& view, const std::vector<int>& axes, int64_t count, ir::Tile& tile) {
  for (const int axis : std::views::reverse(axes)) {
    const auto i = static_cast<size_t>(axis);
    tile.group[i] = tile.reg[i];
    for (; count > 1 && tile.group[i] < view.extents[i]; count /= 2) tile.group[i] *= 2;
  }
  tile.group[static_cast<size_t>(axes.back())] *= count;
}

/// Sets the slice of the reduction: at most `steps`, innermost axes whole first.
void fillSlice(const TaskView& view, int64_t steps, ir::Tile& tile) {
  for (int axis = view.axes() - 1; axis >= view.rank(); --axis) {
    const auto i = static_cast<size_t>(axis);
    tile.group[i] = std::min(view.extents[i], std::max<int64_t>(steps, 1));
    steps /= tile.group[i];
  }
}

int64_t registersOf(const MatrixProduct& product, const ir::Tile& tile,
                    const hwdb::Description& device) {
  const int64_t rows = ir::pointsAlong(tile.reg, product.rowAxes);
  const int64_t columns = ir::pointsAlong(tile.reg, product.columnAxes);
  const int64_t factors = (columns + tile.unit[0]) * tile.unit[2];
  const int64_t bytes =
      rows * columns * ir::byteSize(product.sum) + factors * ir::byteSize(product.rows.dtype());
  constexpr int64_t kRegisterBytes = 4;
  return ceilDivide(bytes, kRegisterBytes * device.subgroup.value) + kCounters;
}

struct Slices {
  ir::FactorSlice a, b;
};
Slices slicesOf(const TaskView& view, const MatrixProduct& product, const ir::Tile& tile) {
  const auto of = [&](const ir::Expr& load, const std::vector<int>& axes) {
    const ir::ValueId operand =
        view.plan->op(view.anchor).operands[static_cast<size_t>(load.number())];
    return ir::factorSlice(load, axes, view.plan->type(operand), tile, view.rank());
  };
  return {of(product.rows, product.rowAxes), of(product.columns, product.columnAxes)};
}

int64_t workgroupBytesOf(const TaskView& view, const MatrixProduct& product, const ir::Tile& tile) {
  const auto [a, b] = slicesOf(view, product, tile);
  const int64_t size = ir::byteSize(product.rows.dtype());
  return ir::workgroupArrayBytes(a.elements() * size) +
         ir::workgroupArrayBytes(b.elements() * size) +
         ir::workgroupArrayBytes(ir::scratchElements(product, tile) * ir::byteSize(product.sum));
}

class MatrixModel {
 public:
  MatrixModel(const TaskView& view, const MatrixProduct& product, const hwdb::MatrixUnit& unit,
              const hwdb::MemoryLevel& workgroup, const hwdb::Description& device)
      : view_(view),
        product_(product),
        unit_(unit),
        workgroup_(workgroup),
        device_(device),
        bytes_(ir::byteSize(product.rows.dtype())) {}

  /// Whether registers and workgroup memory hold what a tile needs.
  bool fits(const ir::Tile& tile) const {
    const int64_t bytes = workgroupBytesOf(view_, product_, tile);
    const int64_t registers = registersOf(product_, tile, device_);
    return bytes <= workgroup_.bytes.value / kGroupsPerUnit &&
           registers <= device_.vectorRegisters.value * device_.vectorLanes.value;
  }

  /// Of one unit, for all of the task set: nothing overlaps, as where a group waits for itself.
  double cycles(const ir::Tile& tile) const {
    double groups = 1;
    double slices = 1;
    for (int axis = 0; axis < view_.axes(); ++axis) {
      const auto i = static_cast<size_t>(axis);
      (axis < view_.rank() ? groups : slices) *=
          static_cast<double>(ceilDivide(view_.extents[i], tile.group[i]));
    }
    return groups * (slices * sliceOperations(tile) + pointOperations(tile)) /
           std::max(device_.fmaPerCycle.value, 0.125);
  }

 private:
  /// Operations in the time in which workgroup memory gives as many bytes as a vector has.
  double operationsPerWorkgroupLoad() const {
    const double given = workgroup_.gigabytesPerSecond.value;
    return given > 0 ? operationsPerVector(device_, given) : operationsPerLoad(device_);
  }

  /// In vectors of 32-bit elements.
  double vectors(int64_t bytes) const {
    constexpr double kElementBytes = 4;
    return static_cast<double>(bytes) /
           (kElementBytes * static_cast<double>(device_.vectorLanes.value));
  }

  /// Of a group, in operations of vectors: both factors are brought, element by element, then
  /// loaded by every subgroup, and multiplied.
  double sliceOperations(const ir::Tile& tile) const {
    const auto [a, b] = slicesOf(view_, product_, tile);
    const auto brought = static_cast<double>((a.points + b.points) * a.steps);
    const auto lanes = static_cast<double>(device_.vectorLanes.value);
    const double shared = operationsPerWorkgroupLoad();
    const double each =
        device_.broadcastVectorLoads.value * (operationsPerLoad(device_) + kStoreLoads * shared) +
        kPlaceOperations / lanes;
    const int64_t rows = ir::pointsAlong(tile.reg, product_.rowAxes);
    const int64_t columns = ir::pointsAlong(tile.reg, product_.columnAxes);
    const int64_t subgroups = device_.groupInvocations.value / device_.subgroup.value;
    const double loaded = vectors(subgroups * (rows + columns) * a.steps * bytes_) * shared;
    const auto products = static_cast<double>(a.points * b.points) * static_cast<double>(a.steps);
    const double multiplied =
        products * device_.peakGigaflops.value / (lanes * unit_.gigaflops.value);
    return brought * each + loaded + multiplied;
  }

  /// Of a group: sums go through workgroup memory, then what happens once per point.
  double pointOperations(const ir::Tile& tile) const {
    double accesses = 0;
    for (const Access& access : view_.accesses) {
      if (access.perPoint) accesses += access.write ? kStoreLoads : 1;
    }
    const int64_t points = ir::pointsAlong(tile.group, product_.rowAxes) *
                           ir::pointsAlong(tile.group, product_.columnAxes);
    return vectors(points * ir::byteSize(product_.sum)) * (1 + kStoreLoads) *
               operationsPerWorkgroupLoad() +
           static_cast<double>(points) * accesses * device_.broadcastVectorLoads.value *
               operationsPerLoad(device_);
  }

  const TaskView& view_;
  const MatrixProduct& product_;
  const hwdb::MatrixUnit& unit_;
  const hwdb::MemoryLevel& workgroup_;
  const hwdb::Description& device_;
  int64_t bytes_;  // of an element of a factor
};

/// A tile of single points along axes that are neither of rows nor of columns, its loops in order.
ir::Tile baseTile(const TaskView& view, int laneAxis, const MatrixProduct& product,
                  const hwdb::MatrixUnit& unit) {
  ir::Tile tile;
  tile.reg.assign(static_cast<size_t>(view.axes()), 1);
  tile.group = tile.reg;
  tile.laneAxis = laneAxis;
  tile.unit = {unit.m.value, unit.n.value, unit.k.value};
  for (int axis = 0; axis < view.rank(); ++axis) {
    const bool side = std::ranges::count(product.rowAxes, axis) > 0 ||
                      std::ranges::count(product.columnAxes, axis) > 0;
    if (!side) tile.order.push_back(axis);
  }
  tile.order.insert(tile.order.end(), product.rowAxes.begin(), product.rowAxes.end());
  tile.order.insert(tile.order.end(), product.columnAxes.begin(), product.columnAxes.end());
  for (int axis = view.rank(); axis < view.axes(); ++axis) tile.order.push_back(axis);
  return tile;
}

/// All tiles of one unit that fit.
void addTiles(const TaskView& view, int laneAxis, const MatrixProduct& product,
              const hwdb::MatrixUnit& unit, const Budget& budget, const hwdb::Description& device,
              std::vector<RegisterTile>& tiles) {
  const MatrixModel model(view, product, unit, *workgroupMemory(device), device);
  const int64_t subgroups = device.groupInvocations.value / device.subgroup.value;
  const auto add = [&](const ir::Tile& tile) {
    const bool known =
        std::ranges::any_of(tiles, [&](const RegisterTile& other) { return other.tile == tile; });
    if (known || !model.fits(tile)) return;
    const double alone = model.cycles(tile);
    tiles.push_back(
        {tile, alone * imbalance(view, tile, budget.units), alone, unit.gigaflops.value});
  };
  for (const int64_t rows : kMatricesPerSide) {
    for (const int64_t columns : kMatricesPerSide) {
      for (int64_t down = 1; down <= subgroups; down *= 2) {
        ir::Tile tile = baseTile(view, laneAxis, product, unit);
        fillBox(view, product.rowAxes, rows * unit.m.value, tile.reg);
        fillBox(view, product.columnAxes, columns * unit.n.value, tile.reg);
        fillGroup(view, product.rowAxes, down, tile);
        fillGroup(view, product.columnAxes, subgroups / down, tile);
        for (const int64_t steps : kMatrixSteps) {
          fillSlice(view, steps * unit.k.value, tile);
          add(tile);
        }
      }
    }
  }
}

}  // namespace

int64_t matrixRegisters(const TaskView& view, const ir::Tile& tile,
                        const hwdb::Description& device) {
  const auto product = ir::matrixProduct(*view.expr, tile.laneAxis);
  QT_ASSERT(product.has_value(), "a unit for what is no sum of products");
  return registersOf(*product, tile, device);
}

int64_t matrixWorkgroupBytes(const TaskView& view, const ir::Tile& tile) {
  const auto product = ir::matrixProduct(*view.expr, tile.laneAxis);
  QT_ASSERT(product.has_value(), "a unit for what is no sum of products");
  return workgroupBytesOf(view, *product, tile);
}

std::vector<RegisterTile> matrixTiles(const TaskView& view, const Budget& budget,
                                      const hwdb::Description& device) {
  const int64_t subgroup = device.subgroup.value;
  const int64_t group = device.groupInvocations.value;
  const bool whole = subgroup > 1 && group % subgroup == 0 && powerOfTwo(group / subgroup);
  const bool known = std::ranges::all_of(view.expr->reduction,
                                         [](const ir::Dim& extent) { return extent.isConstant(); });
  if (!whole || !known || workgroupMemory(device) == nullptr || !view.reduces() ||
      view.domainCount() == 0 || view.reductionCount() == 0) {
    return {};
  }
  const auto found = productOf(view);
  if (!found) return {};
  std::vector<RegisterTile> tiles;
  for (const hwdb::MatrixUnit& unit : device.matrixUnits) {
    if (usable(unit, found->second)) {
      addTiles(view, found->first, found->second, unit, budget, device, tiles);
    }
  }
  std::ranges::stable_sort(tiles, {}, &RegisterTile::cycles);
  return tiles;
}

}  // namespace quartet::sched
