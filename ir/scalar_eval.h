// The semantics of scalar.def, executed on the host: what the constant folder, the evaluator and
// the kernel interpreter agree on.
#pragma once

#include <cstddef>
#include <cstdint>

#include "ir/dtype.h"
#include "ir/opcode.h"

namespace quartet::ir {

/// A value whose dtype is known from elsewhere. Integers and bool lie in `i`: signed ones sign
/// extended, unsigned ones zero extended (u64: the same bits), bool as 0 or 1. Floats lie in `f`,
/// as a double that their dtype represents exactly.
union Scalar {
  int64_t i;
  double f;
};

inline Scalar intScalar(int64_t value) { return Scalar{.i = value}; }
inline Scalar floatScalar(double value) { return Scalar{.f = value}; }

/// Bits of an element; bool: 1.
int bitWidth(DType dtype);

/// `value` modulo 2^bits of an integer dtype, in Scalar's form; bool: value != 0.
int64_t wrapInteger(DType dtype, int64_t value);
/// `value` rounded to nearest even to a float dtype (overflow gives infinity).
double roundFloat(DType dtype, double value);

/// Applies a scalar op (not Cast). `dtype` is that of the operands (Select: of the two choices). A
/// comparison gives 0 or 1 in `i`. An integer division by zero gives 0 and sets `divisionByZero`,
/// which is never cleared. Asserts that the op is defined for the dtype.
Scalar applyScalar(Opcode op, DType dtype, const Scalar* args, bool& divisionByZero);

Scalar castScalar(Scalar value, DType from, DType to);

/// An element in host representation.
Scalar readScalar(DType dtype, const std::byte* from);
void writeScalar(DType dtype, Scalar value, std::byte* to);

/// The value that `fn` (add, mul, max, min, and, or) leaves unchanged: on floats the minimum is
/// -inf, on integers the lowest value.
Scalar identityOf(Opcode fn, DType dtype);

}  // namespace quartet::ir
