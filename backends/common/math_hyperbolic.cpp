// Hyperbolic functions, their inverses and erf. Coefficients: fit_math.py.
#include "backends/common/math_term.h"

namespace quartet::common {

namespace {

constexpr double kLn2 = 0x1.62e42fefa39efp-1;
// Beyond, x * x + 1 and x * x - 1 are x * x, which may overflow.
constexpr double kLarge = 1e9;

// x * P(x^2) / Q(x^2), at most 1: odd functions that saturate, to exactly 1 from `bound` on.
Term saturating(Term x, double bound, std::initializer_list<double> numerator,
                std::initializer_list<double> denominator) {
  const Term inside = min(max(x, -bound), bound);
  const Term z = inside * inside;
  const Term value = inside * polynomial(z, numerator) / polynomial(z, denominator);
  const Term most = withSign(x.number(1), signOf(x));
  return select(abs(x) >= bound, most, min(max(value, -1), 1));
}

}  // namespace

Term hyperbolicTangent(Term x) {
  return saturating(x, 9.02,
                    {1.0, 0.1308314949, 0.003102991264, 1.114412316e-5, -2.01832826e-8,
                     5.257381336e-11, -8.434882838e-14},
                    {1.0, 0.4641647637, 0.02449134365, 0.0002544735034});
}

Term errorFunction(Term x) {
  return saturating(
      x, 3.93,
      {1.128379107, 0.1907632202, 0.05278720707, 0.003778630169, 0.0002847709402, 2.041924063e-6},
      {1.0, 0.5023922324, 0.1142486855, 0.01499548648, 0.001164946239, 3.800162085e-5});
}

Term hyperbolicSine(Term x) {
  const Term a = abs(x);
  const Term half = exponential(a, -1);  // e^a / 2: finite where sinh is
  const Term z = x * x;
  const Term tail = polynomial(z, {0.1666671634, 0.008330283687, 0.0002037219092}) * z;
  const Term value = select(a < 1, fma(tail, a, a), half - 0.25 / half);
  return withSign(value, signOf(x));
}

Term hyperbolicCosine(Term x) {
  const Term half = exponential(abs(x), -1);
  return half + 0.25 / half;
}

Term areaSine(Term x) {
  const Term a = abs(x);
  const Term z = x * x;
  const Term tail =
      polynomial(z, {-0.1666664332, 0.07498652488, -0.0443845205, 0.02816913463, -0.0132375434}) *
      z;
  const Term large = a > kLarge;
  const Term log = logarithm(select(large, a, a + sqrt(fma(a, a, a.number(1)))));
  const Term value = select(a < 0.5, fma(tail, a, a), select(large, log + kLn2, log));
  return withSign(value, signOf(x));
}

Term areaCosine(Term x) {
  const Term t = x - 1;
  const Term tail = polynomial(t, {-0.08333321661, 0.01874662936, -0.005548060406, 0.001760560437,
                                   -0.0004136648495}) *
                    t;
  const Term root = sqrt(t * 2);
  const Term large = x > kLarge;
  const Term log = logarithm(select(large, x, x + sqrt(fma(x, x, x.number(-1)))));
  return select(t < 0.5, fma(tail, root, root), select(large, log + kLn2, log));
}

Term areaTangent(Term x) {
  const Term a = abs(x);
  const Term z = x * x;
  const Term tail = polynomial(z, {0.3333330154, 0.2000251859, 0.1422276646, 0.1182369292,
                                   0.05135954916, 0.176689446}) *
                    z;
  const Term log = logarithm((1 + a) / (1 - a)) * 0.5;
  const Term value = select(a < 0.5, fma(tail, a, a), log);
  return withSign(value, signOf(x));
}

}  // namespace quartet::common
