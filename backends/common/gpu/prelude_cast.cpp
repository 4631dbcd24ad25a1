// Conversions of the prelude: floats to integers saturate and take NaN to 0; integers to floats
// round to nearest even, or ("odd") to odd, so that a second rounding to a narrower float is the
// only one that counts.

#include <map>

#include "backends/common/gpu/prelude.h"

namespace quartet::gpu {

namespace {

using Table = std::map<std::string, PreludeFunction>;

constexpr const char* kMagnitude = R"(float magnitude_f32(uvec2 a, bool odd) {
  if (a.y == 0u && a.x < 0x1000000u) return float(a.x);
  int top = a.y != 0u ? findMSB(a.y) + 32 : findMSB(a.x);
  uint up = uint(63 - top);
  uint high = up >= 32u ? a.x << (up - 32u) : up == 0u ? a.y : a.y << up | a.x >> (32u - up);
  uint low = up >= 32u ? 0u : a.x << up;
  uint kept = high >> 8;
  uint rest = (high & 255u) << 1 | uint(low != 0u);
  bool above = rest > 0x100u || (rest == 0x100u && (kept & 1u) != 0u);
  uint bits = (uint(top + 127) << 23) + (kept - 0x800000u);
  return uintBitsToFloat(odd ? bits | uint(rest != 0u) : bits + uint(above));
}
)";

constexpr const char* kWhole = R"(uvec2 whole_u64(float x) {
  uint bits = floatBitsToUint(x) & 0x7fffffffu;
  int e = int(bits >> 23) - 127;
  if (e < 0) return uvec2(0u);
  uint m = (bits & 0x7fffffu) | 0x800000u;
  if (e <= 23) return uvec2(m >> uint(23 - e), 0u);
  uint up = uint(e - 23);
  if (up >= 32u) return uvec2(0u, m << (up - 32u));
  return uvec2(m << up, m >> (32u - up));
}
)";

constexpr const char* kOddFromDouble = R"(float odd_f32_f64(double x) {
  float f = float(x);
  uint bits = floatBitsToUint(f);
  if (isnan_f64(x) || double(f) == x || (bits & 1u) != 0u) return f;
  return uintBitsToFloat(abs(double(f)) > abs(x) ? bits - 1u : bits + 1u);
}
)";

const Table& commonTable() {
  static const Table table = {
      {"magnitude_f32", {kMagnitude, {}}},
      {"cast_i32_f32",
       {"int cast_i32_f32(float x) {\n"
        "  int i = int(clamp(x, -2147483648.0f, 2147483520.0f));\n"
        "  return mix(mix(i, 0x7fffffff, x >= 2147483648.0f), 0, isnan_f32(x));\n}\n",
        {"isnan_f32"}}},
      {"cast_u32_f32",
       {"uint cast_u32_f32(float x) {\n"
        "  uint i = uint(clamp(x, 0.0f, 4294967040.0f));\n"
        "  return mix(mix(i, ~0u, x >= 4294967296.0f), 0u, isnan_f32(x));\n}\n",
        {"isnan_f32"}}},
      {"cast_i32_f64",
       {"int cast_i32_f64(double x) {\n"
        "  if (isnan_f64(x)) return 0;\n"
        "  if (x >= 2147483648.0lf) return 0x7fffffff;\n"
        "  return x <= -2147483648.0lf ? int(0x80000000u) : int(x);\n}\n",
        {"isnan_f64"}}},
      {"cast_u32_f64",
       {"uint cast_u32_f64(double x) {\n"
        "  if (isnan_f64(x) || x <= 0.0lf) return 0u;\n"
        "  return x >= 4294967296.0lf ? ~0u : uint(x);\n}\n",
        {"isnan_f64"}}},
      {"odd_f32_f64", {kOddFromDouble, {"isnan_f64"}}},
      {"odd_f32_u32",
       {"float odd_f32_u32(uint x) {\n"
        "  if (x < 0x1000000u) return float(x);\n"
        "  return float((x & ~255u) | ((x & 255u) != 0u ? 256u : 0u));\n}\n",
        {}}},
      {"odd_f32_i32",
       {"float odd_f32_i32(int x) {\n"
        "  return x < 0 ? -odd_f32_u32(0u - uint(x)) : odd_f32_u32(uint(x));\n}\n",
        {"odd_f32_u32"}}},
  };
  return table;
}

const Table& pairTable() {
  static const Table table = {
      {"whole_u64", {kWhole, {}}},
      {"cast_i64_i32",
       {"uvec2 cast_i64_i32(int x) { return uvec2(uint(x), x < 0 ? ~0u : 0u); }\n", {}}},
      {"cast_i64_f32",
       {"uvec2 cast_i64_f32(float x) {\n"
        "  if (isnan_f32(x)) return uvec2(0u);\n"
        "  if (x >= 9223372036854775808.0f) return uvec2(~0u, 0x7fffffffu);\n"
        "  if (x <= -9223372036854775808.0f) return uvec2(0u, 0x80000000u);\n"
        "  return x < 0.0f ? neg_u64(whole_u64(x)) : whole_u64(x);\n}\n",
        {"isnan_f32", "neg_u64", "whole_u64"}}},
      {"cast_u64_f32",
       {"uvec2 cast_u64_f32(float x) {\n"
        "  if (isnan_f32(x) || x <= 0.0f) return uvec2(0u);\n"
        "  return x >= 18446744073709551616.0f ? uvec2(~0u) : whole_u64(x);\n}\n",
        {"isnan_f32", "whole_u64"}}},
      {"cast_f32_u64",
       {"float cast_f32_u64(uvec2 a) { return magnitude_f32(a, false); }\n", {"magnitude_f32"}}},
      {"odd_f32_u64",
       {"float odd_f32_u64(uvec2 a) { return magnitude_f32(a, true); }\n", {"magnitude_f32"}}},
      {"cast_f32_i64",
       {"float cast_f32_i64(uvec2 a) {\n"
        "  float m = magnitude_f32(abs_i64(a), false);\n"
        "  return int(a.y) < 0 ? -m : m;\n}\n",
        {"magnitude_f32", "abs_i64"}}},
      {"odd_f32_i64",
       {"float odd_f32_i64(uvec2 a) {\n"
        "  float m = magnitude_f32(abs_i64(a), true);\n"
        "  return int(a.y) < 0 ? -m : m;\n}\n",
        {"magnitude_f32", "abs_i64"}}},
  };
  return table;
}

// Conversions of integers to f32 go through words here too: drivers round them in several ways. Nor
// are 32-bit integers widened by a constructor: Mesa 22.3f narrows comparisons of the result with a
// constant, and gets them wrong.
const Table& nativeTable() {
  static const Table table = {
      {"cast_i64_i32",
       {"int64_t cast_i64_i32(int x) { return packInt2x32(ivec2(x, x >> 31)); }\n", {}}},
      {"cast_i64_u32",
       {"int64_t cast_i64_u32(uint x) { return packInt2x32(ivec2(int(x), 0)); }\n", {}}},
      {"cast_i64_f32",
       {"int64_t cast_i64_f32(float x) {\n"
        "  if (isnan_f32(x)) return int64_t(0);\n"
        "  if (x >= 9223372036854775808.0f) return int64_t(0x7ffffffffffffffful);\n"
        "  return x <= -9223372036854775808.0f ? int64_t(0x8000000000000000ul) : int64_t(x);\n}\n",
        {"isnan_f32"}}},
      {"cast_u64_f32",
       {"uint64_t cast_u64_f32(float x) {\n"
        "  if (isnan_f32(x) || x <= 0.0f) return uint64_t(0);\n"
        "  return x >= 18446744073709551616.0f ? 0xfffffffffffffffful : uint64_t(x);\n}\n",
        {"isnan_f32"}}},
      {"cast_i64_f64",
       {"int64_t cast_i64_f64(double x) {\n"
        "  if (isnan_f64(x)) return int64_t(0);\n"
        "  if (x >= 9223372036854775808.0lf) return int64_t(0x7ffffffffffffffful);\n"
        "  return x <= -9223372036854775808.0lf ? int64_t(0x8000000000000000ul) : int64_t(x);\n}\n",
        {"isnan_f64"}}},
      {"cast_u64_f64",
       {"uint64_t cast_u64_f64(double x) {\n"
        "  if (isnan_f64(x) || x <= 0.0lf) return uint64_t(0);\n"
        "  return x >= 18446744073709551616.0lf ? 0xfffffffffffffffful : uint64_t(x);\n}\n",
        {"isnan_f64"}}},
      {"cast_f32_u64",
       {"float cast_f32_u64(uint64_t a) { return magnitude_f32(unpackUint2x32(a), false); }\n",
        {"magnitude_f32"}}},
      {"odd_f32_u64",
       {"float odd_f32_u64(uint64_t a) { return magnitude_f32(unpackUint2x32(a), true); }\n",
        {"magnitude_f32"}}},
      {"cast_f32_i64",
       {"float cast_f32_i64(int64_t a) {\n"
        "  uint64_t bits = uint64_t(a);\n"
        "  return a < int64_t(0) ? -cast_f32_u64(0ul - bits) : cast_f32_u64(bits);\n}\n",
        {"cast_f32_u64"}}},
      {"odd_f32_i64",
       {"float odd_f32_i64(int64_t a) {\n"
        "  uint64_t bits = uint64_t(a);\n"
        "  return a < int64_t(0) ? -odd_f32_u64(0ul - bits) : odd_f32_u64(bits);\n}\n",
        {"odd_f32_u64"}}},
  };
  return table;
}

}  // namespace

PreludeFunction castFunction(const std::string& name, bool int64) {
  for (const Table* table : {&commonTable(), int64 ? &nativeTable() : &pairTable()}) {
    if (const auto found = table->find(name); found != table->end()) return found->second;
  }
  return {};
}

}  // namespace quartet::gpu
