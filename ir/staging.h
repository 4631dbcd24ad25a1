// What a group's slice of a reduction reads of one operand, as it lies in workgroup memory.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "ir/expr.h"

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

}  // namespace quartet::ir
