#include "ir/scalar_eval.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <limits>
#include <string>

#include "base/result.h"

namespace quartet::ir {
namespace {

[[noreturn]] void undefinedFor(Opcode op, DType dtype) {
  throwInternalError("the op is defined for the dtype",
                     std::string(name(op)) + " on " + std::string(name(dtype)));
}

// Rounds to `precision` significant bits with normal exponents from `lowest`.
double roundTo(double value, int precision, int lowest, double largest) {
  if (value == 0 || !std::isfinite(value)) return value;
  const int exponent = std::max(std::ilogb(value), lowest) - (precision - 1);
  // Scaled, the kept bits are an integer below 2^precision, so nearbyint rounds exactly once.
  const double rounded = std::ldexp(std::nearbyint(std::ldexp(value, -exponent)), exponent);
  if (std::fabs(rounded) <= largest) return rounded;
  return std::copysign(std::numeric_limits<double>::infinity(), value);
}

uint64_t power(uint64_t base, uint64_t exponent) {
  uint64_t result = 1;
  for (; exponent != 0; exponent >>= 1) {
    if ((exponent & 1) != 0) result *= base;
    base *= base;
  }
  return result;
}

int64_t integerPower(DType dtype, int64_t base, int64_t exponent) {
  if (isSigned(dtype) && exponent < 0) {
    if (base == 1) return 1;
    if (base == -1) return exponent % 2 == 0 ? 1 : -1;
    return 0;
  }
  return static_cast<int64_t>(power(static_cast<uint64_t>(base), static_cast<uint64_t>(exponent)));
}

int64_t unsignedDivision(Opcode op, uint64_t a, uint64_t b) {
  const bool quotient = op == Opcode::Div || op == Opcode::FloorDiv;
  return static_cast<int64_t>(quotient ? a / b : a % b);
}

int64_t signedDivision(Opcode op, int64_t a, int64_t b) {
  if (b == -1) {  // MIN / -1 would trap
    const bool quotient = op == Opcode::Div || op == Opcode::FloorDiv;
    return quotient ? static_cast<int64_t>(-static_cast<uint64_t>(a)) : 0;
  }
  const int64_t quotient = a / b;
  const int64_t remainder = a % b;
  const bool floors = remainder != 0 && (remainder < 0) != (b < 0);
  switch (op) {
    case Opcode::Div:
      return quotient;
    case Opcode::FloorDiv:
      return floors ? quotient - 1 : quotient;
    case Opcode::Rem:
      return remainder;
    default:
      return floors ? remainder + b : remainder;
  }
}

int64_t shift(Opcode op, DType dtype, int64_t value, int64_t amount) {
  if (amount < 0 || amount >= bitWidth(dtype)) return 0;
  if (op == Opcode::Shl) return static_cast<int64_t>(static_cast<uint64_t>(value) << amount);
  if (isSigned(dtype)) return value >> amount;
  return static_cast<int64_t>(static_cast<uint64_t>(value) >> amount);
}

bool less(DType dtype, int64_t a, int64_t b) {
  return isSigned(dtype) ? a < b : static_cast<uint64_t>(a) < static_cast<uint64_t>(b);
}

int64_t dot4(uint64_t a, uint64_t b, uint64_t c) {
  for (int shift = 0; shift < 32; shift += 8) {
    const auto left = static_cast<uint8_t>(a >> shift);
    const auto right = static_cast<int8_t>(b >> shift);
    c += static_cast<uint64_t>(int64_t{left} * right);
  }
  return static_cast<int64_t>(c);
}

// The result before it is wrapped.
int64_t integerOp(Opcode op, DType dtype, const Scalar* args, bool& divisionByZero) {
  const int64_t a = args[0].i;
  const int64_t b = info(op).minOperands > 1 ? args[1].i : 0;
  const auto ua = static_cast<uint64_t>(a);
  const auto ub = static_cast<uint64_t>(b);
  switch (op) {
    case Opcode::Add:
      return static_cast<int64_t>(ua + ub);
    case Opcode::Sub:
      return static_cast<int64_t>(ua - ub);
    case Opcode::Mul:
      return static_cast<int64_t>(ua * ub);
    case Opcode::Fma:
      return static_cast<int64_t>(ua * ub + static_cast<uint64_t>(args[2].i));
    case Opcode::Dot4:
      return dot4(ua, ub, static_cast<uint64_t>(args[2].i));
    case Opcode::Div:
    case Opcode::FloorDiv:
    case Opcode::Rem:
    case Opcode::Mod:
      if (b == 0) {
        divisionByZero = true;
        return 0;
      }
      return isSigned(dtype) ? signedDivision(op, a, b) : unsignedDivision(op, ua, ub);
    case Opcode::Pow:
      return integerPower(dtype, a, b);
    case Opcode::Min:
      return less(dtype, b, a) ? b : a;
    case Opcode::Max:
      return less(dtype, a, b) ? b : a;
    case Opcode::Neg:
      return static_cast<int64_t>(-ua);
    case Opcode::Abs:
      return isSigned(dtype) && a < 0 ? static_cast<int64_t>(-ua) : a;
    case Opcode::Sign:
      return isSigned(dtype) && a < 0 ? -1 : a != 0;
    case Opcode::And:
      return a & b;
    case Opcode::Or:
      return a | b;
    case Opcode::Xor:
      return a ^ b;
    case Opcode::Not:
      return dtype == DType::Bool ? a == 0 : ~a;
    case Opcode::Shl:
    case Opcode::Shr:
      return shift(op, dtype, a, b);
    default:
      undefinedFor(op, dtype);
  }
}

double floatBinary(Opcode op, DType dtype, double a, double b) {
  switch (op) {
    case Opcode::Add:
      return a + b;
    case Opcode::Sub:
      return a - b;
    case Opcode::Mul:
      return a * b;
    case Opcode::Div:
      return a / b;
    case Opcode::FloorDiv:
      return std::floor(roundFloat(dtype, a / b));
    case Opcode::Rem:
      return std::fmod(a, b);
    case Opcode::Mod:  // each step rounds, as it does on a device
      return a - roundFloat(dtype, b * std::floor(roundFloat(dtype, a / b)));
    case Opcode::Pow:
      return std::pow(a, b);
    case Opcode::Min:
      return std::isnan(a) || std::isnan(b) ? std::nan("") : std::fmin(a, b);
    case Opcode::Max:
      return std::isnan(a) || std::isnan(b) ? std::nan("") : std::fmax(a, b);
    default:
      undefinedFor(op, dtype);
  }
}

double floatUnary(Opcode op, DType dtype, double x) {
  switch (op) {
    case Opcode::Neg:
      return -x;
    case Opcode::Abs:
      return std::fabs(x);
    case Opcode::Sign:
      return std::isnan(x) ? x : static_cast<double>((x > 0) - (x < 0));
    case Opcode::Sqrt:
      return std::sqrt(x);
    case Opcode::Exp:
      return std::exp(x);
    case Opcode::Log:
      return std::log(x);
    case Opcode::Sin:
      return std::sin(x);
    case Opcode::Cos:
      return std::cos(x);
    case Opcode::Tan:
      return std::tan(x);
    case Opcode::Asin:
      return std::asin(x);
    case Opcode::Acos:
      return std::acos(x);
    case Opcode::Atan:
      return std::atan(x);
    case Opcode::Sinh:
      return std::sinh(x);
    case Opcode::Cosh:
      return std::cosh(x);
    case Opcode::Tanh:
      return std::tanh(x);
    case Opcode::Asinh:
      return std::asinh(x);
    case Opcode::Acosh:
      return std::acosh(x);
    case Opcode::Atanh:
      return std::atanh(x);
    case Opcode::Erf:
      return std::erf(x);
    case Opcode::Floor:
      return std::floor(x);
    case Opcode::Ceil:
      return std::ceil(x);
    case Opcode::Round:
      return std::nearbyint(x);
    default:
      undefinedFor(op, dtype);
  }
}

// A bf16 is the upper half of an f32.
double highHalf(uint64_t bits) {
  return std::bit_cast<float>(static_cast<uint32_t>(bits) & 0xffff0000U);
}

double dot2(uint64_t a, uint64_t b, double c) {
  c = static_cast<float>(std::fma(highHalf(a << 16), highHalf(b << 16), c));
  return std::fma(highHalf(a), highHalf(b), c);
}

Scalar floatOp(Opcode op, DType dtype, const Scalar* args) {
  if (op == Opcode::Dot2) {
    const double sum =
        dot2(static_cast<uint64_t>(args[0].i), static_cast<uint64_t>(args[1].i), args[2].f);
    return floatScalar(roundFloat(dtype, sum));
  }
  if (op == Opcode::IsNan) return intScalar(std::isnan(args[0].f));
  if (op == Opcode::IsInf) return intScalar(std::isinf(args[0].f));
  double value;
  if (op == Opcode::Fma) {
    value = std::fma(args[0].f, args[1].f, args[2].f);
  } else if (info(op).minOperands == 2) {
    value = floatBinary(op, dtype, args[0].f, args[1].f);
  } else {
    value = floatUnary(op, dtype, args[0].f);
  }
  return floatScalar(roundFloat(dtype, value));
}

template <class T>
bool compare(Opcode op, T a, T b) {
  switch (op) {
    case Opcode::Eq:
      return a == b;
    case Opcode::Ne:
      return a != b;
    case Opcode::Lt:
      return a < b;
    case Opcode::Le:
      return a <= b;
    case Opcode::Gt:
      return a > b;
    default:
      return a >= b;
  }
}

bool isOrder(Opcode op) { return op >= Opcode::Eq && op <= Opcode::Ge; }

bool compareScalars(Opcode op, DType dtype, Scalar a, Scalar b) {
  if (isFloat(dtype)) return compare(op, a.f, b.f);
  if (isSigned(dtype)) return compare(op, a.i, b.i);
  return compare(op, static_cast<uint64_t>(a.i), static_cast<uint64_t>(b.i));
}

int64_t truncate(double value, DType to) {
  if (std::isnan(value)) return 0;
  const double whole = std::trunc(value);
  const int bits = bitWidth(to);
  const double above = std::ldexp(1.0, isSigned(to) ? bits - 1 : bits);  // first value too large
  if (whole >= above) {
    return isSigned(to) ? static_cast<int64_t>(~uint64_t{0} >> (65 - bits))
                        : static_cast<int64_t>(~uint64_t{0} >> (64 - bits));
  }
  if (!isSigned(to)) return whole <= 0 ? 0 : static_cast<int64_t>(static_cast<uint64_t>(whole));
  return whole <= -above ? -static_cast<int64_t>(above / 2) * 2 : static_cast<int64_t>(whole);
}

// Nearest even in one step: a 64-bit integer does not fit a double.
double integerToFloat(int64_t value, bool isUnsigned, DType to) {
  if (to == DType::F32) {
    return isUnsigned ? static_cast<float>(static_cast<uint64_t>(value))
                      : static_cast<float>(value);
  }
  const double wide =
      isUnsigned ? static_cast<double>(static_cast<uint64_t>(value)) : static_cast<double>(value);
  return roundFloat(to, wide);
}

template <class T>
T readAs(const std::byte* from) {
  T value;
  std::memcpy(&value, from, sizeof(T));
  return value;
}

template <class T>
void writeAs(T value, std::byte* to) {
  std::memcpy(to, &value, sizeof(T));
}

double halfToDouble(uint16_t bits) {
  const int exponent = (bits >> 10) & 0x1f;
  const int fraction = bits & 0x3ff;
  double magnitude;
  if (exponent == 0x1f) {
    magnitude = fraction != 0 ? std::nan("") : std::numeric_limits<double>::infinity();
  } else if (exponent == 0) {
    magnitude = std::ldexp(fraction, -24);
  } else {
    magnitude = std::ldexp(fraction + 0x400, exponent - 25);
  }
  return std::copysign(magnitude, (bits & 0x8000) != 0 ? -1.0 : 1.0);
}

uint16_t doubleToHalf(double value) {  // a value that f16 represents
  const uint16_t sign = std::signbit(value) ? 0x8000 : 0;
  const double magnitude = std::fabs(value);
  if (std::isnan(value)) return 0x7e00;
  if (std::isinf(value)) return sign | 0x7c00;
  if (magnitude < std::ldexp(1.0, -14)) {
    return static_cast<uint16_t>(sign | static_cast<int>(std::ldexp(magnitude, 24)));
  }
  const int exponent = std::ilogb(magnitude);
  const int fraction = static_cast<int>(std::ldexp(magnitude, 10 - exponent)) - 0x400;
  return static_cast<uint16_t>(sign | ((exponent + 15) << 10) | fraction);
}

}  // namespace

int bitWidth(DType dtype) {
  return dtype == DType::Bool ? 1 : static_cast<int>(byteSize(dtype)) * 8;
}

int64_t wrapInteger(DType dtype, int64_t value) {
  switch (dtype) {
    case DType::Bool:
      return value != 0;
    case DType::I8:
      return static_cast<int8_t>(value);
    case DType::U8:
      return static_cast<uint8_t>(value);
    case DType::I16:
      return static_cast<int16_t>(value);
    case DType::U16:
      return static_cast<uint16_t>(value);
    case DType::I32:
      return static_cast<int32_t>(value);
    case DType::U32:
      return static_cast<uint32_t>(value);
    default:
      return value;
  }
}

double roundFloat(DType dtype, double value) {
  switch (dtype) {
    case DType::F32:
      return static_cast<float>(value);
    case DType::F16:
      return roundTo(value, 11, -14, 65504.0);
    case DType::BF16:
      return roundTo(value, 8, -126, std::ldexp(255.0, 120));
    default:
      return value;
  }
}

Scalar applyScalar(Opcode op, DType dtype, const Scalar* args, bool& divisionByZero) {
  if (op == Opcode::Select) return args[0].i != 0 ? args[1] : args[2];
  if (isOrder(op)) return intScalar(compareScalars(op, dtype, args[0], args[1]));
  if (isFloat(dtype)) return floatOp(op, dtype, args);
  return intScalar(wrapInteger(dtype, integerOp(op, dtype, args, divisionByZero)));
}

Scalar castScalar(Scalar value, DType from, DType to) {
  if (from == to) return value;
  if (isFloat(from)) {
    if (isFloat(to)) return floatScalar(roundFloat(to, value.f));
    if (to == DType::Bool) return intScalar(value.f != 0);
    return intScalar(truncate(value.f, to));
  }
  if (isFloat(to)) return floatScalar(integerToFloat(value.i, !isSigned(from), to));
  return intScalar(wrapInteger(to, value.i));
}

Scalar readScalar(DType dtype, const std::byte* from) {
  switch (dtype) {
    case DType::Bool:
      return intScalar(readAs<uint8_t>(from) != 0);
    case DType::I8:
      return intScalar(readAs<int8_t>(from));
    case DType::U8:
      return intScalar(readAs<uint8_t>(from));
    case DType::I16:
      return intScalar(readAs<int16_t>(from));
    case DType::U16:
      return intScalar(readAs<uint16_t>(from));
    case DType::I32:
      return intScalar(readAs<int32_t>(from));
    case DType::U32:
      return intScalar(readAs<uint32_t>(from));
    case DType::I64:
    case DType::U64:
      return intScalar(readAs<int64_t>(from));
    case DType::F16:
      return floatScalar(halfToDouble(readAs<uint16_t>(from)));
    case DType::BF16: {
      const uint32_t bits = static_cast<uint32_t>(readAs<uint16_t>(from)) << 16;
      return floatScalar(readAs<float>(reinterpret_cast<const std::byte*>(&bits)));
    }
    case DType::F32:
      return floatScalar(readAs<float>(from));
    case DType::F64:
      break;
  }
  return floatScalar(readAs<double>(from));
}

void writeScalar(DType dtype, Scalar value, std::byte* to) {
  switch (dtype) {
    case DType::F16:
      return writeAs(doubleToHalf(value.f), to);
    case DType::BF16: {
      const auto narrow = static_cast<float>(value.f);
      return writeAs(readAs<uint16_t>(reinterpret_cast<const std::byte*>(&narrow) + 2), to);
    }
    case DType::F32:
      return writeAs(static_cast<float>(value.f), to);
    case DType::F64:
      return writeAs(value.f, to);
    default:  // little endian: the low bytes come first
      std::memcpy(to, &value.i, static_cast<size_t>(byteSize(dtype)));
  }
}

Scalar identityOf(Opcode fn, DType dtype) {
  const bool lowest = fn == Opcode::Max;
  switch (fn) {
    case Opcode::Add:
    case Opcode::Or:
      return castScalar(intScalar(0), DType::I64, dtype);
    case Opcode::Mul:
      return castScalar(intScalar(1), DType::I64, dtype);
    case Opcode::And:
      return intScalar(wrapInteger(dtype, -1));
    case Opcode::Min:
    case Opcode::Max: {
      if (dtype == DType::Bool) return intScalar(!lowest);
      const double infinity = std::numeric_limits<double>::infinity();
      const Scalar limit = floatScalar(lowest ? -infinity : infinity);
      return castScalar(limit, DType::F64, dtype);  // saturates on integers
    }
    default:
      undefinedFor(fn, dtype);
  }
}

}  // namespace quartet::ir
