// What a group reads of one operand, as it lies in memory of the group's own.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "ir/expr.h"
#include "ir/tile.h"
#include "ir/type.h"

namespace quartet::ir {

/// The box of elements that a load's indices reach, and where each of them lies.
struct StageBox {
  std::vector<int64_t> extents;  // one per index
  std::vector<int64_t> strides;  // of an element's place, one per index
  int64_t elements = 0;          // with those that keep rows apart
};

/// Of a load at `indices`, from `lengths` points along each axis: along the lane axis elements lie
/// behind one another, else along the last index; other rows start aligned to four elements and in
/// other banks. Nothing where an index is no sum of axes, or there is none.
std::optional<StageBox> stageBox(const std::vector<Expr>& indices,
                                 const std::vector<int64_t>& lengths, int laneAxis);

/// Bytes that an array in workgroup memory takes with what keeps the next one aligned as the loads
/// of matrix units need it: PTX's want 32.
constexpr int64_t workgroupArrayBytes(int64_t bytes) { return (bytes + 31) / 32 * 32; }

/// The loads in expressions, each once.
std::vector<Expr> distinctLoads(const std::vector<Expr>& exprs);

/// Whether `guard` says exactly that some of `indices` lie inside an operand of this shape.
bool isBoundsGuard(const Expr& guard, const std::vector<Expr>& indices,
                   const std::vector<Dim>& shape);
/// Whether a load with such a guard says it of its index `k`.
bool guardsIndex(const Expr& load, size_t k);

/// The box that a load with a bounds guard reaches, with what it gives outside of the operand.
struct PaddedBox {
  StageBox box;       // rows along the last index, of whole vectors; extents.back(): their length
  int64_t first = 0;  // along the last index, where rows begin; no element is later than 0 unless
                      // none before it is read
};

/// Of a load from the points of `tile.stage`, where the lanes' axis is whole; the first `rank` axes
/// are the domain's. Elements that a vector reads beyond the lanes' axis lie inside the box, and
/// rows of the operand begin at whole vectors. Nothing where the load cannot be brought so: its
/// guard must be a bounds guard and what it gives outside a literal, its operand a row-major
/// buffer, its indices sums of axes, the last one with 1 to kMostStride times the lanes' axis and
/// no other axis of the domain.
std::optional<PaddedBox> paddedBox(const Expr& load, const Type& operand, const Tile& tile,
                                   size_t rank);

}  // namespace quartet::ir
