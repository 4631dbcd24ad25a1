// Sums of products as matrix units compute them: what scheduling and lowering agree on.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "ir/tensor_expr.h"
#include "ir/tile.h"

namespace quartet::ir {

/// A reduction that adds up products of two loads of narrow elements, wider: f16 or bf16 in f32, i8
/// or u8 in i32. Rows are the points of the axes of the domain that change one factor alone,
/// columns those of the axes that change the other one alone.
struct MatrixProduct {
  Expr rows, columns;  // the factors, in their own dtypes
  DType sum = DType::F32;
  std::vector<int> rowAxes, columnAxes;  // outermost first
};

/// Of a reduction, with the columns along `laneAxis`, which is their innermost axis. Nothing where
/// it is no such sum, or where one of the sides has no axes.
std::optional<MatrixProduct> matrixProduct(const TensorExpr& expr, int laneAxis);

/// How a group's slice of a factor lies in workgroup memory: `outer` runs of `inner` elements, each
/// from a multiple of 16 bytes on, neighbours in other banks.
struct FactorSlice {
  bool stepsTogether = false;  // a run is of a point's steps; otherwise of a step's points
  int64_t points = 0;          // of the group: rows, or columns
  int64_t steps = 0;           // of the slice, rounded up to whole matrices
  int64_t stride = 0;          // elements from run to run

  int64_t inner() const { return stepsTogether ? steps : points; }
  int64_t elements() const { return stride * (stepsTogether ? points : steps); }
};

/// Of the factor `load` under a tile with a unit; `operand` is what it reads, whose innermost axis
/// decides what lies together, so that neighbouring invocations load neighbours.
FactorSlice factorSlice(const Expr& load, const std::vector<int>& axes, const Type& operand,
                        const Tile& tile, int domainRank);

/// Points along `axes` of a register tile, or of a group.
int64_t pointsAlong(const std::vector<int64_t>& extents, const std::vector<int>& axes);

/// Steps of a tile's slice of the reduction.
int64_t sliceSteps(const Tile& tile, int domainRank);

/// Elements that the accumulators of a group take in workgroup memory on their way to results: a
/// row of matrices of every subgroup at once.
int64_t scratchElements(const MatrixProduct& product, const Tile& tile);

}  // namespace quartet::ir
