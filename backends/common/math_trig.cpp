// Circular functions and their inverses. Coefficients: fit_math.py.
#include <array>

#include "backends/common/math_term.h"

namespace quartet::common {

namespace {

constexpr double kHalfPi = 0x1.921fb54442d18p+0;
constexpr double kPi = 0x1.921fb54442d18p+1;

// x = quadrant * pi/2 + rest, |rest| <= pi/4 (and a little).
struct Reduced {
  Term quadrant;  // i32; its two last bits count
  Term rest;
};

// For 0 <= x <= kDirect. Parts of pi/2 with 11 bits each, so that their products with a quadrant
// are exact.
constexpr double kDirect = 12000;

Reduced reduceDirectly(Term x) {
  const Term n = round(min(x, kDirect) * 0.63661977236758134308);
  Term rest = x;
  for (double part : {0x1.92p+0, 0x1.fb4p-12, 0x1.444p-24, 0x1.68cp-39, 0x1.1a6264p-54}) {
    rest = fma(n, -part, rest);
  }
  return {toInt(n), rest};
}

// The upper half of the 56-bit product of a mantissa (24 bits) and a word: byte by byte, each sum
// below 2^32.
Term upperProduct(Term mantissa, Term word) {
  Term sum = mantissa * (word & 0xff);
  for (int byte = 1; byte < 4; ++byte) sum = (sum >> 8) + mantissa * ((word >> (8 * byte)) & 0xff);
  return sum >> 8;
}

// 2/pi as a binary fraction, after one word of zeros.
constexpr int64_t kTwoOverPi[] = {  // NOLINT(modernize-avoid-c-arrays)
    0, 0xa2f9836e, 0x4e441529, 0xfc2757d1, 0xf534ddc0, 0xdb629599, 0x3c439041, 0xfe5163ab};

// Words `first` to `first` + 3 of kTwoOverPi, `first` in [0, 4] for each lane.
std::array<Term, 4> selectWords(Term first) {
  std::array<Term, 4> words;
  for (size_t k = 0; k < words.size(); ++k) {
    const auto word = [&](size_t i) {
      return first.number(static_cast<double>(kTwoOverPi[i + k]));
    };
    words[k] = word(4);
    for (size_t i = 4; i-- > 0;) {
      words[k] = select(equal(first, static_cast<double>(i)), word(i), words[k]);
    }
  }
  return words;
}

// For large x, after Payne and Hanek: of x * 2/pi only the bits that matter modulo 4 are computed,
// as a product of integers. With x = mantissa * 2^shift, the bits of 2/pi before number shift - 1
// contribute multiples of 4; the 96 bits from there on suffice.
Reduced reduceLarge(Term x) {
  const auto asUnsigned = [](Term t) { return t.of(t.builder->cast(t.id, ir::DType::U32)); };
  const auto asSigned = [](Term t) { return t.of(t.builder->cast(t.id, ir::DType::I32)); };
  const Term pattern = asUnsigned(bits(x));
  const Term mantissa = (pattern & 0x7fffff) | pattern.number(0x800000);
  // The biased exponent is shift + 150; in bits from the start of kTwoOverPi:
  const Term start = (pattern >> 23) - 120;
  const Term offset = start & 31;
  const std::array<Term, 4> words = selectWords(start >> 5);
  std::array<Term, 3> window;
  for (size_t k = 0; k < window.size(); ++k) {
    const Term fill = words[k + 1].apply(ir::Opcode::Shr, 32 - offset);
    window[k] = words[k].apply(ir::Opcode::Shl, offset) | fill;
  }
  const Term low = mantissa * window[1];
  const Term middle = low + upperProduct(mantissa, window[2]);
  const Term carry = middle.apply(ir::Opcode::Lt, low);
  const Term top =
      mantissa * window[0] + upperProduct(mantissa, window[1]) + select(carry, 1, low.number(0));
  // Two bits of quadrant, then the fraction: as signed it lies in [-1/2, 1/2).
  const Term fraction = asSigned((top << 2) | (middle >> 30));
  const Term quadrant = asSigned(top >> 30) + select(fraction < 0, 1, fraction.number(0));
  const Term turn = fma(toFloat(fraction), 0x1p-32, toFloat(middle << 2) * 0x1p-64);
  return {quadrant, select(x <= std::numeric_limits<float>::max(), turn * kHalfPi, kNan)};
}

// For x >= 0. The long way is taken only when a lane needs it.
Reduced reduce(Term x) {
  ir::KernelBuilder& builder = *x.builder;
  const int lanes = x.type().lanes;
  const Reduced direct = reduceDirectly(x);
  const ir::ValueId quadrant = builder.var(ir::DType::I32, lanes);
  const ir::ValueId rest = builder.var(ir::DType::F32, lanes);
  builder.set(quadrant, direct.quadrant.id);
  builder.set(rest, direct.rest.id);
  const Term large = x > kDirect;
  builder.branch(builder.reduceLanes(ir::Opcode::Or, large.id), [&] {
    const Reduced exact = reduceLarge(x);
    builder.set(quadrant, select(large, exact.quadrant, direct.quadrant).id);
    builder.set(rest, select(large, exact.rest, direct.rest).id);
  });
  return {x.of(builder.get(quadrant)), x.of(builder.get(rest))};
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
