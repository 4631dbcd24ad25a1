// Arithmetic on bounds that does not wrap: in 128 bits, then back with the nearest number of 64.
#pragma once

#include <cstdint>

namespace quartet {

__extension__ using Wide = __int128;

constexpr int64_t saturate(Wide value) {
  if (value > INT64_MAX) return INT64_MAX;
  if (value < INT64_MIN) return INT64_MIN;
  return static_cast<int64_t>(value);
}

}  // namespace quartet
