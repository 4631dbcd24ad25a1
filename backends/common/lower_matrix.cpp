// Sums of products by a matrix unit. A group goes through the reduction slice by slice: its
// invocations bring both factors of a slice into workgroup memory, with zeros for what lies beyond
// the domain and beyond the reduction; each subgroup multiplies what its register tile needs, and
// keeps the sums. At last the sums go through workgroup memory, a row of matrices at a time, since
// nobody knows which invocation holds which element, to what is computed and stored once per point.
#include "backends/common/storage.h"
#include "backends/common/task_lowering.h"
#include "ir/matrix_product.h"

namespace quartet::common {

using ir::MatrixUse;
using ir::ValueId;

/// A factor of the product, and where a slice of it lies.
struct TaskLowering::MatrixFactor {
  const ir::Expr& load;
  const std::vector<int>& axes;
  ir::FactorSlice slice;
  ir::Type matrix;
  ValueId array;
};

/// Sums that a subgroup keeps: matrices of its register tile, row by row.
struct TaskLowering::MatrixSums {
  const ir::MatrixProduct& product;
  ir::Type matrix;
  int64_t rows = 0, columns = 0;          // of matrices
  int64_t tileRows = 0, tileColumns = 0;  // register tiles of the group
  Linear row = {}, column = {};           // where the subgroup's begins in the group
  std::vector<ValueId> variables = {};
};

namespace {

constexpr size_t kM = 0;
constexpr size_t kN = 1;
constexpr size_t kK = 2;

ir::Type matrixOf(const std::vector<int64_t>& unit, ir::DType dtype, size_t rows, size_t columns,
                  MatrixUse use) {
  return ir::Type::matrix(dtype, static_cast<int>(unit[rows]), static_cast<int>(unit[columns]),
                          use);
}

}  // namespace

/// The places along the axes of a box of the number-th of its points, the last axis fastest. Beyond
/// the box, the first axis is.
std::vector<Linear> TaskLowering::placesInBox(Linear number, const std::vector<int64_t>& box) {
  std::vector<Linear> places(box.size());
  for (size_t k = box.size(); k-- > 1;) {
    places[k] = math_.mod(number, Linear::of(box[k]));
    number = math_.floorDiv(number, Linear::of(box[k]));
  }
  if (!places.empty()) places[0] = number;
  return places;
}

/// Moves a point along `axes` to the number-th of the group, register tile by register tile.
void TaskLowering::moveTo(const std::vector<int>& axes, const Linear& number, Point& point) {
  const int64_t points = ir::pointsAlong(tile_.reg, axes);
  std::vector<int64_t> counts;
  std::vector<int64_t> box;
  for (const int axis : axes) {
    const auto i = static_cast<size_t>(axis);
    counts.push_back(group(i) / reg(i));
    box.push_back(reg(i));
  }
  const auto tiles = placesInBox(math_.floorDiv(number, Linear::of(points)), counts);
  const auto inside = placesInBox(math_.mod(number, Linear::of(points)), box);
  for (size_t k = 0; k < axes.size(); ++k) {
    const auto i = static_cast<size_t>(axes[k]);
    point.axes[i] = groupBase_[i] + tiles[k] * reg(i) + inside[k];
  }
}

TaskLowering::MatrixFactor TaskLowering::matrixFactor(const ir::Expr& load,
                                                      const std::vector<int>& axes,
                                                      const ir::Type& matrix) {
  const ValueId operand = plan_.op(anchor_).operands[static_cast<size_t>(load.number())];
  MatrixFactor factor{load, axes, {}, matrix, {}};
  factor.slice = ir::factorSlice(load, axes, plan_.type(operand), tile_, static_cast<int>(rank()));
  factor.array = builder_.shared(matrix.dtype, factor.slice.elements());
  return factor;
}

/// Calls `body` for the numbers below `count`, dealt out to the group's invocations. Where they all
/// have as many, what a number gives modulo a divisor of theirs does not change from turn to turn.
void TaskLowering::dealOut(int64_t count, const std::function<void(const Linear&)>& body) {
  const Linear local = Linear::of(builder_.localId());
  const int64_t invocations = device_.groupInvocations.value;
  if (count % invocations != 0) {
    loop(local, Linear::of(count), invocations, {0, count - 1}, body);
    return;
  }
  const int64_t turns = count / invocations;
  loop(Linear::of(0), Linear::of(turns), 1, {0, turns - 1},
       [&](const Linear& turn) { body(turn * invocations + local); });
}

/// Brings a slice of a factor into workgroup memory.
void TaskLowering::fillFactor(const MatrixFactor& factor) {
  const ir::FactorSlice& slice = factor.slice;
  std::vector<int64_t> box;  // of the slice's steps, in the order of loops
  std::vector<size_t> axes;
  for (const int axis : tile_.order) {
    if (static_cast<size_t>(axis) < rank()) continue;
    axes.push_back(static_cast<size_t>(axis));
    box.push_back(group(axes.back()));
  }
  dealOut(slice.points * slice.steps, [&](const Linear& number) {
    const Linear run = math_.floorDiv(number, Linear::of(slice.inner()));
    const Linear along = math_.mod(number, Linear::of(slice.inner()));
    Point point;
    point.axes = groupBase_;
    point.axes.resize(rank() + axes.size());
    moveTo(factor.axes, slice.stepsTogether ? run : along, point);
    for (const int axis : factor.axes) {
      const auto i = static_cast<size_t>(axis);
      requireInside(point.axes[i], extents_.of(expr_.domain[i]), point);
    }
    const Linear& step = slice.stepsTogether ? along : run;
    requireInside(step, Linear::of(ir::sliceSteps(tile_, static_cast<int>(rank()))), point);
    const std::vector<Linear> places = placesInBox(step, box);
    for (size_t k = 0; k < axes.size(); ++k) {
      point.axes[axes[k]] = sliceStart(axes[k]) + places[k];
      requireInside(point.axes[axes[k]], extents_.of(expr_.reduction[axes[k] - rank()]), point);
    }
    ValueId value = evaluator_.value(anchor_, factor.load, point);
    if (point.mask.valid()) {
      const ValueId zero = builder_.literal(0, kernel_.type(value).dtype);
      value = builder_.apply(ir::Opcode::Select, {point.mask, value, zero});
    }
    builder_.store(factor.array, math_.materialize(run * slice.stride + along),
                   toStorage(builder_, value, factor.matrix.dtype));
  });
}

/// The matrix of a factor that begins at a point of the group and at a step of the slice.
ValueId TaskLowering::loadFactor(const MatrixFactor& factor, const Linear& point,
                                 const Linear& step) {
  const ir::FactorSlice& slice = factor.slice;
  const Linear at = slice.stepsTogether ? point * slice.stride + step : step * slice.stride + point;
  const bool pointsAreRows = factor.matrix.use == MatrixUse::A;
  return builder_.matrixLoad(factor.matrix, factor.array, math_.materialize(at),
                             builder_.literal(slice.stride), pointsAreRows != slice.stepsTogether);
}

TaskLowering::MatrixSums TaskLowering::matrixSums(const ir::MatrixProduct& product) {
  const std::vector<int64_t>& unit = tile_.unit;
  MatrixSums sums{product, matrixOf(unit, product.sum, kM, kN, MatrixUse::Accumulator)};
  const int64_t rows = ir::pointsAlong(tile_.reg, product.rowAxes);
  const int64_t columns = ir::pointsAlong(tile_.reg, product.columnAxes);
  sums.rows = rows / unit[kM];
  sums.columns = columns / unit[kN];
  sums.tileRows = ir::pointsAlong(tile_.group, product.rowAxes) / rows;
  sums.tileColumns = ir::pointsAlong(tile_.group, product.columnAxes) / columns;
  const int64_t subgroups = device_.groupInvocations.value / device_.subgroup.value;
  QT_ASSERT(sums.tileRows * sums.tileColumns == subgroups,
            "a group with a matrix unit has a register tile for each of its " +
                std::to_string(subgroups) + " subgroups");
  const ValueId subgroup = builder_.subgroupId();
  math_.setRange(subgroup, {0, subgroups - 1});
  const Linear across = Linear::of(sums.tileColumns);
  sums.row = math_.floorDiv(Linear::of(subgroup), across) * rows;
  sums.column = math_.mod(Linear::of(subgroup), across) * columns;
  const ValueId zero = builder_.matrixSplat(builder_.literal(0, product.sum), sums.matrix);
  for (int64_t i = 0; i < sums.rows * sums.columns; ++i) {
    sums.variables.push_back(builder_.matrixVar(sums.matrix));
    builder_.set(sums.variables.back(), zero);
  }
  return sums;
}

/// Adds the products of a slice.
void TaskLowering::multiplySlice(const MatrixFactor& a, const MatrixFactor& b,
                                 const MatrixSums& sums) {
  const int64_t count = a.slice.steps / tile_.unit[kK];
  loop(Linear::of(0), Linear::of(count), 1, {0, count - 1}, [&](const Linear& i) {
    const Linear step = i * tile_.unit[kK];
    std::vector<ValueId> columns;
    for (int64_t c = 0; c < sums.columns; ++c) {
      columns.push_back(loadFactor(b, sums.column + Linear::of(c * tile_.unit[kN]), step));
    }
    auto variable = sums.variables.begin();
    for (int64_t r = 0; r < sums.rows; ++r) {
      const ValueId row = loadFactor(a, sums.row + Linear::of(r * tile_.unit[kM]), step);
      for (const ValueId column : columns) {
        builder_.set(*variable, builder_.matrixMultiplyAdd(row, column, builder_.get(*variable)));
        ++variable;
      }
    }
  });
}

/// Row `r` of matrices of every subgroup through `scratch`, then what happens once per point.
void TaskLowering::finishMatrices(const MatrixSums& sums, int64_t r, ValueId scratch) {
  const int64_t width = sums.columns * tile_.unit[kN];
  const int64_t points = tile_.unit[kM] * width;  // of a subgroup
  const int64_t rows = sums.rows * tile_.unit[kM];
  const Linear subgroup = Linear::of(builder_.subgroupId());
  for (int64_t c = 0; c < sums.columns; ++c) {
    builder_.matrixStore(scratch,
                         math_.materialize(subgroup * points + Linear::of(c * tile_.unit[kN])),
                         builder_.literal(width),
                         builder_.get(sums.variables[static_cast<size_t>(r * sums.columns + c)]));
  }
  builder_.barrier();
  dealOut(points * sums.tileRows * sums.tileColumns, [&](const Linear& number) {
    const Linear tile = math_.floorDiv(number, Linear::of(points));
    const Linear inside = math_.mod(number, Linear::of(points));
    const Linear across = Linear::of(sums.tileColumns);
    const Linear row = math_.floorDiv(tile, across) * rows + Linear::of(r * tile_.unit[kM]) +
                       math_.floorDiv(inside, Linear::of(width));
    const Linear column = math_.mod(tile, across) * width + math_.mod(inside, Linear::of(width));
    Point point;
    point.axes = groupBase_;
    moveTo(sums.product.rowAxes, row, point);
    moveTo(sums.product.columnAxes, column, point);
    point.states = {builder_.load(scratch, math_.materialize(number))};
    finishInside(point, {});
  });
}

/// All points of a group, by a matrix unit. All invocations come here.
void TaskLowering::matrixTile(const std::vector<Linear>& base) {
  const auto product = ir::matrixProduct(expr_, tile_.laneAxis);
  QT_ASSERT(product.has_value(), "a unit for what is no sum of products");
  kernel_.attributes.set("subgroup", device_.subgroup.value);
  groupBase_ = base;
  math_.setRange(builder_.localId(), {0, device_.groupInvocations.value - 1});
  const MatrixFactor a =
      matrixFactor(product->rows, product->rowAxes,
                   matrixOf(tile_.unit, product->rows.dtype(), kM, kK, MatrixUse::A));
  const MatrixFactor b =
      matrixFactor(product->columns, product->columnAxes,
                   matrixOf(tile_.unit, product->columns.dtype(), kK, kN, MatrixUse::B));
  const ValueId scratch = builder_.shared(product->sum, ir::scratchElements(*product, tile_));
  const MatrixSums sums = matrixSums(*product);
  const int64_t count = sliceCount();
  loop(Linear::of(0), Linear::of(count), 1, {0, count - 1}, [&](const Linear& slice) {
    slice_ = slice;
    fillFactor(a);
    fillFactor(b);
    builder_.barrier();
    multiplySlice(a, b, sums);
    builder_.barrier();
  });
  slice_.reset();
  for (int64_t r = 0; r < sums.rows; ++r) {
    if (r > 0) builder_.barrier();
    finishMatrices(sums, r, scratch);
  }
}

}  // namespace quartet::common
