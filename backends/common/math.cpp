// exp, log and the choice of the expansion. Coefficients: fit_math.py.
#include "backends/common/math.h"

#include "backends/common/math_term.h"

namespace quartet::common {

using ir::Opcode;

namespace {

// ln 2 in two parts: an exponent times the high one (16 bits) is exact, with or without
// contraction.
constexpr double kLn2High = 0x1.62e4p-1;
constexpr double kLn2Low = 0x1.7f7d1cp-20;

}  // namespace

Decomposed decompose(Term x) {
  constexpr double kSmallestNormal = 0x1p-126;
  constexpr int64_t kSqrtHalf = 0x3f3504f3;  // bits of sqrt(1/2)
  const Term subnormal = x < kSmallestNormal;
  const Term normal = select(subnormal, x * 0x1p24, x);
  const Term pattern = bits(normal) - static_cast<double>(kSqrtHalf);
  // A floating exponent's field, counted from the mantissa sqrt(1/2) instead of 1.
  const Term exponent = toFloat(pattern >> 23);
  const Term mantissa = fromBits((pattern & int64_t{0x7fffff}) + static_cast<double>(kSqrtHalf));
  return {select(subnormal, exponent - 24, exponent), mantissa};
}

Term scale(Term y, Term n) {
  const Term half = n >> 1;
  const Term first = fromBits((half + 127) << 23);
  const Term second = fromBits((n - half + 127) << 23);
  return y * first * second;
}

Term exponential(Term x, int shift) {
  // Below: rounds to zero; above: infinity. Both also after a shift by -1.
  const Term inside = min(max(x, -104.7), 89.5);
  const Term n = round(inside * 1.44269504088896340736);
  const Term r = fma(n, -kLn2Low, fma(n, -kLn2High, inside));
  const Term tail =
      polynomial(r, {0.4999999404, 0.1666652113, 0.04166838899, 0.008368717507, 0.001381459413});
  const Term y = fma(r * r, tail, r) + 1;
  return scale(y, toInt(n) + shift);
}

Term logarithm(Term x) {
  const Decomposed parts = decompose(x);
  const Term f = parts.mantissa - 1;
  const Term square = f * f;
  const Term tail =
      polynomial(f, {0.3333331347, -0.2500000894, 0.2000211924, -0.1666799486, 0.1421954632,
                     -0.1240559816, 0.1188821197, -0.1167561561, 0.067464903});
  Term small = fma(parts.exponent, kLn2Low, tail * f * square);  // the small terms first
  small = fma(square, -0.5, small);
  const Term result = fma(parts.exponent, kLn2High, f + small);
  const Term outside = select(equal(x, 0), -kInfinity, x.number(kNan));
  return select(equal(x, kInfinity), kInfinity, select(x > 0, result, outside));
}

bool isExpandable(Opcode op, ir::DType dtype) {
  return dtype == ir::DType::F32 && (op == Opcode::Pow || (op >= Opcode::Exp && op <= Opcode::Erf));
}

namespace {

Term expand(Opcode op, Term x) {
  switch (op) {
    case Opcode::Exp:
      return exponential(x);
    case Opcode::Log:
      return logarithm(x);
    case Opcode::Sin:
      return sine(x);
    case Opcode::Cos:
      return cosine(x);
    case Opcode::Tan:
      return tangent(x);
    case Opcode::Asin:
      return arcSine(x);
    case Opcode::Acos:
      return arcCosine(x);
    case Opcode::Atan:
      return arcTangent(x);
    case Opcode::Sinh:
      return hyperbolicSine(x);
    case Opcode::Cosh:
      return hyperbolicCosine(x);
    case Opcode::Tanh:
      return hyperbolicTangent(x);
    case Opcode::Asinh:
      return areaSine(x);
    case Opcode::Acosh:
      return areaCosine(x);
    case Opcode::Atanh:
      return areaTangent(x);
    case Opcode::Erf:
      return errorFunction(x);
    default:
      QT_ASSERT(false, "no expansion of " + std::string(ir::name(op)));
      return x;
  }
}

}  // namespace

ir::ValueId expandScalar(ir::KernelBuilder& builder, Opcode op,
                         const std::vector<ir::ValueId>& operands) {
  const Term x{&builder, operands[0]};
  if (op == Opcode::Pow) return power(x, Term{&builder, operands[1]}).id;
  return expand(op, x).id;
}

}  // namespace quartet::common
