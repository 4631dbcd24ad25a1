// Every scalar operation, on scalars and vectors, against the host's evaluation of scalar.def.
#include <cmath>
#include <limits>
#include <optional>

#include "ir/scalar_eval.h"
#include "tests/cpu/support.h"

using namespace quartet;
using ir::DType;
using ir::KernelBuilder;
using ir::Opcode;
using ir::Scalar;
using ir::ValueId;

namespace {

std::vector<Opcode> scalarOps() {
  std::vector<Opcode> ops;
#define QT_SCALAR(enumerator, text, arity, result) ops.push_back(Opcode::enumerator);
#include "ir/scalar.def"
  return ops;
}

bool isFloatFunction(Opcode op) { return op >= Opcode::Sqrt && op <= Opcode::IsInf; }
bool isLogic(Opcode op) { return op >= Opcode::And && op <= Opcode::Not; }
bool isBits(Opcode op) { return op == Opcode::Shl || op == Opcode::Shr; }
bool isOrder(Opcode op) {
  return op == Opcode::Lt || op == Opcode::Le || op == Opcode::Gt || op == Opcode::Ge;
}
// f32 transcendentals have their own test, with error bounds.
bool isTranscendental(Opcode op) { return op >= Opcode::Exp && op <= Opcode::Erf; }

bool defined(Opcode op, DType dtype) {
  if (op == Opcode::Cast || op == Opcode::Dot2) return false;
  if (op == Opcode::Dot4) return dtype == DType::I32;
  if (op == Opcode::Select || op == Opcode::Eq || op == Opcode::Ne) return true;
  if (dtype == DType::Bool) return isLogic(op);
  if (ir::isFloat(dtype)) {
    if (dtype == DType::F32 && (isTranscendental(op) || op == Opcode::Pow)) return false;
    return !isLogic(op) && !isBits(op);
  }
  if (op == Opcode::Neg || op == Opcode::Abs || op == Opcode::Sign) return ir::isSigned(dtype);
  return !isFloatFunction(op) || isOrder(op);
}

std::vector<Scalar> samples(DType dtype) {
  std::vector<Scalar> values;
  if (dtype == DType::Bool) return {ir::intScalar(0), ir::intScalar(1)};
  if (ir::isFloat(dtype)) {
    const double inf = std::numeric_limits<double>::infinity();
    for (double v : {0.0, -0.0, 1.0, -1.0, 0.5, -0.5, 1.5, 2.5, -2.5, 3.0, -7.0, 0.1, 1e-40, 1e30,
                     -1e30, 16777217.0, inf, -inf, std::nan("")}) {
      values.push_back(ir::floatScalar(ir::roundFloat(dtype, v)));
    }
    return values;
  }
  const int bits = ir::bitWidth(dtype);
  const int64_t lowest = ir::isSigned(dtype) ? int64_t(~uint64_t{0} << (bits - 1)) : 0;
  const int64_t highest = ~lowest;
  for (int64_t v : {int64_t{0}, int64_t{1}, int64_t{-1}, int64_t{2}, int64_t{3}, int64_t{-3},
                    int64_t{7}, int64_t{-7}, int64_t{31}, int64_t{32}, int64_t{63}, int64_t{64},
                    int64_t{1000003}, lowest, lowest + 1, highest, highest - 1}) {
    values.push_back(ir::intScalar(ir::wrapInteger(dtype, v)));
  }
  return values;
}

bool same(DType dtype, Opcode op, Scalar got, Scalar expected) {
  if (!ir::isFloat(dtype)) return got.i == expected.i;
  if (std::isnan(expected.f) || std::isnan(got.f))
    return std::isnan(expected.f) == std::isnan(got.f);
  if (got.f == expected.f) return true;
  // `fma` may round twice.
  if (op == Opcode::Fma) {
    return std::fabs(got.f - expected.f) <= 1e-6 * std::max(1.0, std::fabs(expected.f));
  }
  return false;
}

// All pairs of samples (and a third operand), repeated up to a whole number of vectors.
struct Operands {
  std::vector<Scalar> a, b, c, condition;
};

Operands operandsOf(DType dtype, size_t multiple) {
  const std::vector<Scalar> values = samples(dtype);
  Operands operands;
  size_t i = 0;
  for (Scalar a : values) {
    for (Scalar b : values) {
      operands.a.push_back(a);
      operands.b.push_back(b);
      operands.c.push_back(values[i++ % values.size()]);
    }
  }
  while (operands.a.size() % multiple != 0) {
    operands.a.push_back(values[0]);
    operands.b.push_back(values[1]);
    operands.c.push_back(values[0]);
  }
  for (i = 0; i < operands.a.size(); ++i) operands.condition.push_back(ir::intScalar(i % 3 == 0));
  return operands;
}

std::vector<std::byte> pack(DType dtype, const std::vector<Scalar>& values) {
  const auto size = static_cast<size_t>(ir::byteSize(dtype));
  std::vector<std::byte> bytes(values.size() * size);
  for (size_t i = 0; i < values.size(); ++i) ir::writeScalar(dtype, values[i], &bytes[i * size]);
  return bytes;
}

void checkOps(DType dtype, int lanes) {
  std::vector<Opcode> ops;
  for (Opcode op : scalarOps()) {
    if (defined(op, dtype)) ops.push_back(op);
  }
  const Operands operands = operandsOf(dtype, 48);
  const auto count = static_cast<int64_t>(operands.a.size());
  // b0..b2: operands, b3: condition, b4: results, b5: bool results; one row of results per op.
  std::vector<ValueId> buffers;
  ir::Module kernel =
      tests::makeKernel({dtype, dtype, dtype, DType::Bool, dtype, DType::Bool}, buffers);
  KernelBuilder b(kernel);
  const ValueId at = b.apply(Opcode::Mul, {b.groupId(), b.literal(lanes)});
  std::vector<ValueId> loaded;
  for (size_t i = 0; i < 4; ++i) loaded.push_back(b.load(buffers[i], at, lanes));
  for (size_t i = 0; i < ops.size(); ++i) {
    std::vector<ValueId> args(loaded.begin(), loaded.begin() + ir::info(ops[i]).minOperands);
    if (ops[i] == Opcode::Select) args = {loaded[3], loaded[0], loaded[1]};
    const ValueId result = b.apply(ops[i], args);
    const bool isBool = kernel.type(result).dtype == DType::Bool && dtype != DType::Bool;
    const ValueId row = b.literal(static_cast<int64_t>(i) * count);
    b.store(buffers[isBool ? 5 : 4], b.apply(Opcode::Add, {row, at}), result);
  }
  auto a = pack(dtype, operands.a);
  auto bb = pack(dtype, operands.b);
  auto c = pack(dtype, operands.c);
  auto condition = pack(DType::Bool, operands.condition);
  std::vector<std::byte> results(a.size() * ops.size());
  std::vector<std::byte> bools(operands.a.size() * ops.size());
  const tests::CompiledKernel compiled(kernel);
  compiled.run({a.data(), bb.data(), c.data(), condition.data(), results.data(), bools.data()},
               count / lanes);

  const auto size = static_cast<size_t>(ir::byteSize(dtype));
  for (size_t i = 0; i < ops.size(); ++i) {
    int shown = 0;
    for (size_t j = 0; j < operands.a.size() && shown < 3; ++j) {
      bool zero = false;
      const bool isBool =
          (ir::isComparison(ops[i]) || ops[i] == Opcode::IsNan || ops[i] == Opcode::IsInf) &&
          dtype != DType::Bool;
      const Scalar args[] = {operands.a[j], operands.b[j], operands.c[j]};
      const Scalar choice[] = {operands.condition[j], operands.a[j], operands.b[j]};
      const Scalar expected =
          ir::applyScalar(ops[i], dtype, ops[i] == Opcode::Select ? choice : args, zero);
      const size_t row = i * operands.a.size() + j;
      const DType resultType = isBool ? DType::Bool : dtype;
      const Scalar got = isBool ? ir::readScalar(DType::Bool, &bools[row])
                                : ir::readScalar(dtype, &results[row * size]);
      if (same(resultType, ops[i], got, expected)) continue;
      ++shown;
      CAPTURE(ir::name(ops[i]));
      CAPTURE(ir::name(dtype));
      CAPTURE(lanes);
      CAPTURE(j);
      if (ir::isFloat(dtype)) {
        CAPTURE(args[0].f);
        CAPTURE(args[1].f);
        if (isBool) CHECK(got.i == expected.i);
        if (!isBool) CHECK(got.f == expected.f);
      } else {
        CAPTURE(args[0].i);
        CAPTURE(args[1].i);
        CHECK(got.i == expected.i);
      }
    }
  }
}

constexpr DType kComputeTypes[] = {DType::Bool, DType::I32, DType::U32, DType::I64,
                                   DType::U64,  DType::F32, DType::F64};
constexpr DType kAllTypes[] = {DType::Bool, DType::I8,  DType::U8,  DType::I16, DType::U16,
                               DType::I32,  DType::U32, DType::I64, DType::U64, DType::F16,
                               DType::BF16, DType::F32, DType::F64};

std::vector<Scalar> castSamples(DType from) {
  std::vector<Scalar> values = samples(from);
  if (!ir::isFloat(from)) {
    // Ties of f16 and bf16, to both sides, and f16's last values before infinity; integers that f32
    // and f64 would round to a tie.
    for (const int64_t v :
         {INT64_C(2049), INT64_C(2051), INT64_C(4098), INT64_C(4102), INT64_C(65504),
          INT64_C(65519), INT64_C(65520), INT64_C(65521), INT64_C(257), INT64_C(259),
          (INT64_C(1) << 25) + (1 << 17) + 1, (INT64_C(1) << 62) + (INT64_C(1) << 54) + 1,
          (INT64_C(1) << 54) + (INT64_C(1) << 30) + 1}) {
      for (const int64_t sign : {1, -1}) {
        const int64_t wrapped = ir::wrapInteger(from, sign * v);
        if (wrapped == sign * v || from == DType::U64) values.push_back(ir::intScalar(wrapped));
      }
    }
    return values;
  }
  for (double v : {65504.0,
                   65519.9,
                   65520.0,
                   2049.0,
                   2051.0,
                   5.96e-8,
                   2.98e-8,
                   6.1e-5,
                   1.0009765,
                   3.4e38,
                   255.5,
                   256.0,
                   -129.0,
                   32768.5,
                   2147483648.0,
                   -2147483649.0,
                   4294967296.0,
                   9.3e18,
                   -9.3e18,
                   1.9e19,
                   1.00390625,
                   1.01171875,
                   127.9999,
                   1.0 + 0x1p-11,
                   1.0 + 0x1p-11 + 0x1p-40,
                   1.0 + 0x1p-8 + 0x1p-45}) {
    values.push_back(ir::floatScalar(ir::roundFloat(from, v)));
  }
  return values;
}

void checkCast(DType from, DType to, int lanes) {
  std::vector<Scalar> values = castSamples(from);
  while (values.size() % 16 != 0) values.push_back(values[0]);
  std::vector<ValueId> buffers;
  ir::Module kernel = tests::makeKernel({from, to}, buffers);
  KernelBuilder b(kernel);
  const ValueId at = b.apply(Opcode::Mul, {b.groupId(), b.literal(lanes)});
  b.store(buffers[1], at, b.cast(b.load(buffers[0], at, lanes), to));
  auto in = pack(from, values);
  const auto size = static_cast<size_t>(ir::byteSize(to));
  std::vector<std::byte> out(values.size() * size);
  const tests::CompiledKernel compiled(kernel);
  compiled.run({in.data(), out.data()}, static_cast<int64_t>(values.size()) / lanes);
  for (size_t i = 0; i < values.size(); ++i) {
    const Scalar expected = ir::castScalar(values[i], from, to);
    const Scalar got = ir::readScalar(to, &out[i * size]);
    if (same(to, Opcode::Cast, got, expected)) continue;
    CAPTURE(ir::name(from));
    CAPTURE(ir::name(to));
    CAPTURE(lanes);
    CAPTURE(ir::isFloat(from) ? values[i].f : static_cast<double>(values[i].i));
    if (ir::isFloat(to)) {
      CHECK(got.f == expected.f);
    } else {
      CHECK(got.i == expected.i);
    }
  }
}

/// min(max(x, low), high), then `then` (with `factor` if it takes two operands), to an integer.
struct Clamped {
  double low, high;
  std::optional<Opcode> then;
  double factor;
  DType to;
};

void checkClamped(const Clamped& c, int lanes) {
  const double inf = std::numeric_limits<double>::infinity();
  std::vector<float> values;
  for (double v : {0.0, 0.5, 63.9, 99.5, 127.0, 127.5, 128.0, 200.0, 2147483520.0, 2147483648.0,
                   9.3e18, inf}) {
    values.push_back(static_cast<float>(v));
    values.push_back(static_cast<float>(-v));
  }
  while (values.size() % 16 != 0) values.push_back(std::nanf(""));
  std::vector<ValueId> buffers;
  ir::Module kernel = tests::makeKernel({DType::F32, c.to}, buffers);
  KernelBuilder b(kernel);
  const ValueId at = b.apply(Opcode::Mul, {b.groupId(), b.literal(lanes)});
  const auto literal = [&](double x) { return b.literal(x, DType::F32, lanes); };
  ValueId x = b.apply(Opcode::Max, {b.load(buffers[0], at, lanes), literal(c.low)});
  x = b.apply(Opcode::Min, {x, literal(c.high)});
  const bool binary = c.then == Opcode::Mul;
  if (c.then) x = b.apply(*c.then, binary ? std::vector{x, literal(c.factor)} : std::vector{x});
  b.store(buffers[1], at, b.cast(x, c.to));
  const auto size = static_cast<size_t>(ir::byteSize(c.to));
  std::vector<std::byte> out(values.size() * size);
  const tests::CompiledKernel compiled(kernel);
  compiled.run({values.data(), out.data()}, static_cast<int64_t>(values.size()) / lanes);
  for (size_t i = 0; i < values.size(); ++i) {
    const auto apply = [](Opcode op, std::vector<Scalar> args) {
      bool zero = false;
      return ir::applyScalar(op, DType::F32, args.data(), zero);
    };
    Scalar y = apply(Opcode::Max, {ir::floatScalar(values[i]), ir::floatScalar(c.low)});
    y = apply(Opcode::Min, {y, ir::floatScalar(c.high)});
    if (c.then) y = apply(*c.then, {y, ir::floatScalar(c.factor)});
    CAPTURE(values[i]);
    CAPTURE(c.low);
    CAPTURE(c.high);
    CAPTURE(ir::name(c.to));
    CAPTURE(lanes);
    CHECK(ir::readScalar(c.to, &out[i * size]).i == ir::castScalar(y, DType::F32, c.to).i);
  }
}

}  // namespace

TEST_CASE("clamped floats saturate where the clamp does not keep them inside of the integers") {
  const Clamped cases[] = {
      {-2147483648.0, 2147483648.0, {}, 0, DType::I32},
      {-2147483648.0, 2147483520.0, {}, 0, DType::I32},
      {-9223372036854775808.0, 9223372036854775808.0, {}, 0, DType::I64},
      {-128, 128, {}, 0, DType::I8},
      {-200, 100, {}, 0, DType::I8},
      {-100, 200, {}, 0, DType::I8},
      {-100, 100, {}, 0, DType::I8},
      {-127.75, 127.75, Opcode::Round, 0, DType::I8},
      {-127.75, 127.75, Opcode::Ceil, 0, DType::I8},
      {-129.5, 127.75, Opcode::Neg, 0, DType::I8},
      {-129.5, 127.75, Opcode::Abs, 0, DType::I8},
      {-64, 64, Opcode::Mul, 2, DType::I8},
      {-64, 64, Opcode::Mul, 1.5, DType::I8},
      {-32768, 32768, {}, 0, DType::I16},
      {-100, 256, {}, 0, DType::U8},
      {-1, 255.5, Opcode::Round, 0, DType::U8},
  };
  for (const Clamped& c : cases) {
    for (int lanes : {1, 16}) checkClamped(c, lanes);
  }
}

TEST_CASE("what is known of a float that was squared sixty times is known at once") {
  std::vector<ValueId> buffers;
  ir::Module kernel = tests::makeKernel({DType::F32, DType::I32}, buffers);
  KernelBuilder b(kernel);
  ValueId x = b.load(buffers[0], b.groupId());
  for (int i = 0; i < 60; ++i) x = b.apply(Opcode::Mul, {x, x});
  b.store(buffers[1], b.groupId(), b.cast(x, DType::I32));
  std::vector<float> in{0, 1, -1, 2};
  std::vector<int32_t> out(4);
  tests::CompiledKernel(kernel).run({in.data(), out.data()}, 4);
  CHECK(out == std::vector<int32_t>{0, 1, 1, INT32_MAX});
}

TEST_CASE("scalar operations agree with their definition on scalars and vectors") {
  for (DType dtype : kComputeTypes) {
    for (int lanes : {1, 4, 16}) checkOps(dtype, lanes);
  }
}

TEST_CASE("vectors need not have a power of two of lanes") {
  for (DType dtype : kComputeTypes) checkOps(dtype, 3);
}

TEST_CASE("casts between all dtypes") {
  for (DType from : kAllTypes) {
    for (DType to : kAllTypes) {
      for (int lanes : {1, 16}) checkCast(from, to, lanes);
    }
  }
}

TEST_CASE("literals of every dtype") {
  for (DType dtype : kAllTypes) {
    for (int lanes : {1, 16}) {
      std::vector<ValueId> buffers;
      ir::Module kernel = tests::makeKernel({dtype}, buffers);
      KernelBuilder b(kernel);
      b.store(buffers[0], b.literal(0), b.literal(1, dtype, lanes));
      std::vector<std::byte> out(static_cast<size_t>(ir::byteSize(dtype) * lanes));
      tests::CompiledKernel(kernel).run({out.data()});
      CAPTURE(ir::name(dtype));
      for (int lane = 0; lane < lanes; ++lane) {
        const Scalar got =
            ir::readScalar(dtype, &out[static_cast<size_t>(lane * ir::byteSize(dtype))]);
        if (ir::isFloat(dtype)) {
          CHECK(got.f == 1.0);
        } else {
          CHECK(got.i == 1);
        }
      }
    }
  }
}
