// Float functions of the prelude. Implementations may assume that there are no NaN (isnan(x) may be
// folded to false), so all tests for NaN look at the bits.

#include <map>

#include "backends/common/gpu/prelude.h"

namespace quartet::gpu {

namespace {

// Exact, by long division of the significands, 8 bits at once: a - b * trunc(a / b) would round.
constexpr const char* kRemainder = R"(float rem_f32(float a, float b) {
  uint x = floatBitsToUint(a) & 0x7fffffffu;
  uint y = floatBitsToUint(b) & 0x7fffffffu;
  uint sign = floatBitsToUint(a) & 0x80000000u;
  if (y == 0u || y > 0x7f800000u || x >= 0x7f800000u) return uintBitsToFloat(0x7fc00000u);
  if (x < y) return a;
  int ex = int(x >> 23);
  int ey = int(y >> 23);
  x &= 0x7fffffu;
  y &= 0x7fffffu;
  if (ex == 0) { int up = 23 - findMSB(x); x <<= up; ex = 1 - up; } else { x |= 0x800000u; }
  if (ey == 0) { int up = 23 - findMSB(y); y <<= up; ey = 1 - up; } else { y |= 0x800000u; }
  x = x % y;
  while (ex > ey) {
    int bits = min(ex - ey, 8);
    x = (x << bits) % y;
    ex -= bits;
  }
  if (x == 0u) return uintBitsToFloat(sign);
  int up = 23 - findMSB(x);
  x <<= up;
  ey -= up;
  uint bits = ey > 0 ? (x - 0x800000u) | (uint(ey) << 23) : x >> uint(1 - ey);
  return uintBitsToFloat(bits | sign);
}
)";

// Exact: every subtrahend is a multiple of b by a power of two, and at least half of what is left.
constexpr const char* kRemainder64 = R"(double rem_f64(double a, double b) {
  double left = abs(a);
  double divisor = abs(b);
  if (isnan_f64(a) || isnan_f64(b) || isinf_f64(a) || divisor == 0.0lf) {
    return packDouble2x32(uvec2(0u, 0x7ff80000u));
  }
  if (left < divisor) return a;
  double part = divisor;
  while (part <= left * 0.5lf) part *= 2.0lf;
  for (; part >= divisor; part *= 0.5lf) {
    if (left >= part) left -= part;
  }
  uvec2 bits = unpackDouble2x32(left);
  bits.y |= unpackDouble2x32(a).y & 0x80000000u;
  return packDouble2x32(bits);
}
)";

// Nearest even by integer arithmetic; subnormal results through an addition whose last place is
// theirs, 2^-24. Without branches, which some compilers take very long for.
constexpr const char* kRoundF16 = R"(float round_f16(float x) {
  uint sign = floatBitsToUint(x) & 0x80000000u;
  uint bits = floatBitsToUint(x) & 0x7fffffffu;
  precise float up = uintBitsToFloat(bits) + 0.5f;
  precise float tiny = up - 0.5f;
  uint near = (bits + 0xfffu + ((bits >> 13) & 1u)) & ~0x1fffu;
  near = mix(near, 0x7f800000u, near >= 0x47800000u);
  near = mix(near, floatBitsToUint(tiny), bits < 0x38800000u);
  return uintBitsToFloat(mix(near, bits, bits > 0x7f800000u) | sign);
}
)";

constexpr const char* kRoundBf16 = R"(float round_bf16(float x) {
  uint bits = floatBitsToUint(x);
  uint near = bits + 0x7fffu + ((bits >> 16) & 1u);
  bool nan = (bits & 0x7fffffffu) > 0x7f800000u;
  return uintBitsToFloat(mix(near, bits | 0x400000u, nan) & 0xffff0000u);
}
)";

// A bf16 is the upper half of an f32.
constexpr const char* kDot2 = R"(float dot2_f32(int a, int b, float c) {
  float sum = fma(uintBitsToFloat(uint(a) << 16), uintBitsToFloat(uint(b) << 16), c);
  return fma(uintBitsToFloat(uint(a) & 0xffff0000u), uintBitsToFloat(uint(b) & 0xffff0000u), sum);
}
)";

// Mesa 22.3.6's llvmpipe rounds 1.5 to 1 where the CPU has AVX2 and no AVX-512.
constexpr const char* kRoundF64 = R"(double round_f64(double x) {
  double below = floor(x);
  double rest = x - below;
  bool odd = floor(below * 0.5lf) * 2.0lf != below;
  double near = rest > 0.5lf || (rest == 0.5lf && odd) ? below + 1.0lf : below;
  uvec2 bits = unpackDouble2x32(near);
  bits.y = (bits.y & 0x7fffffffu) | (unpackDouble2x32(x).y & 0x80000000u);
  return packDouble2x32(bits);
}
)";

const std::map<std::string, PreludeFunction>& scalarFunctions() {
  static const std::map<std::string, PreludeFunction> table = {
      {"rem_f32", {kRemainder, {}}},
      {"rem_f64", {kRemainder64, {"isnan_f64", "isinf_f64"}}},
      {"round_f16", {kRoundF16, {}}},
      {"round_bf16", {kRoundBf16, {}}},
      {"round_f64", {kRoundF64, {}}},
      {"dot2_f32", {kDot2, {}}},
      {"isinf_f32",
       {"bool isinf_f32(float x) { return (floatBitsToUint(x) & 0x7fffffffu) == 0x7f800000u; }\n",
        {}}},
      {"sign_f32",
       {"float sign_f32(float x) {\n"
        "  float sign = mix(mix(-1.0f, 0.0f, x == 0.0f), 1.0f, x > 0.0f);\n"
        "  return mix(sign, x, isnan_f32(x));\n}\n",
        {"isnan_f32"}}},
      {"isnan_f64",
       {"bool isnan_f64(double x) {\n"
        "  uvec2 bits = unpackDouble2x32(x) & uvec2(~0u, 0x7fffffffu);\n"
        "  return bits.y > 0x7ff00000u || (bits.y == 0x7ff00000u && bits.x != 0u);\n}\n",
        {}}},
      {"isinf_f64",
       {"bool isinf_f64(double x) {\n"
        "  uvec2 bits = unpackDouble2x32(x) & uvec2(~0u, 0x7fffffffu);\n"
        "  return bits == uvec2(0u, 0x7ff00000u);\n}\n",
        {}}},
      {"sign_f64",
       {"double sign_f64(double x) {\n"
        "  return isnan_f64(x) ? x : x > 0.0lf ? 1.0lf : x < 0.0lf ? -1.0lf : 0.0lf;\n}\n",
        {"isnan_f64"}}},
      {"min_f64",
       {"double min_f64(double a, double b) {\n"
        "  return isnan_f64(a) ? a : isnan_f64(b) ? b : min(a, b);\n}\n",
        {"isnan_f64"}}},
      {"max_f64",
       {"double max_f64(double a, double b) {\n"
        "  return isnan_f64(a) ? a : isnan_f64(b) ? b : max(a, b);\n}\n",
        {"isnan_f64"}}},
  };
  return table;
}

// isnan, min and max of f32, on scalars and vectors; with an "l" the second operand is known not to
// be NaN.
PreludeFunction nanAware(const std::string& op, int lanes) {
  const std::string suffix = lanes == 1 ? "" : "x" + std::to_string(lanes);
  const std::string count = std::to_string(lanes);
  const std::string f = lanes == 1 ? "float" : "vec" + count;
  const std::string b = lanes == 1 ? "bool" : "bvec" + count;
  const std::string nan = "isnan_f32" + suffix;
  if (op == "isnan") {
    const std::string magnitude = "floatBitsToUint(x) & 0x7fffffffu";
    const std::string test = lanes == 1
                                 ? "(" + magnitude + ") > 0x7f800000u"
                                 : "greaterThan(" + magnitude + ", uvec" + count + "(0x7f800000u))";
    return {b + " " + nan + "(" + f + " x) { return " + test + "; }\n", {}};
  }
  const bool literal = op.back() == 'l';
  const std::string base = op.substr(0, 3);
  std::string result = base + "(a, b)";
  if (!literal) result = "mix(" + result + ", b, " + nan + "(b))";
  result = "mix(" + result + ", a, " + nan + "(a))";
  return {
      f + " " + op + "_f32" + suffix + "(" + f + " a, " + f + " b) { return " + result + "; }\n",
      {nan}};
}

}  // namespace

PreludeFunction floatFunction(const std::string& name) {
  const auto& table = scalarFunctions();
  if (const auto found = table.find(name); found != table.end()) return found->second;
  for (const char* op : {"isnan", "min", "max", "minl", "maxl"}) {
    const std::string base = std::string(op) + "_f32";
    for (int lanes = 1; lanes <= 4; ++lanes) {
      if (name == base + (lanes == 1 ? "" : "x" + std::to_string(lanes)))
        return nanAware(op, lanes);
    }
  }
  return {};
}

}  // namespace quartet::gpu
