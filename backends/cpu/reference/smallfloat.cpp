#include "backends/cpu/reference/smallfloat.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace quartet::reference {
namespace {

struct Format {
  int exponentBits;
  int mantissaBits;
  int bias() const { return (1 << (exponentBits - 1)) - 1; }
  int infinity() const { return ((1 << exponentBits) - 1) << mantissaBits; }
};
constexpr Format kHalf{5, 10};
constexpr Format kBfloat{8, 7};

double decode(uint16_t bits, Format format) {
  const int magnitude = bits & 0x7fff;
  const double sign = (bits & 0x8000) != 0 ? -1 : 1;
  if (magnitude > format.infinity()) return std::numeric_limits<double>::quiet_NaN();
  if (magnitude == format.infinity()) return sign * std::numeric_limits<double>::infinity();
  const int exponent = magnitude >> format.mantissaBits;
  const int mantissa = magnitude & ((1 << format.mantissaBits) - 1);
  const int implicitBit = exponent == 0 ? 0 : 1 << format.mantissaBits;
  const int scale = std::max(exponent, 1) - format.bias() - format.mantissaBits;
  return sign * std::ldexp(mantissa + implicitBit, scale);
}

uint16_t encode(double value, Format format) {
  const int sign = std::signbit(value) ? 0x8000 : 0;
  const int infinity = format.infinity();
  if (std::isnan(value)) {
    return static_cast<uint16_t>(sign | infinity | (1 << (format.mantissaBits - 1)));
  }
  const double magnitude = std::fabs(value);
  if (std::isinf(value)) return static_cast<uint16_t>(sign | infinity);
  const int smallest = 1 - format.bias();
  const int exponent = magnitude == 0 ? smallest : std::max(std::ilogb(magnitude), smallest);
  // Scaled so that the last kept bit is worth one. The implicit bit of a normal number adds one to
  // the exponent field, as does a carry out of the mantissa.
  const auto digits =
      static_cast<int64_t>(std::nearbyint(std::ldexp(magnitude, format.mantissaBits - exponent)));
  const int64_t code = (static_cast<int64_t>(exponent - smallest) << format.mantissaBits) + digits;
  return static_cast<uint16_t>(sign | static_cast<int>(std::min<int64_t>(code, infinity)));
}

}  // namespace

double decodeHalf(uint16_t bits) { return decode(bits, kHalf); }
double decodeBfloat(uint16_t bits) { return decode(bits, kBfloat); }
uint16_t encodeHalf(double value) { return encode(value, kHalf); }
uint16_t encodeBfloat(double value) { return encode(value, kBfloat); }

}  // namespace quartet::reference
