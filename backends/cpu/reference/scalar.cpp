#include "backends/cpu/reference/scalar.h"

#include <bit>
#include <cmath>
#include <type_traits>
#include <utility>

namespace quartet::reference {
namespace {

using ir::DType;
using ir::Opcode;

template <class W, class F>
ScalarOutcome one(const W* a, W* out, int64_t count, F f) {
  for (int64_t i = 0; i < count; ++i) out[i] = f(a[i]);
  return ScalarOutcome::Ok;
}

template <class W, class R, class F>
ScalarOutcome two(const W* a, const W* b, R* out, int64_t count, F f) {
  for (int64_t i = 0; i < count; ++i) out[i] = f(a[i], b[i]);
  return ScalarOutcome::Ok;
}

// Of a and b the one that `preferred` names; NaN when either is NaN.
double pick(double a, double b, bool preferFirst) {
  if (std::isnan(a)) return a;
  if (std::isnan(b)) return b;
  return preferFirst ? a : b;
}

double signOf(double x) {
  if (std::isnan(x)) return x;
  return x > 0 ? 1 : x < 0 ? -1 : 0;
}

ScalarOutcome floatFunction(Opcode op, const double* a, double* out, int64_t count) {
  const auto map = [&](auto f) { return one(a, out, count, f); };
  switch (op) {
    case Opcode::Neg:
      return map([](double x) { return -x; });
    case Opcode::Abs:
      return map([](double x) { return std::fabs(x); });
    case Opcode::Sign:
      return map(signOf);
    case Opcode::Sqrt:
      return map([](double x) { return std::sqrt(x); });
    case Opcode::Exp:
      return map([](double x) { return std::exp(x); });
    case Opcode::Log:
      return map([](double x) { return std::log(x); });
    case Opcode::Sin:
      return map([](double x) { return std::sin(x); });
    case Opcode::Cos:
      return map([](double x) { return std::cos(x); });
    case Opcode::Tan:
      return map([](double x) { return std::tan(x); });
    case Opcode::Asin:
      return map([](double x) { return std::asin(x); });
    case Opcode::Acos:
      return map([](double x) { return std::acos(x); });
    case Opcode::Atan:
      return map([](double x) { return std::atan(x); });
    case Opcode::Sinh:
      return map([](double x) { return std::sinh(x); });
    case Opcode::Cosh:
      return map([](double x) { return std::cosh(x); });
    case Opcode::Tanh:
      return map([](double x) { return std::tanh(x); });
    case Opcode::Asinh:
      return map([](double x) { return std::asinh(x); });
    case Opcode::Acosh:
      return map([](double x) { return std::acosh(x); });
    case Opcode::Atanh:
      return map([](double x) { return std::atanh(x); });
    case Opcode::Erf:
      return map([](double x) { return std::erf(x); });
    case Opcode::Floor:
      return map([](double x) { return std::floor(x); });
    case Opcode::Ceil:
      return map([](double x) { return std::ceil(x); });
    case Opcode::Round:
      return map([](double x) { return std::nearbyint(x); });
    default:
      return ScalarOutcome::Undefined;
  }
}

template <class W>
W integerPower(W base, W exponent) {
  if constexpr (std::is_signed_v<W>) {
    if (exponent < 0) {
      if (base == 1) return 1;
      if (base == -1) return exponent % 2 == 0 ? 1 : -1;
      return 0;
    }
  }
  uint64_t result = 1;
  auto square = static_cast<uint64_t>(base);
  for (auto left = static_cast<uint64_t>(exponent); left != 0; left /= 2) {
    if (left % 2 == 1) result *= square;
    square *= square;
  }
  return static_cast<W>(result);
}

// Division and remainders; the divisor is not zero.
template <class W>
W divide(Opcode op, W a, W b) {
  if constexpr (std::is_signed_v<W>) {
    if (b == -1) {  // the quotient of the smallest value would overflow
      const bool quotient = op == Opcode::Div || op == Opcode::FloorDiv;
      return quotient ? static_cast<W>(-static_cast<uint64_t>(a)) : 0;
    }
    const W remainder = a % b;
    const bool signsDiffer = remainder != 0 && (remainder < 0) != (b < 0);
    if (op == Opcode::FloorDiv) return a / b - (signsDiffer ? 1 : 0);
    if (op == Opcode::Mod) return remainder + (signsDiffer ? b : 0);
  }
  return op == Opcode::Div || op == Opcode::FloorDiv ? a / b : a % b;
}

template <class W>
W shift(Opcode op, W a, W by, uint64_t width) {
  const auto distance = static_cast<uint64_t>(by);
  if (distance >= width) return 0;  // a negative distance is a huge one
  if (op == Opcode::Shr) return a >> distance;
  return static_cast<W>(static_cast<uint64_t>(a) << distance);
}

template <class W>
ScalarOutcome divideAll(Opcode op, const W* a, const W* b, W* out, int64_t count) {
  for (int64_t i = 0; i < count; ++i) {
    if (b[i] == 0) return ScalarOutcome::DivisionByZero;
    out[i] = divide(op, a[i], b[i]);
  }
  return ScalarOutcome::Ok;
}

// c + the products of the bytes of a, unsigned, and of b, signed.
uint64_t dot4(uint64_t a, uint64_t b, uint64_t c) {
  for (int byte = 0; byte < 4; ++byte, a >>= 8, b >>= 8) {
    const int64_t product = int64_t{static_cast<uint8_t>(a)} * static_cast<int8_t>(b);
    c += static_cast<uint64_t>(product);
  }
  return c;
}

// i8 .. u64. Sums and products wrap modulo 2^64 here, and modulo 2^bits when narrowed.
template <class W>
ScalarOutcome applyInteger(Opcode op, DType dtype, const W* a, const W* b, const W* c, W* out,
                           int64_t count) {
  const auto u = [](W x) { return static_cast<uint64_t>(x); };
  const auto width = static_cast<uint64_t>(8 * ir::byteSize(dtype));
  switch (op) {
    case Opcode::Add:
      return two(a, b, out, count, [&](W x, W y) { return static_cast<W>(u(x) + u(y)); });
    case Opcode::Sub:
      return two(a, b, out, count, [&](W x, W y) { return static_cast<W>(u(x) - u(y)); });
    case Opcode::Mul:
      return two(a, b, out, count, [&](W x, W y) { return static_cast<W>(u(x) * u(y)); });
    case Opcode::Div:
    case Opcode::FloorDiv:
    case Opcode::Rem:
    case Opcode::Mod:
      return divideAll(op, a, b, out, count);
    case Opcode::Pow:
      return two(a, b, out, count, integerPower<W>);
    case Opcode::Min:
      return two(a, b, out, count, [](W x, W y) { return x < y ? x : y; });
    case Opcode::Max:
      return two(a, b, out, count, [](W x, W y) { return x > y ? x : y; });
    case Opcode::Neg:
      return one(a, out, count, [&](W x) { return static_cast<W>(-u(x)); });
    case Opcode::Abs:
      return one(a, out, count, [&](W x) { return x < 0 ? static_cast<W>(-u(x)) : x; });
    case Opcode::Sign:
      return one(a, out, count, [](W x) { return static_cast<W>((x > 0) - (x < 0)); });
    case Opcode::Fma:
      for (int64_t i = 0; i < count; ++i) out[i] = static_cast<W>(u(a[i]) * u(b[i]) + u(c[i]));
      return ScalarOutcome::Ok;
    case Opcode::Dot4:
      for (int64_t i = 0; i < count; ++i) out[i] = static_cast<W>(dot4(u(a[i]), u(b[i]), u(c[i])));
      return ScalarOutcome::Ok;
    case Opcode::And:
      return two(a, b, out, count, [](W x, W y) { return x & y; });
    case Opcode::Or:
      return two(a, b, out, count, [](W x, W y) { return x | y; });
    case Opcode::Xor:
      return two(a, b, out, count, [](W x, W y) { return x ^ y; });
    case Opcode::Not:
      return one(a, out, count, [](W x) { return static_cast<W>(~x); });
    case Opcode::Shl:
    case Opcode::Shr:
      return two(a, b, out, count, [&](W x, W y) { return shift(op, x, y, width); });
    default:
      return ScalarOutcome::Undefined;
  }
}

ScalarOutcome applyBool(Opcode op, const uint64_t* a, const uint64_t* b, uint64_t* out,
                        int64_t count) {
  switch (op) {
    case Opcode::And:
    case Opcode::Min:
      return two(a, b, out, count, [](uint64_t x, uint64_t y) { return x & y; });
    case Opcode::Or:
    case Opcode::Max:
      return two(a, b, out, count, [](uint64_t x, uint64_t y) { return x | y; });
    case Opcode::Xor:
      return two(a, b, out, count, [](uint64_t x, uint64_t y) { return x ^ y; });
    case Opcode::Not:
      return one(a, out, count, [](uint64_t x) { return 1 - x; });
    default:
      return ScalarOutcome::Undefined;
  }
}

}  // namespace

namespace {

// The bf16 in the lower half of an i32, and the one in the upper half.
std::pair<double, double> halves(double packed) {
  const auto bits = static_cast<uint32_t>(static_cast<int64_t>(packed));
  return {std::bit_cast<float>(bits << 16), std::bit_cast<float>(bits & 0xffff0000U)};
}

}  // namespace

ScalarOutcome applyScalar(Opcode op, DType /*dtype*/, const double* a, const double* b,
                          const double* c, double* out, int64_t count) {
  const auto map = [&](auto f) { return two(a, b, out, count, f); };
  switch (op) {
    case Opcode::Add:
      return map([](double x, double y) { return x + y; });
    case Opcode::Sub:
      return map([](double x, double y) { return x - y; });
    case Opcode::Mul:
      return map([](double x, double y) { return x * y; });
    case Opcode::Div:
      return map([](double x, double y) { return x / y; });
    case Opcode::FloorDiv:
      return map([](double x, double y) { return std::floor(x / y); });
    case Opcode::Rem:
      return map([](double x, double y) { return std::fmod(x, y); });
    case Opcode::Mod:
      return map([](double x, double y) { return x - y * std::floor(x / y); });
    case Opcode::Pow:
      return map([](double x, double y) { return std::pow(x, y); });
    case Opcode::Min:
      return map([](double x, double y) { return pick(x, y, x < y); });
    case Opcode::Max:
      return map([](double x, double y) { return pick(x, y, x > y); });
    case Opcode::Fma:
      for (int64_t i = 0; i < count; ++i) out[i] = std::fma(a[i], b[i], c[i]);
      return ScalarOutcome::Ok;
    case Opcode::Dot2:
      for (int64_t i = 0; i < count; ++i) {
        const auto [lowA, highA] = halves(a[i]);
        const auto [lowB, highB] = halves(b[i]);
        out[i] = lowA * lowB + highA * highB + c[i];
      }
      return ScalarOutcome::Ok;
    default:
      return floatFunction(op, a, out, count);
  }
}

ScalarOutcome applyScalar(Opcode op, DType dtype, const int64_t* a, const int64_t* b,
                          const int64_t* c, int64_t* out, int64_t count) {
  return applyInteger(op, dtype, a, b, c, out, count);
}

ScalarOutcome applyScalar(Opcode op, DType dtype, const uint64_t* a, const uint64_t* b,
                          const uint64_t* c, uint64_t* out, int64_t count) {
  if (dtype == DType::Bool) return applyBool(op, a, b, out, count);
  return applyInteger(op, dtype, a, b, c, out, count);
}

template <class W>
ScalarOutcome applyPredicate(Opcode op, const W* a, const W* b, uint64_t* out, int64_t count) {
  const auto compare = [&](auto f) { return two(a, b, out, count, f); };
  switch (op) {
    case Opcode::Eq:
      return compare([](W x, W y) { return x == y; });
    case Opcode::Ne:
      return compare([](W x, W y) { return x != y; });
    case Opcode::Lt:
      return compare([](W x, W y) { return x < y; });
    case Opcode::Le:
      return compare([](W x, W y) { return x <= y; });
    case Opcode::Gt:
      return compare([](W x, W y) { return x > y; });
    case Opcode::Ge:
      return compare([](W x, W y) { return x >= y; });
    case Opcode::IsNan:
    case Opcode::IsInf:
      if constexpr (std::is_same_v<W, double>) {
        const bool nan = op == Opcode::IsNan;
        for (int64_t i = 0; i < count; ++i) out[i] = nan ? std::isnan(a[i]) : std::isinf(a[i]);
        return ScalarOutcome::Ok;
      }
      return ScalarOutcome::Undefined;
    default:
      return ScalarOutcome::Undefined;
  }
}

template ScalarOutcome applyPredicate(Opcode, const double*, const double*, uint64_t*, int64_t);
template ScalarOutcome applyPredicate(Opcode, const int64_t*, const int64_t*, uint64_t*, int64_t);
template ScalarOutcome applyPredicate(Opcode, const uint64_t*, const uint64_t*, uint64_t*, int64_t);

}  // namespace quartet::reference
