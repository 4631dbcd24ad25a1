// The f32 functions against the double-precision C library: largest errors in units in the last
// place over samples of all of f32, and special values.
#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>

#include "ir/scalar_eval.h"
#include "tests/cpu/support.h"

using namespace quartet;
using ir::DType;
using ir::KernelBuilder;
using ir::Opcode;
using ir::ValueId;

namespace {

constexpr int kLanes = 16;
constexpr float kInf = std::numeric_limits<float>::infinity();

// out = op(in...), a vector per group.
tests::CompiledKernel compileFunction(Opcode op) {
  std::vector<ValueId> buffers;
  ir::Module kernel = tests::makeKernel({DType::F32, DType::F32, DType::F32}, buffers, 1 << 30);
  KernelBuilder b(kernel);
  const ValueId at = b.apply(Opcode::Mul, {b.groupId(), b.literal(kLanes)});
  std::vector<ValueId> args = {b.load(buffers[0], at, kLanes)};
  if (op == Opcode::Pow) args.push_back(b.load(buffers[1], at, kLanes));
  b.store(buffers[2], at, b.apply(op, args));
  return tests::CompiledKernel(kernel);
}

double reference(Opcode op, double x, double y) {
  bool zero = false;
  const ir::Scalar args[] = {ir::floatScalar(x), ir::floatScalar(y)};
  return ir::applyScalar(op, DType::F64, args, zero).f;
}

// Distance in units of the last place that an f32 near `expected` has. Infinite for a wrong NaN or
// infinity, or a zero of the wrong sign.
double ulps(float got, double expected) {
  if (std::isnan(expected) || std::isnan(got)) {
    return std::isnan(expected) == std::isnan(got) ? 0 : kInf;
  }
  const auto rounded = static_cast<float>(expected);
  if (got == rounded) {
    return got == 0 && std::signbit(got) != std::signbit(rounded) ? static_cast<double>(kInf) : 0;
  }
  if (std::isinf(got)) {  // as if the exponent went on
    const double distance = 0x1p128 - std::fabs(expected);
    return std::signbit(got) == std::signbit(rounded) ? distance / 0x1p104 : kInf;
  }
  if (std::isinf(rounded)) return kInf;
  const int exponent = std::max(expected == 0 ? -126 : std::ilogb(expected), -126);
  return std::fabs(got - expected) / std::ldexp(1.0, exponent - 23);
}

struct Worst {
  double error = 0;
  float x = 0, y = 0, got = 0;
};

Worst measure(Opcode op, std::vector<float> xs, std::vector<float> ys = {}) {
  while (xs.size() % kLanes != 0) {
    xs.push_back(xs[0]);
    if (!ys.empty()) ys.push_back(ys[0]);
  }
  ys.resize(xs.size());
  std::vector<float> out(xs.size());
  compileFunction(op).run({xs.data(), ys.data(), out.data()},
                          static_cast<int64_t>(xs.size()) / kLanes);
  Worst worst;
  for (size_t i = 0; i < xs.size(); ++i) {
    const double error = ulps(out[i], reference(op, xs[i], ys[i]));
    if (error > worst.error) worst = {error, xs[i], ys[i], out[i]};
  }
  return worst;
}

// Every 4099th bit pattern: all signs, exponents, subnormals, NaN.
std::vector<float> allFloats() {
  std::vector<float> values;
  for (uint64_t bits = 0; bits <= 0xffffffffULL; bits += 4099) {
    values.push_back(std::bit_cast<float>(static_cast<uint32_t>(bits)));
  }
  const std::vector<float> special = {0.0F,
                                      -0.0F,
                                      1.0F,
                                      -1.0F,
                                      0.5F,
                                      -0.5F,
                                      2.0F,
                                      -2.0F,
                                      std::numeric_limits<float>::min(),
                                      std::numeric_limits<float>::denorm_min(),
                                      -std::numeric_limits<float>::denorm_min(),
                                      std::numeric_limits<float>::quiet_NaN()};
  values.insert(values.end(), special.begin(), special.end());
  values.insert(values.end(), {kInf, -kInf, std::numeric_limits<float>::max(),
                               -std::numeric_limits<float>::max()});
  return values;
}

// Where the interesting part of most functions is.
std::vector<float> denseAround(float lo, float hi) {
  std::vector<float> values;
  constexpr int kCount = 400'000;
  for (int i = 0; i <= kCount; ++i) {
    values.push_back(lo + (hi - lo) * static_cast<float>(i) / static_cast<float>(kCount));
  }
  return values;
}

void checkFunction(Opcode op, double bound) {
  std::vector<float> values = allFloats();
  for (float range : {0.01F, 2.0F, 10.0F, 110.0F, 14000.0F}) {
    const std::vector<float> dense = denseAround(-range, range);
    values.insert(values.end(), dense.begin(), dense.end());
  }
  const Worst worst = measure(op, values);
  MESSAGE(ir::name(op), ": ", worst.error, " ulp at ", worst.x, ", got ", worst.got);
  CHECK(worst.error <= bound);
}

}  // namespace

TEST_CASE("f32 functions are within their stated errors on all of f32") {
  checkFunction(Opcode::Exp, 1);
  checkFunction(Opcode::Log, 1);
  checkFunction(Opcode::Sin, 3);
  checkFunction(Opcode::Cos, 3);
  checkFunction(Opcode::Tan, 4.5);
  checkFunction(Opcode::Asin, 2.5);
  checkFunction(Opcode::Acos, 1.5);
  checkFunction(Opcode::Atan, 3);
  checkFunction(Opcode::Sinh, 2);
  checkFunction(Opcode::Cosh, 2);
  checkFunction(Opcode::Tanh, 5);
  checkFunction(Opcode::Asinh, 3);
  checkFunction(Opcode::Acosh, 2);
  checkFunction(Opcode::Atanh, 2);
  checkFunction(Opcode::Erf, 5.5);
}

// What is built on them, 1 - tanh(x) times a large x, say, shows any bit that is missing.
TEST_CASE("tanh and erf are exactly 1 where their values round to it") {
  for (const auto& [op, first] : {std::pair{Opcode::Tanh, 9.02F}, std::pair{Opcode::Erf, 3.93F}}) {
    CHECK(measure(op, denseAround(first, 100)).error == 0);
    CHECK(measure(op, denseAround(-1e30F, -first)).error == 0);
    CHECK(measure(op, {kInf, -kInf, std::numeric_limits<float>::max()}).error == 0);
  }
}

TEST_CASE("pow is within its stated error, and has C's special values") {
  std::vector<float> xs;
  std::vector<float> ys;
  const std::vector<float> special = {
      0.0F,  -0.0F,       1.0F,        -1.0F,        0.5F,
      -0.5F, 2.0F,        -2.0F,       3.0F,         -3.0F,
      1e30F, -1e30F,      1e-40F,      -1e-40F,      kInf,
      -kInf, 16777216.0F, 16777215.0F, -16777215.0F, 1e9F,
      2.5F,  -2.5F,       0.9999999F,  1.0000001F,   std::numeric_limits<float>::quiet_NaN()};
  for (float x : special) {
    for (float y : special) {
      xs.push_back(x);
      ys.push_back(y);
    }
  }
  const Worst specials = measure(Opcode::Pow, xs, ys);
  CAPTURE(specials.x);
  CAPTURE(specials.y);
  CAPTURE(specials.got);
  CHECK(specials.error <= 3);

  uint64_t state = 1;
  const auto next = [&] {
    state = state * 6364136223846793005ULL + 1442695040888963407ULL;
    return static_cast<double>(state >> 11) * 0x1p-53;
  };
  xs.clear();
  ys.clear();
  for (int i = 0; i < 2'000'000; ++i) {
    const double log2x = (next() * 2 - 1) * std::ldexp(1.0, static_cast<int>(next() * 9) - 2);
    xs.push_back(static_cast<float>(std::exp2(log2x)));
    ys.push_back(static_cast<float>((next() * 2 - 1) * 128 / std::max(std::fabs(log2x), 0.01)));
  }
  const Worst worst = measure(Opcode::Pow, xs, ys);
  MESSAGE("pow: ", worst.error, " ulp at ", worst.x, ", ", worst.y, ", got ", worst.got);
  CHECK(worst.error <= 5.5);
}
