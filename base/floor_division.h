// Integer division that rounds down, whatever the signs.
#pragma once

#include <cstdint>

namespace quartet {

/// The quotient rounded towards minus infinity; the divisor is not zero. INT64_MIN / -1, the one
/// quotient beyond 64 bits, wraps to INT64_MIN.
constexpr int64_t floorDivide(int64_t a, int64_t b) {
  if (b == -1) return static_cast<int64_t>(-static_cast<uint64_t>(a));  // the native one traps
  const int64_t quotient = a / b;
  return quotient - ((a % b != 0 && (a < 0) != (b < 0)) ? 1 : 0);
}

/// a - floorDivide(a, b) * b: zero or of the divisor's sign; the divisor is not zero.
constexpr int64_t floorMod(int64_t a, int64_t b) {
  if (b == -1) return 0;
  const int64_t remainder = a % b;
  return remainder + ((remainder != 0 && (remainder < 0) != (b < 0)) ? b : 0);
}

}  // namespace quartet
