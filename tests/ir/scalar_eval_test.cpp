// The scalar semantics, value by value.

#include "ir/scalar_eval.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>

using namespace quartet::ir;

namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();
const double kNan = std::nan("");

int64_t ints(Opcode op, DType dtype, int64_t a, int64_t b = 0) {
  const Scalar args[3] = {intScalar(a), intScalar(b), intScalar(0)};
  bool divisionByZero = false;
  const int64_t result = applyScalar(op, dtype, args, divisionByZero).i;
  CHECK(!divisionByZero);
  return result;
}

double floats(Opcode op, double a, double b = 0, DType dtype = DType::F32) {
  const Scalar args[3] = {floatScalar(a), floatScalar(b), floatScalar(0)};
  bool divisionByZero = false;
  return applyScalar(op, dtype, args, divisionByZero).f;
}

bool compares(Opcode op, double a, double b) {
  const Scalar args[3] = {floatScalar(a), floatScalar(b), floatScalar(0)};
  bool divisionByZero = false;
  return applyScalar(op, DType::F32, args, divisionByZero).i != 0;
}

int64_t toInt(double value, DType to) { return castScalar(floatScalar(value), DType::F64, to).i; }

}  // namespace

TEST_CASE("i8 and u8 arithmetic on all pairs") {
  for (int a = -128; a < 128; ++a) {
    for (int b = -128; b < 128; ++b) {
      bool right = ints(Opcode::Add, DType::I8, a, b) == static_cast<int8_t>(a + b);
      right = right && ints(Opcode::Mul, DType::I8, a, b) == static_cast<int8_t>(a * b);
      right = right && ints(Opcode::Min, DType::I8, a, b) == std::min(a, b);
      right = right && ints(Opcode::Lt, DType::I8, a, b) == (a < b);
      const int ua = a & 255;
      const int ub = b & 255;
      right = right && ints(Opcode::Sub, DType::U8, ua, ub) == ((ua - ub) & 255);
      right = right && ints(Opcode::Max, DType::U8, ua, ub) == std::max(ua, ub);
      if (b != 0) {
        right = right && ints(Opcode::Div, DType::I8, a, b) == static_cast<int8_t>(a / b);
        right = right && ints(Opcode::Rem, DType::I8, a, b) == a % b;
        const int floored = static_cast<int>(std::floor(static_cast<double>(a) / b));
        right = right && ints(Opcode::FloorDiv, DType::I8, a, b) == static_cast<int8_t>(floored);
        right = right && ints(Opcode::Mod, DType::I8, a, b) == a - floored * b;
        right = right && ints(Opcode::Div, DType::U8, ua, ub) == ua / ub;
        right = right && ints(Opcode::Mod, DType::U8, ua, ub) == ua % ub;
      }
      if (!right) FAIL("i8 ", a, " and ", b);
    }
  }
}

TEST_CASE("the edges of 64-bit integers") {
  const int64_t lowest = std::numeric_limits<int64_t>::min();
  for (const Opcode op : {Opcode::Div, Opcode::FloorDiv}) {
    CHECK(ints(op, DType::I64, lowest, -1) == lowest);
    CHECK(ints(op, DType::I32, std::numeric_limits<int32_t>::min(), -1) ==
          std::numeric_limits<int32_t>::min());
  }
  CHECK(ints(Opcode::Rem, DType::I64, lowest, -1) == 0);
  CHECK(ints(Opcode::Abs, DType::I64, lowest) == lowest);
  CHECK(ints(Opcode::Neg, DType::I64, lowest) == lowest);
  CHECK(ints(Opcode::Lt, DType::U64, -1, 1) == 0);  // the largest u64
  CHECK(ints(Opcode::Div, DType::U64, -1, 2) == std::numeric_limits<int64_t>::max());
}

TEST_CASE("division by zero gives zero and is noted") {
  for (const Opcode op : {Opcode::Div, Opcode::FloorDiv, Opcode::Rem, Opcode::Mod}) {
    const Scalar args[2] = {intScalar(5), intScalar(0)};
    bool divisionByZero = false;
    CHECK(applyScalar(op, DType::I32, args, divisionByZero).i == 0);
    CHECK(divisionByZero);
  }
  CHECK(floats(Opcode::Div, 1, 0) == kInfinity);
}

TEST_CASE("shifts by the width and more give zero") {
  CHECK(ints(Opcode::Shl, DType::I32, 1, 31) == std::numeric_limits<int32_t>::min());
  CHECK(ints(Opcode::Shl, DType::I32, 1, 32) == 0);
  CHECK(ints(Opcode::Shr, DType::I32, -8, 1) == -4);
  CHECK(ints(Opcode::Shr, DType::I32, -8, 32) == 0);
  CHECK(ints(Opcode::Shr, DType::U8, 0x80, 7) == 1);
  CHECK(ints(Opcode::Shr, DType::U64, -1, 63) == 1);
  CHECK(ints(Opcode::Shl, DType::I64, 1, -1) == 0);
}

TEST_CASE("integer powers") {
  CHECK(ints(Opcode::Pow, DType::I64, 3, 39) == INT64_C(4052555153018976267));
  CHECK(ints(Opcode::Pow, DType::I32, -2, 31) == std::numeric_limits<int32_t>::min());
  CHECK(ints(Opcode::Pow, DType::I32, 7, 0) == 1);
  CHECK(ints(Opcode::Pow, DType::I32, 2, -1) == 0);
  CHECK(ints(Opcode::Pow, DType::I32, -1, -3) == -1);
  CHECK(ints(Opcode::Pow, DType::I32, 1, -3) == 1);
}

TEST_CASE("floats: NaN, rounding, signs, remainders") {
  CHECK(std::isnan(floats(Opcode::Max, kNan, 1)));
  CHECK(std::isnan(floats(Opcode::Min, 1, kNan)));
  CHECK(floats(Opcode::Round, 2.5) == 2);
  CHECK(floats(Opcode::Round, -3.5) == -4);
  CHECK(floats(Opcode::Sign, -0.0) == 0);
  CHECK(floats(Opcode::Sign, -kInfinity) == -1);
  CHECK(std::isnan(floats(Opcode::Sign, kNan)));
  CHECK(floats(Opcode::Rem, -7, 4) == -3);
  CHECK(floats(Opcode::Mod, -7, 4) == 1);
  CHECK(floats(Opcode::FloorDiv, -7, 4) == -2);
  CHECK(floats(Opcode::Add, 16777216, 1) == 16777216);  // f32 rounds
  CHECK(floats(Opcode::Add, 16777216, 1, DType::F64) == 16777217);
  CHECK(floats(Opcode::Add, 2048, 1, DType::F16) == 2048);
  CHECK(floats(Opcode::Add, 2048, 3, DType::F16) == 2052);  // a tie, to even
  CHECK(floats(Opcode::Mul, 60000, 2, DType::F16) == kInfinity);
}

TEST_CASE("comparisons with NaN are false, ne is true") {
  for (const Opcode op : {Opcode::Eq, Opcode::Lt, Opcode::Le, Opcode::Gt, Opcode::Ge}) {
    CHECK(!compares(op, kNan, kNan));
    CHECK(!compares(op, 1, kNan));
  }
  CHECK(compares(Opcode::Ne, kNan, kNan));
}

TEST_CASE("casts of floats to integers truncate and saturate") {
  CHECK(toInt(-1.9, DType::I32) == -1);
  CHECK(toInt(300, DType::I8) == 127);
  CHECK(toInt(-300, DType::I8) == -128);
  CHECK(toInt(-0.5, DType::U8) == 0);
  CHECK(toInt(-3, DType::U32) == 0);
  CHECK(toInt(1e30, DType::I64) == std::numeric_limits<int64_t>::max());
  CHECK(toInt(-1e30, DType::I64) == std::numeric_limits<int64_t>::min());
  CHECK(toInt(1e30, DType::U64) == -1);
  CHECK(toInt(std::ldexp(1.0, 63), DType::U64) == std::numeric_limits<int64_t>::min());
  CHECK(toInt(kNan, DType::I32) == 0);
  CHECK(toInt(kNan, DType::Bool) == 1);
  CHECK(toInt(0.25, DType::Bool) == 1);
  CHECK(toInt(kInfinity, DType::I16) == 32767);
}

TEST_CASE("casts of integers wrap, and round when they become floats") {
  CHECK(castScalar(intScalar(300), DType::I32, DType::U8).i == 44);
  CHECK(castScalar(intScalar(-1), DType::I32, DType::U64).i == -1);
  CHECK(castScalar(intScalar(256), DType::I32, DType::Bool).i == 1);
  CHECK(castScalar(intScalar(-1), DType::U64, DType::F64).f == std::ldexp(1.0, 64));
  // One above a tie of f32: in two steps, through f64, it would be rounded down.
  const int64_t aboveTie = (INT64_C(1) << 60) + (INT64_C(1) << 36) + 1;
  CHECK(castScalar(intScalar(aboveTie), DType::I64, DType::F32).f ==
        std::ldexp(1.0, 60) + std::ldexp(1.0, 37));
}

TEST_CASE("every f16 and bf16 is read and written exactly") {
  for (const DType dtype : {DType::F16, DType::BF16}) {
    for (uint32_t pattern = 0; pattern < 0x10000; ++pattern) {
      const auto bits = static_cast<uint16_t>(pattern);
      const Scalar value = readScalar(dtype, reinterpret_cast<const std::byte*>(&bits));
      uint16_t back = 0;
      writeScalar(dtype, value, reinterpret_cast<std::byte*>(&back));
      const bool same = back == bits || std::isnan(value.f);
      if (!same || (!std::isnan(value.f) && roundFloat(dtype, value.f) != value.f)) {
        FAIL("pattern ", pattern);
      }
    }
  }
}

TEST_CASE("bf16 rounds as f32 bits do; f16 ties go to even, also below the normal numbers") {
  for (uint32_t i = 0; i < 100000; ++i) {
    const uint32_t bits = i * 2654435761u;
    const auto value = std::bit_cast<float>(bits);
    if (!std::isfinite(value)) continue;
    const uint32_t rounded = (bits + 0x7fff + (bits >> 16 & 1)) & 0xffff0000u;
    if (roundFloat(DType::BF16, value) != std::bit_cast<float>(rounded)) FAIL("bits ", bits);
  }
  for (uint16_t low = 0; low < 0x7bff; ++low) {
    const auto value = [](uint16_t bits) {
      return readScalar(DType::F16, reinterpret_cast<const std::byte*>(&bits)).f;
    };
    const double a = value(low);
    const double b = value(static_cast<uint16_t>(low + 1));
    if (roundFloat(DType::F16, (a + b) / 2) != (low % 2 == 0 ? a : b)) FAIL("pattern ", low);
    if (roundFloat(DType::F16, a + (b - a) * 0.51) != b) FAIL("pattern ", low);
  }
  CHECK(roundFloat(DType::F16, 65519.9) == 65504);
  CHECK(roundFloat(DType::F16, 65520) == kInfinity);
}

TEST_CASE("identities of the reduction functions") {
  CHECK(identityOf(Opcode::Max, DType::F16).f == -kInfinity);
  CHECK(identityOf(Opcode::Min, DType::U8).i == 255);
  CHECK(identityOf(Opcode::Max, DType::I64).i == std::numeric_limits<int64_t>::min());
  CHECK(identityOf(Opcode::Min, DType::I64).i == std::numeric_limits<int64_t>::max());
  CHECK(identityOf(Opcode::Max, DType::U32).i == 0);
  CHECK(identityOf(Opcode::Mul, DType::F32).f == 1);
  CHECK(identityOf(Opcode::And, DType::Bool).i == 1);
  CHECK(identityOf(Opcode::And, DType::I8).i == -1);
}
