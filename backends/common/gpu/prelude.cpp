#include "backends/common/gpu/prelude.h"

#include "base/result.h"

namespace quartet::gpu {

namespace {

std::string replaced(std::string text, const std::string& from, const std::string& to) {
  for (size_t at = text.find(from); at != std::string::npos; at = text.find(from, at + to.size())) {
    text.replace(at, from.size(), to);
  }
  return text;
}

// A divisor of 0 gives 0, MIN / -1 wraps: what may overflow is done in N, the unsigned type. T is
// the type, S marks lines for signed types only, U for unsigned ones. Without branches: a driver
// may take minutes over a kernel that has hundreds of them.
struct IntegerTemplate {
  const char* name;
  const char* text;
  std::vector<std::string> needs;  // without the dtype
};

const IntegerTemplate kIntegerTemplates[] = {
    {"pick", "T pick_D(bool c, T a, T b) { return mix(b, a, c); }\n", {}},
    {"div",
     "T div_D(T a, T b) {\n"
     "U  T q = a / pick_D(b == T(0), T(1), b);\n"
     "S  T q = a / pick_D(b == T(0) || b == T(-1), T(1), b);\n"
     "U  return pick_D(b == T(0), b, q);\n"
     "S  return pick_D(b == T(0), b, pick_D(b == T(-1), T(N(0) - N(a)), q));\n"
     "}\n",
     {"pick"}},
    {"rem",
     "T rem_D(T a, T b) { return pick_D(b == T(0), b, T(N(a) - N(div_D(a, b)) * N(b))); }\n",
     {"pick", "div"}},
    {"mod",
     "T mod_D(T a, T b) {\n"
     "  T r = rem_D(a, b);\n"
     "  return pick_D(r != T(0) && (r ^ b) < T(0), T(N(r) + N(b)), r);\n"
     "}\n",
     {"pick", "rem"}},
    {"floordiv",
     "T floordiv_D(T a, T b) {\n"
     "  T q = div_D(a, b);\n"
     "  return pick_D((a ^ b) < T(0) && b != T(0) && N(q) * N(b) != N(a), T(N(q) - N(1)), q);\n"
     "}\n",
     {"pick", "div"}},
    {"pow",
     "T pow_D(T a, T b) {\n"
     "S  if (b < T(0)) return a == T(1) ? a : a != T(-1) ? T(0) : (b & T(1)) == T(0) ? T(1) : a;\n"
     "  N r = N(1);\n"
     "  N power = N(a);\n"
     "  for (; b != T(0); b >>= 1) {\n"
     "    if ((b & T(1)) != T(0)) r *= power;\n"
     "    power *= power;\n"
     "  }\n"
     "  return T(r);\n"
     "}\n",
     {}},
    {"shl",
     "T shl_D(T a, T b) {\n"
     "  return pick_D(b >= T(0) && b < T(W), a << (b & (T(W) - T(1))), T(0));\n"
     "}\n",
     {"pick"}},
    {"shr",
     "T shr_D(T a, T b) {\n"
     "  return pick_D(b >= T(0) && b < T(W), a >> (b & (T(W) - T(1))), T(0));\n"
     "}\n",
     {"pick"}},
    {"dot4",  // of 32 bits only
     "T dot4_D(T a, T b, T c) {\n"
     "  N sum = N(c) + (N(a) & N(255)) * N((b << 24) >> 24);\n"
     "  sum += ((N(a) >> 8) & N(255)) * N((b << 16) >> 24);\n"
     "  sum += ((N(a) >> 16) & N(255)) * N((b << 8) >> 24);\n"
     "  return T(sum + (N(a) >> 24) * N(b >> 24));\n"
     "}\n",
     {}},
    {"abs", "T abs_D(T a) { T m = a >> (T(W) - T(1)); return T(N(a ^ m) - N(m)); }\n", {}},
    {"sign",
     "T sign_D(T a) { return pick_D(a > T(0), T(1), pick_D(a == T(0), T(0), T(-1))); }\n",
     {"pick"}},
};

std::string instantiate(const IntegerTemplate& of, const std::string& dtype) {
  const bool isSigned = dtype[0] == 'i';
  const std::string natural = dtype.substr(1) == "32" ? "uint" : "uint64_t";
  const std::string type = !isSigned ? natural : natural.substr(1);
  std::string text;
  std::string rest = of.text;
  while (!rest.empty()) {  // keep or drop the lines for signed types
    const size_t end = rest.find('\n') + 1;
    std::string line = rest.substr(0, end);
    rest.erase(0, end);
    if (line[0] == (isSigned ? 'U' : 'S')) continue;
    text += line[0] == 'S' || line[0] == 'U' ? line.substr(1) : line;
  }
  text = replaced(text, "_D", "_" + dtype);
  text = replaced(text, "T(W)", "T(" + dtype.substr(1) + ")");
  for (const char* behind : {" ", "("}) {
    text = replaced(text, std::string("T") + behind, type + behind);
    text = replaced(text, std::string("N") + behind, natural + behind);
  }
  return text;
}

}  // namespace

PreludeFunction integerFunction(const std::string& name) {
  const size_t split = name.rfind('_');
  if (split == std::string::npos) return {};
  const std::string op = name.substr(0, split);
  const std::string dtype = name.substr(split + 1);
  if (dtype != "i32" && dtype != "u32" && dtype != "i64" && dtype != "u64") return {};
  for (const IntegerTemplate& each : kIntegerTemplates) {
    if (op != each.name) continue;
    PreludeFunction function{instantiate(each, dtype), {}};
    for (const std::string& need : each.needs) function.needs.push_back(need + "_" + dtype);
    return function;
  }
  return {};
}

void Prelude::need(const std::string& name) {
  if (!included_.insert(name).second) return;
  PreludeFunction function;
  if (name == "report") function.text = language_.report;
  if (function.text.empty()) function = floatFunction(name);
  if (function.text.empty()) function = castFunction(name, int64_);
  const bool wide = name.size() > 3 && name.substr(name.size() - 2) == "64";
  if (function.text.empty() && !int64_ && wide) function = pairFunction(name);
  if (function.text.empty()) function = integerFunction(name);
  QT_ASSERT(!function.text.empty(), "no prelude function " + name);
  for (const std::string& each : function.needs) need(each);
  for (const auto& [from, to] : language_.spelling)
    function.text = replaced(function.text, from, to);
  text_ += function.text;
}

}  // namespace quartet::gpu
