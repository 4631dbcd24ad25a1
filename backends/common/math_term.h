// Inside of math*.cpp: formulas in kernel IR that read like formulas. A term is an f32 or i32 value
// of the expansion's lanes; numbers beside terms are literals.
#pragma once

#include <bit>
#include <initializer_list>
#include <limits>

#include "ir/kernel.h"

namespace quartet::common {

struct Term {
  ir::KernelBuilder* builder = nullptr;
  ir::ValueId id;

  Term of(ir::ValueId value) const { return {builder, value}; }
  const ir::Type& type() const { return builder->module().type(id); }
  /// A literal of this term's dtype and lanes.
  Term number(double value) const {
    if (type().dtype == ir::DType::F32) {
      return of(builder->literal(value, ir::DType::F32, type().lanes));
    }
    return of(builder->literal(static_cast<int64_t>(value), type().dtype, type().lanes));
  }
  template <class... Terms>
  Term apply(ir::Opcode op, Terms... others) const {
    return of(builder->apply(op, {id, others.id...}));
  }
};

inline Term operator+(Term a, Term b) { return a.apply(ir::Opcode::Add, b); }
inline Term operator-(Term a, Term b) { return a.apply(ir::Opcode::Sub, b); }
inline Term operator*(Term a, Term b) { return a.apply(ir::Opcode::Mul, b); }
inline Term operator/(Term a, Term b) { return a.apply(ir::Opcode::Div, b); }
inline Term operator+(Term a, double b) { return a + a.number(b); }
inline Term operator-(Term a, double b) { return a - a.number(b); }
inline Term operator*(Term a, double b) { return a * a.number(b); }
inline Term operator/(Term a, double b) { return a / a.number(b); }
inline Term operator+(double a, Term b) { return b.number(a) + b; }
inline Term operator-(double a, Term b) { return b.number(a) - b; }
inline Term operator*(double a, Term b) { return b.number(a) * b; }
inline Term operator/(double a, Term b) { return b.number(a) / b; }
inline Term operator-(Term a) { return a.apply(ir::Opcode::Neg); }

inline Term operator<(Term a, double b) { return a.apply(ir::Opcode::Lt, a.number(b)); }
inline Term operator<=(Term a, double b) { return a.apply(ir::Opcode::Le, a.number(b)); }
inline Term operator>(Term a, double b) { return a.apply(ir::Opcode::Gt, a.number(b)); }
inline Term operator>=(Term a, double b) { return a.apply(ir::Opcode::Ge, a.number(b)); }
inline Term equal(Term a, Term b) { return a.apply(ir::Opcode::Eq, b); }
inline Term equal(Term a, double b) { return equal(a, a.number(b)); }
inline Term isNan(Term a) { return a.apply(ir::Opcode::IsNan); }

// On bool terms and on i32 terms.
inline Term operator&(Term a, Term b) { return a.apply(ir::Opcode::And, b); }
inline Term operator|(Term a, Term b) { return a.apply(ir::Opcode::Or, b); }
inline Term operator^(Term a, Term b) { return a.apply(ir::Opcode::Xor, b); }
inline Term operator&(Term a, int64_t b) { return a & a.number(static_cast<double>(b)); }
inline Term operator!(Term a) { return a.apply(ir::Opcode::Not); }
inline Term operator<<(Term a, int b) { return a.apply(ir::Opcode::Shl, a.number(b)); }
inline Term operator>>(Term a, int b) { return a.apply(ir::Opcode::Shr, a.number(b)); }

inline Term fma(Term a, Term b, Term c) { return a.apply(ir::Opcode::Fma, b, c); }
inline Term fma(Term a, double b, Term c) { return fma(a, a.number(b), c); }
inline Term select(Term condition, Term a, Term b) {
  return condition.apply(ir::Opcode::Select, a, b);
}
inline Term select(Term condition, double a, Term b) { return select(condition, b.number(a), b); }
inline Term select(Term condition, Term a, double b) { return select(condition, a, a.number(b)); }
inline Term abs(Term a) { return a.apply(ir::Opcode::Abs); }
inline Term sqrt(Term a) { return a.apply(ir::Opcode::Sqrt); }
inline Term round(Term a) { return a.apply(ir::Opcode::Round); }
inline Term floor(Term a) { return a.apply(ir::Opcode::Floor); }
inline Term min(Term a, double b) { return a.apply(ir::Opcode::Min, a.number(b)); }
inline Term max(Term a, double b) { return a.apply(ir::Opcode::Max, a.number(b)); }

inline Term toInt(Term a) { return a.of(a.builder->cast(a.id, ir::DType::I32)); }
inline Term toFloat(Term a) { return a.of(a.builder->cast(a.id, ir::DType::F32)); }
inline Term bits(Term a) { return a.of(a.builder->bitcast(a.id, ir::DType::I32)); }
inline Term fromBits(Term a) { return a.of(a.builder->bitcast(a.id, ir::DType::F32)); }

inline constexpr int32_t kSignBit = std::numeric_limits<int32_t>::min();
inline Term signOf(Term a) { return bits(a) & int64_t{kSignBit}; }
/// Magnitude `a` (not negative) with sign bits `sign`.
inline Term withSign(Term a, Term sign) { return fromBits(bits(a) | sign); }

/// Coefficients lowest power first, by Horner's rule.
inline Term polynomial(Term x, std::initializer_list<double> coefficients) {
  const double* last = coefficients.end() - 1;
  Term sum = x.number(*last);
  while (last != coefficients.begin()) sum = fma(sum, x, x.number(*--last));
  return sum;
}

/// A float split as 2^exponent * mantissa, mantissa in [sqrt(1/2), sqrt(2)); subnormals included.
/// Of zero, infinity and NaN: something finite.
struct Decomposed {
  Term exponent;  // as float
  Term mantissa;
};
Decomposed decompose(Term x);

/// y * 2^n for an i32 n in [-252, 254]; rounds once where the result is subnormal.
Term scale(Term y, Term n);

/// e^x * 2^shift, for the part of f32 where that is not zero or infinity and beyond.
Term exponential(Term x, int shift = 0);
Term logarithm(Term x);
Term power(Term x, Term y);

Term sine(Term x);
Term cosine(Term x);
Term tangent(Term x);
Term arcSine(Term x);
Term arcCosine(Term x);
Term arcTangent(Term x);

Term hyperbolicSine(Term x);
Term hyperbolicCosine(Term x);
Term hyperbolicTangent(Term x);
Term areaSine(Term x);
Term areaCosine(Term x);
Term areaTangent(Term x);
Term errorFunction(Term x);

inline constexpr double kInfinity = std::numeric_limits<double>::infinity();
inline constexpr double kNan = std::numeric_limits<double>::quiet_NaN();

}  // namespace quartet::common
