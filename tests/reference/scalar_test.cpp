// Scalar operations: values by hand, at the edges that ir/scalar.def settles.

#include <cmath>

#include "tests/reference/harness.h"

namespace quartet::tests {
namespace {

template <class T>
Tensor binary(Opcode opcode, const std::vector<T>& a, const std::vector<T>& b) {
  const Ints shape = {static_cast<int64_t>(a.size())};
  return evaluate(opcode, {tensor<T>(shape, a), tensor<T>(shape, b)}, dtypeOf<T>(), shape);
}

template <class T>
Tensor unary(Opcode opcode, const std::vector<T>& a) {
  const Ints shape = {static_cast<int64_t>(a.size())};
  return evaluate(opcode, {tensor<T>(shape, a)}, dtypeOf<T>(), shape);
}

template <class T>
Tensor compare(Opcode opcode, const std::vector<T>& a, const std::vector<T>& b) {
  const Ints shape = {static_cast<int64_t>(a.size())};
  return evaluate(opcode, {tensor<T>(shape, a), tensor<T>(shape, b)}, DType::Bool, shape);
}

Tensor cast(const Tensor& x, DType to) { return evaluate(Opcode::Cast, {x}, to, x->shape); }

TEST_CASE("integers wrap modulo 2^bits") {
  CHECK_VALUES(binary<int8_t>(Opcode::Add, {127, -128, 5}, {1, -1, 6}), int8_t, {-128, 127, 11});
  CHECK_VALUES(binary<uint8_t>(Opcode::Sub, {0, 5}, {1, 3}), uint8_t, {255, 2});
  CHECK_VALUES(binary<int32_t>(Opcode::Mul, {65536, -3}, {65536, 7}), int32_t, {0, -21});
  CHECK_VALUES(binary<int64_t>(Opcode::Add, {INT64_MAX}, {1}), int64_t, {kMin64});
  CHECK_VALUES(binary<uint64_t>(Opcode::Mul, {UINT64_C(1) << 63}, {3}), uint64_t,
               {UINT64_C(1) << 63});
  CHECK_VALUES(unary<int8_t>(Opcode::Neg, {-128, 3}), int8_t, {-128, -3});
  CHECK_VALUES(unary<int64_t>(Opcode::Abs, {kMin64, -3}), int64_t, {kMin64, 3});
  CHECK_VALUES(unary<int16_t>(Opcode::Sign, {-7, 0, 9}), int16_t, {-1, 0, 1});
}

TEST_CASE("four integer divisions differ in signs") {
  const std::vector<int32_t> a = {7, -7, 7, -7};
  const std::vector<int32_t> b = {2, 2, -2, -2};
  CHECK_VALUES(binary(Opcode::Div, a, b), int32_t, {3, -3, -3, 3});
  CHECK_VALUES(binary(Opcode::FloorDiv, a, b), int32_t, {3, -4, -4, 3});
  CHECK_VALUES(binary(Opcode::Rem, a, b), int32_t, {1, -1, 1, -1});
  CHECK_VALUES(binary(Opcode::Mod, a, b), int32_t, {1, 1, -1, -1});
  CHECK_VALUES(binary<int64_t>(Opcode::Div, {kMin64}, {-1}), int64_t, {kMin64});
  CHECK_VALUES(binary<int64_t>(Opcode::Mod, {kMin64}, {-1}), int64_t, {0});
  CHECK_VALUES(binary<int8_t>(Opcode::Div, {-128}, {-1}), int8_t, {-128});
  CHECK_VALUES(binary<uint64_t>(Opcode::Div, {UINT64_MAX}, {2}), uint64_t, {INT64_MAX});
}

TEST_CASE("integer division by zero names the node") {
  for (const Opcode opcode : {Opcode::Div, Opcode::FloorDiv, Opcode::Rem, Opcode::Mod}) {
    const auto result = tryEvaluate(opcode, {i64({2}, {1, 2}), i64({2}, {1, 0})}, DType::I64, {2});
    REQUIRE(!result.has_value());
    CHECK(result.error().kind == Diagnostic::Kind::User);
    CHECK(result.error().message.find("division by zero") != std::string::npos);
    CHECK(result.error().where == "node 'node1' (" + std::string(ir::name(opcode)) + ")");
  }
}

TEST_CASE("float arithmetic") {
  CHECK_VALUES(binary<float>(Opcode::Div, {1, -1, 3}, {0, 0, 2}), float,
               {INFINITY, -INFINITY, 1.5f});
  CHECK_VALUES(binary<float>(Opcode::Rem, {5.5f, -5.5f}, {2, 2}), float, {1.5f, -1.5f});
  CHECK_VALUES(binary<float>(Opcode::Mod, {5.5f, -5.5f, 5.5f}, {2, 2, -2}), float,
               {1.5f, 0.5f, -0.5f});
  CHECK_VALUES(binary<float>(Opcode::FloorDiv, {5.5f, -5.5f}, {2, 2}), float, {2, -3});
  CHECK_VALUES(binary<float>(Opcode::Pow, {2, 4, 2}, {10, 0.5f, -1}), float, {1024, 2, 0.5f});
  CHECK_VALUES(binary<float>(Opcode::Min, {1, -INFINITY}, {2, 3}), float, {1, -INFINITY});
  CHECK_VALUES(binary<float>(Opcode::Max, {1, -INFINITY}, {2, 3}), float, {2, 3});
  CHECK_VALUES(unary<float>(Opcode::Round, {0.5f, 1.5f, 2.5f, -0.5f, -1.5f}), float,
               {0, 2, 2, 0, -2});
  CHECK_VALUES(unary<float>(Opcode::Sign, {-2, 0, 3}), float, {-1, 0, 1});
  // Rounded to f32 after the op: 2^24 + 1 is not representable.
  CHECK_VALUES(binary<float>(Opcode::Add, {16777216}, {1}), float, {16777216});
  CHECK_VALUES(binary<double>(Opcode::Add, {16777216}, {1}), double, {16777217});
}

TEST_CASE("min, max and sign keep NaN") {
  for (const Opcode opcode : {Opcode::Min, Opcode::Max}) {
    for (const float x : values<float>(binary<float>(opcode, {NAN, 1, NAN}, {1, NAN, NAN}))) {
      CHECK(std::isnan(x));
    }
  }
  CHECK(std::isnan(values<float>(unary<float>(Opcode::Sign, {NAN}))[0]));
}

TEST_CASE("functions") {
  struct Case {
    Opcode opcode;
    double x, y;
  };
  for (const Case& c : {Case{Opcode::Sqrt, 2, 1.4142135623730951},
                        {Opcode::Exp, 1, 2.718281828459045},
                        {Opcode::Log, 10, 2.302585092994046},
                        {Opcode::Sin, 1, 0.8414709848078965},
                        {Opcode::Cos, 1, 0.5403023058681398},
                        {Opcode::Tan, 1, 1.5574077246549023},
                        {Opcode::Asin, 0.5, 0.5235987755982989},
                        {Opcode::Acos, 0.5, 1.0471975511965979},
                        {Opcode::Atan, 1, 0.7853981633974483},
                        {Opcode::Sinh, 1, 1.1752011936438014},
                        {Opcode::Cosh, 1, 1.5430806348152437},
                        {Opcode::Tanh, 1, 0.7615941559557649},
                        {Opcode::Asinh, 1, 0.881373587019543},
                        {Opcode::Acosh, 2, 1.3169578969248166},
                        {Opcode::Atanh, 0.5, 0.5493061443340549},
                        {Opcode::Erf, 0.5, 0.5204998778130465},
                        {Opcode::Floor, -1.5, -2},
                        {Opcode::Ceil, -1.5, -1},
                        {Opcode::Abs, -3, 3},
                        {Opcode::Neg, 3, -3}}) {
    CAPTURE(ir::name(c.opcode));
    CHECK(values<double>(unary<double>(c.opcode, {c.x}))[0] == doctest::Approx(c.y).epsilon(1e-15));
    CHECK(values<float>(unary<float>(c.opcode, {static_cast<float>(c.x)}))[0] ==
          static_cast<float>(c.y));
  }
}

TEST_CASE("integer powers are exact") {
  CHECK_VALUES(binary<int64_t>(Opcode::Pow, {3, -2, 2, 1, -1, -1, 0}, {39, 3, -1, -5, -3, -2, 0}),
               int64_t, {INT64_C(4052555153018976267), -8, 0, 1, -1, 1, 1});
  CHECK_VALUES(binary<uint8_t>(Opcode::Pow, {3}, {6}), uint8_t, {729 % 256});
}

TEST_CASE("bits and logic") {
  CHECK_VALUES(binary<int32_t>(Opcode::And, {12, -1}, {10, 7}), int32_t, {8, 7});
  CHECK_VALUES(binary<int32_t>(Opcode::Or, {12}, {10}), int32_t, {14});
  CHECK_VALUES(binary<int32_t>(Opcode::Xor, {12}, {10}), int32_t, {6});
  CHECK_VALUES(unary<uint8_t>(Opcode::Not, {1}), uint8_t, {254});
  CHECK_VALUES(binary<uint8_t>(Opcode::Shl, {129, 1, 1}, {1, 7, 8}), uint8_t, {2, 128, 0});
  CHECK_VALUES(binary<int8_t>(Opcode::Shr, {-128, -1, -1}, {2, 7, 8}), int8_t, {-32, -1, 0});
  CHECK_VALUES(binary<uint64_t>(Opcode::Shr, {UINT64_MAX, 5}, {63, 64}), uint64_t, {1, 0});
  const Tensor a = bools({4}, {0, 0, 1, 1});
  const Tensor b = bools({4}, {0, 1, 0, 1});
  CHECK_VALUES(evaluate(Opcode::And, {a, b}, DType::Bool, {4}), uint8_t, {0, 0, 0, 1});
  CHECK_VALUES(evaluate(Opcode::Or, {a, b}, DType::Bool, {4}), uint8_t, {0, 1, 1, 1});
  CHECK_VALUES(evaluate(Opcode::Xor, {a, b}, DType::Bool, {4}), uint8_t, {0, 1, 1, 0});
  CHECK_VALUES(evaluate(Opcode::Not, {a}, DType::Bool, {4}), uint8_t, {1, 1, 0, 0});
  CHECK_VALUES(evaluate(Opcode::Eq, {a, b}, DType::Bool, {4}), uint8_t, {1, 0, 0, 1});
  const auto sum = tryEvaluate(Opcode::Add, {a, b}, DType::Bool, {4});
  REQUIRE(!sum.has_value());
  CHECK(sum.error().kind == Diagnostic::Kind::Unsupported);
}

TEST_CASE("comparisons") {
  CHECK_VALUES(compare<float>(Opcode::Lt, {1, NAN, 2}, {2, 1, 2}), uint8_t, {1, 0, 0});
  CHECK_VALUES(compare<float>(Opcode::Le, {1, NAN, 2}, {2, 1, 2}), uint8_t, {1, 0, 1});
  CHECK_VALUES(compare<float>(Opcode::Ge, {1, NAN, 2}, {2, 1, 2}), uint8_t, {0, 0, 1});
  CHECK_VALUES(compare<float>(Opcode::Eq, {NAN, 2}, {NAN, 2}), uint8_t, {0, 1});
  CHECK_VALUES(compare<float>(Opcode::Ne, {NAN, 2}, {NAN, 2}), uint8_t, {1, 0});
  CHECK_VALUES(compare<int64_t>(Opcode::Gt, {INT64_MAX, -1}, {INT64_MAX - 1, 0}), uint8_t, {1, 0});
  CHECK_VALUES(compare<uint64_t>(Opcode::Gt, {UINT64_MAX}, {1}), uint8_t, {1});
  const Tensor x = f32({4}, {NAN, INFINITY, -INFINITY, 1});
  CHECK_VALUES(evaluate(Opcode::IsNan, {x}, DType::Bool, {4}), uint8_t, {1, 0, 0, 0});
  CHECK_VALUES(evaluate(Opcode::IsInf, {x}, DType::Bool, {4}), uint8_t, {0, 1, 1, 0});
}

TEST_CASE("casts: floats truncate and saturate, integers wrap") {
  const Tensor x = f32({7}, {1.9f, -1.9f, 300, -300, NAN, INFINITY, 1e30f});
  CHECK_VALUES(cast(x, DType::I8), int8_t, {1, -1, 127, -128, 0, 127, 127});
  CHECK_VALUES(cast(x, DType::U8), uint8_t, {1, 0, 255, 0, 0, 255, 255});
  CHECK_VALUES(cast(x, DType::I64), int64_t, {1, -1, 300, -300, 0, INT64_MAX, INT64_MAX});
  CHECK_VALUES(cast(x, DType::U64), uint64_t, {1, 0, 300, 0, 0, UINT64_MAX, UINT64_MAX});
  CHECK_VALUES(cast(f32({3}, {0, -0.5f, NAN}), DType::Bool), uint8_t, {0, 1, 1});
  CHECK_VALUES(cast(i64({3}, {257, -1, INT64_C(1) << 40}), DType::U8), uint8_t, {1, 255, 0});
  CHECK_VALUES(cast(i64({2}, {256, 0}), DType::Bool), uint8_t, {1, 0});
  CHECK_VALUES(cast(bools({2}, {0, 1}), DType::F32), float, {0, 1});
  CHECK_VALUES(cast(i64({1}, {(INT64_C(1) << 53) + 1}), DType::I64), int64_t,
               {(INT64_C(1) << 53) + 1});
  // One rounding from i64 to f32: through f64 it would round down to a tie, then to even.
  CHECK_VALUES(cast(i64({1}, {(INT64_C(1) << 60) + (INT64_C(1) << 36) + 1}), DType::F32), float,
               {1152921642045800448.0f});
}

TEST_CASE("16-bit floats") {
  const Tensor x = f32({8}, {1, -2, 65504, 65520, 5.9604645e-8f, 1e-9f, 2049, 2051});
  CHECK_VALUES(cast(x, DType::F16), uint16_t,
               {0x3c00, 0xc000, 0x7bff, 0x7c00, 0x0001, 0x0000, 0x6800, 0x6802});
  CHECK_VALUES(cast(f32({3}, {1, 257, NAN}), DType::BF16), uint16_t, {0x3f80, 0x4380, 0x7fc0});
  const Tensor half = bits16(DType::F16, {5}, {0x3c00, 0x0001, 0x7c00, 0xfbff, 0x8000});
  CHECK_VALUES(cast(half, DType::F32), float, {1, 5.9604645e-8f, INFINITY, -65504, -0.0f});
  // 1 + 2^-11 is half way between two f16 values: to even.
  const Tensor one = bits16(DType::F16, {1}, {0x3c00});
  const Tensor tiny = bits16(DType::F16, {1}, {0x1000});
  CHECK_VALUES(evaluate(Opcode::Add, {one, tiny}, DType::F16, {1}), uint16_t, {0x3c00});
}

TEST_CASE("every f16 and bf16 value survives a round trip") {
  for (const DType dtype : {DType::F16, DType::BF16}) {
    std::vector<uint16_t> all;
    const int infinity = dtype == DType::F16 ? 0x7c00 : 0x7f80;
    for (int bits = 0; bits < 0x10000; ++bits) {
      if ((bits & 0x7fff) <= infinity) all.push_back(static_cast<uint16_t>(bits));
    }
    const Tensor x = bits16(dtype, {static_cast<int64_t>(all.size())}, all);
    CHECK(values<uint16_t>(cast(cast(x, DType::F32), dtype)) == all);
  }
}

TEST_CASE("broadcasting") {
  const Tensor column = f32({2, 1}, {10, 20});
  const Tensor row = f32({3}, {1, 2, 3});
  CHECK_VALUES(evaluate(Opcode::Add, {column, row}, DType::F32, {2, 3}), float,
               {11, 12, 13, 21, 22, 23});
  const Tensor scalar = f32({}, {100});
  CHECK_VALUES(evaluate(Opcode::Add, {row, scalar}, DType::F32, {3}), float, {101, 102, 103});
  CHECK_VALUES(evaluate(Opcode::Mul, {counting({2, 2, 2}), f32({2, 1, 2}, {1, 2, 3, 4})},
                        DType::F32, {2, 2, 2}),
               float, {0, 2, 2, 6, 12, 20, 18, 28});
  const Tensor condition = bools({2, 1}, {1, 0});
  CHECK_VALUES(evaluate(Opcode::Select, {condition, row, scalar}, DType::F32, {2, 3}), float,
               {1, 2, 3, 100, 100, 100});
  CHECK_VALUES(evaluate(Opcode::Fma, {row, row, scalar}, DType::F32, {3}), float, {101, 104, 109});
}

TEST_CASE("broadcasting over more than one run of values") {
  const Tensor big = counting({3, 5000});
  const Tensor result =
      evaluate(Opcode::Add, {big, f32({3, 1}, {0, 100000, 200000})}, DType::F32, {3, 5000});
  const auto sum = values<float>(result);
  for (size_t i = 0; i < sum.size(); ++i) {
    const size_t jump = i / 5000 * 100000;
    REQUIRE(sum[i] == static_cast<float>(i + jump));
  }
}

TEST_CASE("empty tensors") {
  const Tensor nothing = f32({0, 3}, {});
  CHECK_VALUES(evaluate(Opcode::Add, {nothing, f32({3}, {1, 2, 3})}, DType::F32, {0, 3}), float,
               {});
}

}  // namespace
}  // namespace quartet::tests
