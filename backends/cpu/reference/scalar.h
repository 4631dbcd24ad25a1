// The scalar operations of ir/scalar.def on runs of wide values.
#pragma once

#include <cstdint>

#include "ir/dtype.h"
#include "ir/opcode.h"

namespace quartet::reference {

enum class ScalarOutcome : uint8_t { Ok, DivisionByZero, Undefined };

/// out[i] = op(a[i], b[i], c[i]) for i < count, in the wide type of `dtype` (the operands' dtype);
/// unused operands are ignored. Results still have to be narrowed to `dtype`. Undefined: the
/// operation has no meaning for this dtype. Not for comparisons, select and cast.
ScalarOutcome applyScalar(ir::Opcode op, ir::DType dtype, const double* a, const double* b,
                          const double* c, double* out, int64_t count);
ScalarOutcome applyScalar(ir::Opcode op, ir::DType dtype, const int64_t* a, const int64_t* b,
                          const int64_t* c, int64_t* out, int64_t count);
ScalarOutcome applyScalar(ir::Opcode op, ir::DType dtype, const uint64_t* a, const uint64_t* b,
                          const uint64_t* c, uint64_t* out, int64_t count);

/// Comparisons, isnan and isinf: out[i] is 0 or 1.
template <class W>
ScalarOutcome applyPredicate(ir::Opcode op, const W* a, const W* b, uint64_t* out, int64_t count);

}  // namespace quartet::reference
