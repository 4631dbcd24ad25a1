// The kernel interpreter: matrices, which subgroups hold. Their elements lie with the first
// invocation.

#include <algorithm>
#include <string>

#include "ir/interpreter.h"

namespace quartet::ir {

Status Interpreter::runMatrix(OpId id, const Mask& mask) {
  const Op& op = kernel_.op(id);
  for (const ValueId result : op.results) define(result);
  for (size_t first = 0; first < local_; first += subgroup_) {
    const bool active = QT_TRY(together(id, mask, first));
    if (!active) continue;
    if (op.opcode == Opcode::MatrixMultiplyAdd) {
      multiplyAdd(op, first);
    } else {
      QT_CHECK(accessMatrix(id, first));
    }
  }
  return {};
}

/// Whether a subgroup takes part: all of its invocations, with the same index and stride, or none.
Result<bool> Interpreter::together(OpId id, const Mask& mask, size_t first) const {
  const Op& op = kernel_.op(id);
  for (size_t i = first + 1; i < first + subgroup_; ++i) {
    if ((mask[i] != 0) != (mask[first] != 0)) {
      return fault(id, i, "a matrix operation that not all invocations of a subgroup reach");
    }
    if (mask[i] == 0 || op.opcode == Opcode::MatrixMultiplyAdd) continue;
    for (const ValueId place : {op.operands[1], op.operands[2]}) {
      if (at(place, i)->i != at(place, first)->i) {
        return fault(id, i, nameOf(place) + " differs within a subgroup");
      }
    }
  }
  return mask[first] != 0;
}

Status Interpreter::accessMatrix(OpId id, size_t first) {
  const Op& op = kernel_.op(id);
  const ValueId matrix = op.opcode == Opcode::MatrixStore ? op.operands[3] : op.results[0];
  const Type& type = kernel_.type(matrix);
  const int64_t index = at(op.operands[1], first)->i;
  const int64_t stride = at(op.operands[2], first)->i;
  const bool columnMajor = op.attributes.has("column_major");
  constexpr int64_t kAlignBytes = 16;
  const int64_t run = columnMajor ? type.rows : type.columns;
  const int64_t aligned = std::clamp<int64_t>(kAlignBytes / byteSize(type.dtype), 1, run);
  if (index % aligned != 0 || stride % aligned != 0) {
    return fault(id, first,
                 "index " + std::to_string(index) + " and stride " + std::to_string(stride) +
                     " are no multiples of " + std::to_string(aligned) + " elements");
  }
  const size_t accessor = local_ + first / subgroup_;  // none of the invocations
  Scalar* cells = at(matrix, first);
  for (int row = 0; row < type.rows; ++row) {
    for (int column = 0; column < type.columns; ++column) {
      const int64_t place = index + (columnMajor ? column * stride + row : row * stride + column);
      QT_CHECK(accessElement(id, place, accessor, cells[row * type.columns + column]));
    }
  }
  return {};
}

void Interpreter::multiplyAdd(const Op& op, size_t first) {
  const Type& type = kernel_.type(op.results[0]);
  const int inner = kernel_.type(op.operands[0]).columns;
  const Scalar* a = at(op.operands[0], first);
  const Scalar* b = at(op.operands[1], first);
  const Scalar* start = at(op.operands[2], first);
  Scalar* result = at(op.results[0], first);
  for (int row = 0; row < type.rows; ++row) {
    for (int column = 0; column < type.columns; ++column) {
      Scalar sum = start[row * type.columns + column];
      for (int k = 0; k < inner; ++k) {
        const Scalar left = a[row * inner + k];
        const Scalar right = b[k * type.columns + column];
        sum = isFloat(type.dtype) ? floatScalar(roundFloat(type.dtype, sum.f + left.f * right.f))
                                  : intScalar(wrapInteger(type.dtype, sum.i + left.i * right.i));
      }
      result[row * type.columns + column] = sum;
    }
  }
  run_.traffic.operations += 2 * int64_t{type.rows} * type.columns * inner;
}

}  // namespace quartet::ir
