#include "ir/matrix_product.h"

#include <algorithm>

namespace quartet::ir {

namespace {

constexpr int64_t kRunBytes = 16;

int64_t roundUp(int64_t value, int64_t unit) { return (value + unit - 1) / unit * unit; }

bool isZero(const Expr& e) {
  return e.isLiteral() && (isFloat(e.dtype()) ? e.floatValue() == 0 : e.isInt(0));
}

/// The load behind a cast to the dtype of sums.
std::optional<Expr> narrowLoad(const Expr& factor, DType sum) {
  const bool cast = factor.kind() == Expr::Kind::Apply && factor.op() == Opcode::Cast;
  if (!cast || factor.args()[0].kind() != Expr::Kind::Load) return std::nullopt;
  const Expr& load = factor.args()[0];
  const DType dtype = load.dtype();
  const bool fits = sum == DType::F32 ? dtype == DType::F16 || dtype == DType::BF16
                                      : dtype == DType::I8 || dtype == DType::U8;
  return fits ? std::optional(load) : std::nullopt;
}

}  // namespace

std::optional<MatrixProduct> matrixProduct(const TensorExpr& expr, int laneAxis) {
  const bool adds = expr.form == TensorExpr::Form::Reduce && expr.laneCombine() == Opcode::Add &&
                    expr.order == TensorExpr::Order::Commutative && isZero(expr.init[0]);
  if (!adds || laneAxis < 0 || laneAxis >= expr.domainRank()) return std::nullopt;
  const Expr& element = expr.element[0];
  MatrixProduct product;
  product.sum = expr.init[0].dtype();
  if (product.sum != DType::F32 && product.sum != DType::I32) return std::nullopt;
  if (element.kind() != Expr::Kind::Apply || element.op() != Opcode::Mul) return std::nullopt;
  const auto a = narrowLoad(element.args()[0], product.sum);
  const auto b = narrowLoad(element.args()[1], product.sum);
  if (!a || !b) return std::nullopt;
  product.rows = *a;
  product.columns = *b;
  if (mentions(product.rows, laneAxis)) std::swap(product.rows, product.columns);
  for (int axis = 0; axis < expr.domainRank(); ++axis) {
    const bool ofRows = mentions(product.rows, axis);
    const bool ofColumns = mentions(product.columns, axis);
    if (ofRows && !ofColumns) product.rowAxes.push_back(axis);
    if (ofColumns && !ofRows) product.columnAxes.push_back(axis);
  }
  const auto lane = std::find(product.columnAxes.begin(), product.columnAxes.end(), laneAxis);
  if (lane == product.columnAxes.end() || product.rowAxes.empty()) return std::nullopt;
  std::rotate(lane, lane + 1, product.columnAxes.end());
  return product;
}

int64_t pointsAlong(const std::vector<int64_t>& extents, const std::vector<int>& axes) {
  int64_t points = 1;
  for (const int axis : axes) points *= extents[static_cast<size_t>(axis)];
  return points;
}

int64_t sliceSteps(const Tile& tile, int domainRank) {
  int64_t steps = 1;
  for (size_t i = static_cast<size_t>(domainRank); i < tile.group.size(); ++i) {
    steps *= tile.group[i];
  }
  return steps;
}

FactorSlice factorSlice(const Expr& load, const std::vector<int>& axes, const Type& operand,
                        const Tile& tile, int domainRank) {
  FactorSlice slice;
  slice.points = pointsAlong(tile.group, axes);
  slice.steps = roundUp(sliceSteps(tile, domainRank), tile.unit[2]);
  if (!load.args().empty()) {
    const auto& physical = operand.layout.axes;
    const auto innermost = operand.layout.rowMajor() ? load.args().size() - 1
                                                     : static_cast<size_t>(physical.back().axis);
    const Expr& index = load.args()[innermost];
    slice.stepsTogether =
        std::none_of(axes.begin(), axes.end(), [&](int axis) { return mentions(index, axis); });
  }
  const int64_t run = kRunBytes / byteSize(load.dtype());
  slice.stride = roundUp(slice.inner(), run) + run;
  return slice;
}

int64_t scratchElements(const MatrixProduct& product, const Tile& tile) {
  int64_t tiles = 1;
  for (const auto* axes : {&product.rowAxes, &product.columnAxes}) {
    tiles *= pointsAlong(tile.group, *axes) / pointsAlong(tile.reg, *axes);
  }
  return tiles * tile.unit[0] * pointsAlong(tile.reg, product.columnAxes);
}

}  // namespace quartet::ir
