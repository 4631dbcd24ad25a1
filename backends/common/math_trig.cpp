// Circular functions and their inverses. Coefficients: fit_math.py.
#include "backends/common/math_term.h"

namespace quartet::common {

namespace {

constexpr double kHalfPi = 0x1.921fb54442d18p+0;
constexpr double kPi = 0x1.921fb54442d18p+1;

// x = quadrant * pi/2 + rest, |rest| <= pi/4. Parts of pi/2 with 11 bits each, so that their
// products with a quadrant are exact up to the largest argument.
struct Reduced {
  Term quadrant;  // i32; its two last bits count
  Term rest;
};

Reduced reduce(Term x) {
  const Term n = round(x * 0.63661977236758134308);
  Term rest = x;
  for (double part : {0x1.92p+0, 0x1.fb4p-12, 0x1.444p-24, 0x1.68cp-39, 0x1.1a6264p-54}) {
    rest = fma(n, -part, rest);
  }
  return {toInt(n), rest};
}

Term sinePart(Term r) {
  const Term z = r * r;
  const Term tail = polynomial(z, {-0.1666665524, 0.008332160302, -0.0001951522136});
  return fma(tail * z, r, r);
}

Term cosinePart(Term r) {
  const Term z = r * r;
  const Term tail = polynomial(z, {0.04166664556, -0.001388731529, 2.44330804e-5});
  return fma(z * z, tail, fma(z, -0.5, z.number(1)));
}

// sin(x + quarter * pi/2) for x >= 0, with the sign bits `sign` flipped in.
Term wave(Term x, int quarter, Term sign) {
  const Reduced reduced = reduce(x);
  const Term quadrant = reduced.quadrant + quarter;
  const Term odd = equal(quadrant & 1, 1);
  const Term value = select(odd, cosinePart(reduced.rest), sinePart(reduced.rest));
  return fromBits(bits(value) ^ ((quadrant & 2) << 30) ^ sign);
}

// asin on [0, 1/2].
Term arcSinePart(Term x, Term square) {
  const Term tail =
      polynomial(square, {0.166667521, 0.07495298237, 0.04547033459, 0.0241797138, 0.04216598719});
  return fma(tail * square, x, x);
}

}  // namespace

Term sine(Term x) { return wave(abs(x), 0, signOf(x)); }
Term cosine(Term x) { return wave(abs(x), 1, bits(x).number(0)); }

Term tangent(Term x) {
  const Reduced reduced = reduce(abs(x));
  const Term sine = sinePart(reduced.rest);
  const Term cosine = cosinePart(reduced.rest);
  const Term odd = equal(reduced.quadrant & 1, 1);
  const Term value = select(odd, -cosine, sine) / select(odd, sine, cosine);
  return fromBits(bits(value) ^ signOf(x));
}

Term arcSine(Term x) {
  const Term magnitude = abs(x);
  // asin(a) = pi/2 - 2 asin(sqrt((1 - a) / 2)) above one half.
  const Term large = magnitude > 0.5;
  const Term square = select(large, (1 - magnitude) * 0.5, magnitude * magnitude);
  const Term part = arcSinePart(select(large, sqrt(square), magnitude), square);
  const Term value = select(large, kHalfPi - part * 2, part);
  return withSign(value, signOf(x));
}

Term arcCosine(Term x) {
  const Term magnitude = abs(x);
  const Term large = magnitude > 0.5;
  const Term square = select(large, (1 - magnitude) * 0.5, magnitude * magnitude);
  const Term part = arcSinePart(select(large, sqrt(square), magnitude), square);
  const Term negative = x < 0;
  const Term nearOne = select(negative, kPi - part * 2, part * 2);
  const Term middle = select(negative, kHalfPi + part, kHalfPi - part);
  return select(large, nearOne, middle);
}

Term arcTangent(Term x) {
  constexpr double kTanEighth = 0.41421356237309504880;        // tan(pi/8)
  constexpr double kTanThreeEighths = 2.41421356237309504880;  // tan(3 pi/8)
  const Term a = abs(x);
  const Term large = a > kTanThreeEighths;
  const Term middle = a > kTanEighth;
  // atan(a) = pi/2 + atan(-1/a) = pi/4 + atan((a - 1) / (a + 1))
  const Term numerator = select(large, -1, select(middle, a - 1, a));
  const Term denominator = select(large, a, select(middle, a + 1, a.number(1)));
  const Term offset = select(large, kHalfPi, select(middle, a.number(kHalfPi / 2), 0));
  const Term r = numerator / denominator;
  const Term z = r * r;
  const Term tail = polynomial(z, {-0.3333294988, 0.1997771412, -0.1387771517, 0.08053828776}) * z;
  return withSign(offset + fma(tail, r, r), signOf(x));
}

}  // namespace quartet::common
