// pow: the exponent of two is y * log2(x), which needs more than an f32's precision. Numbers are
// split in halves of 12 bits, whose products are exact; nothing here relies on how sums round.
#include "backends/common/math_term.h"

namespace quartet::common {

namespace {

// The upper 12 bits of the mantissa; a - high(a) is exact.
Term high(Term a) { return fromBits(bits(a) & ~int64_t{0xfff}); }

struct Split {
  Term high;  // 12 bits
  Term low;
};

// log2 of a mantissa in [sqrt(1/2), sqrt(2)), to about 2^-32 of its value:
// 2/ln2 * (s + s^3 P(s^2)) with s = (m - 1) / (m + 1).
Split log2Mantissa(Term m) {
  constexpr double kFactor = 0x1.715476p+1;  // 2 / ln 2, and in two parts
  constexpr double kFactorHigh = 0x1.714p+1;
  constexpr double kFactorLow = 0x1.47652cp-11;
  const Term f = m - 1;
  const Term divisor = m + 1;
  const Term s = f / divisor;
  const Term sHigh = high(s);
  const Term divisorHigh = high(divisor);
  const Term divisorLow = m - (divisorHigh - 1);
  const Term rest = (f - sHigh * divisorHigh) - sHigh * divisorLow;
  const Term sLow = rest / divisor;
  const Term square = s * s;
  const Term tail =
      polynomial(square, {0.3333333135, 0.2000016719, 0.1426866502, 0.1179091558}) * (s * square);
  const Term low = sLow + tail;
  const Term sumHigh = high(sHigh + low);
  const Term sumLow = low - (sumHigh - sHigh);
  const Term product = sumHigh * kFactorHigh;
  const Term correction = fma(sumHigh, kFactorLow, sumLow * kFactor);
  const Term logHigh = high(product + correction);
  return {logHigh, correction - (logHigh - product)};
}

// |x|^y for finite x and y; what overflows becomes infinity, what underflows zero.
Term powerOfMagnitude(Term magnitude, Term y) {
  const Decomposed parts = decompose(magnitude);
  const Split log2 = log2Mantissa(parts.mantissa);
  const Term whole = parts.exponent + log2.high;
  const Term estimate = y * whole;
  const Term n = round(min(max(estimate, -180), 180));
  const Term yHigh = high(y);
  const Term yLow = y - yHigh;
  const Term lead = fma(yHigh, log2.high, fma(yHigh, parts.exponent, -n));
  const Term f = lead + fma(yLow, whole, y * log2.low);
  const Term value = fma(f,
                         polynomial(f, {0.6931471825, 0.2402265072, 0.05550410226, 0.009618038312,
                                        0.001333393506, 0.000154667825, 1.51961267e-5}),
                         f.number(1));
  const Term result = scale(value, toInt(n));
  return select(estimate > 140, kInfinity, select(estimate < -160, 0, result));
}

}  // namespace

Term power(Term x, Term y) {
  const Term magnitude = abs(x);
  const Term zero = equal(magnitude, 0);
  const Term infinite = equal(magnitude, kInfinity);
  const Term halfY = y * 0.5;
  const Term whole = equal(floor(y), y);
  const Term odd = whole & !equal(floor(halfY), halfY);

  Term result = powerOfMagnitude(magnitude, y);
  const Term extreme = select((zero & (y > 0)) | (infinite & (y < 0)), 0, x.number(kInfinity));
  result = select(zero | infinite, extreme, result);
  result = select(equal(magnitude, 1), 1, result);
  result = fromBits(bits(result) | select(odd, signOf(x), 0));
  const Term noRoot = (x < 0) & !whole & !infinite;
  result = select(noRoot | isNan(x) | isNan(y), kNan, result);
  return select(equal(y, 0) | equal(x, 1), 1, result);
}

}  // namespace quartet::common
