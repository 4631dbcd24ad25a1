// The 16-bit floats as bit patterns.
#pragma once

#include <cstdint>

namespace quartet::reference {

double decodeHalf(uint16_t bits);
double decodeBfloat(uint16_t bits);
/// Rounded to nearest even; overflow gives an infinity.
uint16_t encodeHalf(double value);
uint16_t encodeBfloat(double value);

}  // namespace quartet::reference
