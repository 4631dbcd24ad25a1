// 64-bit integers on devices that have none: a uvec2 of two words, low word first, which is also
// how they lie in memory. Signed and unsigned share whatever two's complement lets them share.

#include <map>

#include "backends/common/gpu/prelude.h"

namespace quartet::gpu {

namespace {

using Table = std::map<std::string, PreludeFunction>;

constexpr const char* kMultiply = R"(uvec2 mul_u64(uvec2 a, uvec2 b) {
  uint high;
  uint low;
  umulExtended(a.x, b.x, high, low);
  return uvec2(low, high + a.x * b.y + a.y * b.x);
}
)";

// Schoolbook division, bit by bit from the dividend's highest; b != 0.
constexpr const char* kDivide = R"(void divide_u64(uvec2 a, uvec2 b, out uvec2 q, out uvec2 r) {
  q = uvec2(0u);
  r = uvec2(0u);
  if (a.y == 0u && b.y == 0u) {
    q.x = a.x / b.x;
    r.x = a.x - q.x * b.x;
    return;
  }
  for (int i = a.y != 0u ? findMSB(a.y) + 32 : findMSB(a.x); i >= 0; i--) {
    uint bit = i >= 32 ? (a.y >> uint(i - 32)) & 1u : (a.x >> uint(i)) & 1u;
    bool carry = (r.y >> 31) != 0u;
    r = uvec2(r.x << 1 | bit, r.y << 1 | r.x >> 31);
    if (carry || !lt_u64(r, b)) {
      r = sub_u64(r, b);
      if (i >= 32) q.y |= 1u << uint(i - 32); else q.x |= 1u << uint(i);
    }
  }
}
)";

constexpr const char* kSignedDivide = R"(uvec2 div_i64(uvec2 a, uvec2 b) {
  if (b == uvec2(0u)) return b;
  uvec2 q;
  uvec2 r;
  divide_u64(abs_i64(a), abs_i64(b), q, r);
  return int(a.y ^ b.y) < 0 ? neg_u64(q) : q;
}
)";

constexpr const char* kSignedRemainder = R"(uvec2 rem_i64(uvec2 a, uvec2 b) {
  if (b == uvec2(0u)) return b;
  uvec2 q;
  uvec2 r;
  divide_u64(abs_i64(a), abs_i64(b), q, r);
  return int(a.y) < 0 ? neg_u64(r) : r;
}
)";

constexpr const char* kPower = R"(uvec2 pow_u64(uvec2 a, uvec2 b) {
  uvec2 r = uvec2(1u, 0u);
  while (b != uvec2(0u)) {
    if ((b.x & 1u) != 0u) r = mul_u64(r, a);
    a = mul_u64(a, a);
    b = uvec2(b.x >> 1 | b.y << 31, b.y >> 1);
  }
  return r;
}
)";

constexpr const char* kSignedPower = R"(uvec2 pow_i64(uvec2 a, uvec2 b) {
  if (int(b.y) >= 0) return pow_u64(a, b);
  if (a == uvec2(1u, 0u)) return a;
  if (a != uvec2(~0u)) return uvec2(0u);
  return (b.x & 1u) == 0u ? uvec2(1u, 0u) : a;
}
)";

constexpr const char* kShiftLeft = R"(uvec2 shl_u64(uvec2 a, uvec2 b) {
  if (b.y != 0u || b.x >= 64u) return uvec2(0u);
  if (b.x == 0u) return a;
  if (b.x >= 32u) return uvec2(0u, a.x << (b.x - 32u));
  return uvec2(a.x << b.x, a.y << b.x | a.x >> (32u - b.x));
}
)";

constexpr const char* kShiftRight = R"(uvec2 shr_u64(uvec2 a, uvec2 b) {
  if (b.y != 0u || b.x >= 64u) return uvec2(0u);
  if (b.x == 0u) return a;
  if (b.x >= 32u) return uvec2(a.y >> (b.x - 32u), 0u);
  return uvec2(a.x >> b.x | a.y << (32u - b.x), a.y >> b.x);
}
)";

constexpr const char* kShiftRightSigned = R"(uvec2 shr_i64(uvec2 a, uvec2 b) {
  if (b.y != 0u || b.x >= 64u) return uvec2(0u);
  if (b.x == 0u) return a;
  uint sign = int(a.y) < 0 ? ~0u : 0u;
  if (b.x >= 32u) return uvec2(uint(int(a.y) >> (b.x - 32u)), sign);
  return uvec2(a.x >> b.x | a.y << (32u - b.x), uint(int(a.y) >> b.x));
}
)";

const Table& arithmetic() {
  static const Table functions = {
      {"add_u64",
       {"uvec2 add_u64(uvec2 a, uvec2 b) {\n"
        "  uint low = a.x + b.x;\n"
        "  return uvec2(low, a.y + b.y + uint(low < a.x));\n}\n",
        {}}},
      {"sub_u64",
       {"uvec2 sub_u64(uvec2 a, uvec2 b) {\n"
        "  return uvec2(a.x - b.x, a.y - b.y - uint(a.x < b.x));\n}\n",
        {}}},
      {"mul_u64", {kMultiply, {}}},
      {"neg_u64",
       {"uvec2 neg_u64(uvec2 a) { return uvec2(0u - a.x, ~a.y + uint(a.x == 0u)); }\n", {}}},
      {"fma_u64",
       {"uvec2 fma_u64(uvec2 a, uvec2 b, uvec2 c) { return add_u64(mul_u64(a, b), c); }\n",
        {"add_u64", "mul_u64"}}},
      {"lt_u64",
       {"bool lt_u64(uvec2 a, uvec2 b) { return a.y < b.y || (a.y == b.y && a.x < b.x); }\n", {}}},
      {"lt_i64",
       {"bool lt_i64(uvec2 a, uvec2 b) {\n"
        "  return int(a.y) < int(b.y) || (a.y == b.y && a.x < b.x);\n}\n",
        {}}},
      {"min_u64",
       {"uvec2 min_u64(uvec2 a, uvec2 b) { return lt_u64(b, a) ? b : a; }\n", {"lt_u64"}}},
      {"max_u64",
       {"uvec2 max_u64(uvec2 a, uvec2 b) { return lt_u64(a, b) ? b : a; }\n", {"lt_u64"}}},
      {"min_i64",
       {"uvec2 min_i64(uvec2 a, uvec2 b) { return lt_i64(b, a) ? b : a; }\n", {"lt_i64"}}},
      {"max_i64",
       {"uvec2 max_i64(uvec2 a, uvec2 b) { return lt_i64(a, b) ? b : a; }\n", {"lt_i64"}}},
      {"abs_i64",
       {"uvec2 abs_i64(uvec2 a) { return int(a.y) < 0 ? neg_u64(a) : a; }\n", {"neg_u64"}}},
      {"sign_i64",
       {"uvec2 sign_i64(uvec2 a) {\n"
        "  return int(a.y) < 0 ? uvec2(~0u) : uvec2(uint(a != uvec2(0u)), 0u);\n}\n",
        {}}},
      {"sign_u64", {"uvec2 sign_u64(uvec2 a) { return uvec2(uint(a != uvec2(0u)), 0u); }\n", {}}},
  };
  return functions;
}

const Table& division() {
  static const Table functions = {
      {"divide_u64", {kDivide, {"lt_u64", "sub_u64"}}},
      {"div_u64",
       {"uvec2 div_u64(uvec2 a, uvec2 b) {\n"
        "  uvec2 q = uvec2(0u);\n"
        "  uvec2 r;\n"
        "  if (b != uvec2(0u)) divide_u64(a, b, q, r);\n"
        "  return q;\n}\n",
        {"divide_u64"}}},
      {"rem_u64",
       {"uvec2 rem_u64(uvec2 a, uvec2 b) {\n"
        "  uvec2 q;\n"
        "  uvec2 r = uvec2(0u);\n"
        "  if (b != uvec2(0u)) divide_u64(a, b, q, r);\n"
        "  return r;\n}\n",
        {"divide_u64"}}},
      {"div_i64", {kSignedDivide, {"divide_u64", "abs_i64", "neg_u64"}}},
      {"rem_i64", {kSignedRemainder, {"divide_u64", "abs_i64", "neg_u64"}}},
      {"mod_u64", {"uvec2 mod_u64(uvec2 a, uvec2 b) { return rem_u64(a, b); }\n", {"rem_u64"}}},
      {"floordiv_u64",
       {"uvec2 floordiv_u64(uvec2 a, uvec2 b) { return div_u64(a, b); }\n", {"div_u64"}}},
      {"mod_i64",
       {"uvec2 mod_i64(uvec2 a, uvec2 b) {\n"
        "  uvec2 r = rem_i64(a, b);\n"
        "  return r != uvec2(0u) && int(r.y ^ b.y) < 0 ? add_u64(r, b) : r;\n}\n",
        {"rem_i64", "add_u64"}}},
      {"floordiv_i64",
       {"uvec2 floordiv_i64(uvec2 a, uvec2 b) {\n"
        "  uvec2 q = div_i64(a, b);\n"
        "  bool down = int(a.y ^ b.y) < 0 && b != uvec2(0u) && mul_u64(q, b) != a;\n"
        "  return down ? sub_u64(q, uvec2(1u, 0u)) : q;\n}\n",
        {"div_i64", "mul_u64", "sub_u64"}}},
      {"pow_u64", {kPower, {"mul_u64"}}},
      {"pow_i64", {kSignedPower, {"pow_u64"}}},
      {"shl_u64", {kShiftLeft, {}}},
      {"shr_u64", {kShiftRight, {}}},
      {"shr_i64", {kShiftRightSigned, {}}},
  };
  return functions;
}

}  // namespace

PreludeFunction pairFunction(const std::string& name) {
  for (const Table* table : {&arithmetic(), &division()}) {
    if (const auto found = table->find(name); found != table->end()) return found->second;
  }
  return {};
}

}  // namespace quartet::gpu
