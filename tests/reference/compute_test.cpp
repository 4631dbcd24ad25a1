// Contractions, convolutions, windows and reductions.

#include <cmath>
#include <random>

#include "tests/reference/harness.h"

namespace quartet::tests {
namespace {

Tensor contract(const Tensor& a, const Tensor& b, const Ints& lhs, const Ints& rhs, const Ints& out,
                const Ints& shape) {
  return evaluate(Opcode::Contract, {a, b}, a->dtype, shape,
                  {{"lhs", lhs}, {"rhs", rhs}, {"out", out}});
}

TEST_CASE("contract: matrix products") {
  const Tensor a = f32({2, 3}, {1, 2, 3, 4, 5, 6});
  const Tensor b = f32({3, 2}, {7, 8, 9, 10, 11, 12});
  CHECK_VALUES(contract(a, b, {0, 1}, {1, 2}, {0, 2}, {2, 2}), float, {58, 64, 139, 154});
  CHECK_VALUES(contract(a, b, {0, 1}, {1, 2}, {2, 0}, {2, 2}), float, {58, 139, 64, 154});
  const Tensor v = f32({3}, {1, 10, 100});
  CHECK_VALUES(contract(a, v, {0, 1}, {1}, {0}, {2}), float, {321, 654});
  CHECK_VALUES(contract(v, b, {1}, {1, 2}, {2}, {2}), float, {1197, 1308});
  CHECK_VALUES(contract(v, v, {0}, {0}, {}, {}), float, {10101});
  CHECK_VALUES(contract(v, v, {0}, {1}, {0, 1}, {3, 3}), float,
               {1, 10, 100, 10, 100, 1000, 100, 1000, 10000});
}

TEST_CASE("contract: batches, diagonals and labels of one side") {
  const Tensor a = counting({2, 2, 2});
  CHECK_VALUES(contract(a, a, {0, 1, 2}, {0, 2, 3}, {0, 1, 3}, {2, 2, 2}), float,
               {2, 3, 6, 11, 46, 55, 66, 79});
  // A repeated label walks the diagonal: the trace of each batch times a vector.
  CHECK_VALUES(contract(a, f32({2}, {1, 10}), {0, 1, 1}, {0}, {0}, {2}), float, {3, 110});
  // Labels that only one side has and the result lacks are summed.
  CHECK_VALUES(contract(a, f32({3}, {1, 2, 4}), {0, 1, 2}, {3}, {0}, {2}), float, {42, 154});
  // Elementwise: every label is in all three.
  CHECK_VALUES(contract(a, a, {0, 1, 2}, {0, 1, 2}, {0, 1, 2}, {2, 2, 2}), float,
               {0, 1, 4, 9, 16, 25, 36, 49});
}

TEST_CASE("contract: integers are exact and wrap") {
  const Tensor a = tensor<int32_t>({1, 2}, {-2000000000, 3});
  const Tensor b = tensor<int32_t>({2, 1}, {2, -5});
  CHECK_VALUES(contract(a, b, {0, 1}, {1, 2}, {0, 2}, {1, 1}), int32_t, {294967281});
  const int64_t big = (INT64_C(1) << 53) + 1;
  CHECK_VALUES(contract(i64({1}, {big}), i64({1}, {3}), {0}, {0}, {}, {}), int64_t, {3 * big});
}

TEST_CASE("contract: accumulates in double precision") {
  const Tensor a = f32({3}, {1e8f, 1, -1e8f});
  CHECK_VALUES(contract(a, f32({3}, {1, 1, 1}), {0}, {0}, {}, {}), float, {1});
}

TEST_CASE("contract: empty axes") {
  CHECK_VALUES(contract(f32({2, 0}, {}), f32({0, 2}, {}), {0, 1}, {1, 2}, {0, 2}, {2, 2}), float,
               {0, 0, 0, 0});
  CHECK_VALUES(contract(f32({0, 2}, {}), f32({2, 2}, {1, 2, 3, 4}), {0, 1}, {1, 2}, {0, 2}, {0, 2}),
               float, {});
}

TEST_CASE("contract: sizes around the blocks of the product equal plain loops") {
  std::mt19937 random(1);
  std::uniform_int_distribution<int> digit(-4, 4);
  for (const int64_t m : {1, 3, 4, 5, 33}) {
    for (const int64_t n : {1, 7, 8, 9, 31, 32, 33, 70}) {
      const int64_t k = 11;
      std::vector<float> a, b, c;
      for (int64_t i = 0; i < m * k; ++i) a.push_back(static_cast<float>(digit(random)));
      for (int64_t i = 0; i < k * n; ++i) b.push_back(static_cast<float>(digit(random)));
      for (int64_t i = 0; i < m * n; ++i) {
        float sum = 0;
        for (int64_t j = 0; j < k; ++j) {
          sum += a[static_cast<size_t>(i / n * k + j)] * b[static_cast<size_t>(j * n + i % n)];
        }
        c.push_back(sum);
      }
      CAPTURE(m);
      CAPTURE(n);
      CHECK(values<float>(
                contract(f32({m, k}, a), f32({k, n}, b), {0, 1}, {1, 2}, {0, 2}, {m, n})) == c);
    }
  }
}

TEST_CASE("contract: work shared by threads gives the same values") {
  const int64_t n = 300;
  std::vector<int32_t> left, sums(static_cast<size_t>(n * n));
  for (int64_t i = 0; i < n * n; ++i) left.push_back(static_cast<int32_t>(i * i % 1009));
  for (size_t i = 0; i < n; ++i) {
    for (size_t k = 0; k < n; ++k) {
      for (size_t j = 0; j < n; ++j) sums[i * n + j] += left[i * n + k] * left[k * n + j];
    }
  }
  const Tensor a = tensor<int32_t>({n, n}, left);
  CHECK(values<int32_t>(contract(a, a, {0, 1}, {1, 2}, {0, 2}, {n, n})) == sums);
}

AttributeList convolution(Ints strides, Ints dilations, Ints pads, int64_t group = 1) {
  return {{"strides", std::move(strides)},
          {"dilations", std::move(dilations)},
          {"pads", std::move(pads)},
          {"group", group}};
}

TEST_CASE("conv") {
  const Tensor x = counting({1, 1, 3, 3});
  const Tensor ones = f32({1, 1, 2, 2}, {1, 1, 1, 1});
  CHECK_VALUES(evaluate(Opcode::Conv, {x, ones}, DType::F32, {1, 1, 2, 2},
                        convolution({1, 1}, {1, 1}, {0, 0, 0, 0})),
               float, {8, 12, 20, 24});
  // Only begin pads, stride 2: windows start at -1 and 1.
  CHECK_VALUES(evaluate(Opcode::Conv, {x, ones}, DType::F32, {1, 1, 2, 2},
                        convolution({2, 2}, {1, 1}, {1, 1, 0, 0})),
               float, {0, 3, 9, 24});
  CHECK_VALUES(evaluate(Opcode::Conv, {x, f32({1, 1, 2, 2}, {1, 10, 100, 1000})}, DType::F32,
                        {1, 1, 1, 1}, convolution({1, 1}, {2, 2}, {0, 0, 0, 0})),
               float, {0 + 20 + 600 + 8000});
  // Groups: each filter sees its own channel. One dimension, two images.
  CHECK_VALUES(evaluate(Opcode::Conv, {counting({2, 2, 2}), f32({2, 1, 1}, {1, 10})}, DType::F32,
                        {2, 2, 2}, convolution({1}, {1}, {0, 0}, 2)),
               float, {0, 1, 20, 30, 4, 5, 60, 70});
  CHECK_VALUES(evaluate(Opcode::Conv, {counting({1, 2, 2}), f32({1, 2, 1}, {1, 10})}, DType::F32,
                        {1, 1, 2}, convolution({1}, {1}, {0, 0})),
               float, {20, 31});
  CHECK_VALUES(evaluate(Opcode::Conv,
                        {tensor<int32_t>({1, 1, 2}, {-3, 5}), tensor<int32_t>({1, 1, 2}, {7, -2})},
                        DType::I32, {1, 1, 3}, convolution({1}, {1}, {1, 1})),
               int32_t, {6, -31, 35});
  CHECK_VALUES(evaluate(Opcode::Conv, {f32({0, 1, 2}, {}), f32({1, 1, 1}, {1})}, DType::F32,
                        {0, 1, 2}, convolution({1}, {1}, {0, 0})),
               float, {});
}

TEST_CASE("conv in three dimensions") {
  CHECK_VALUES(
      evaluate(Opcode::Conv, {counting({1, 1, 2, 2, 2}), counting({1, 1, 2, 2, 2})}, DType::F32,
               {1, 1, 1, 1, 1}, convolution({1, 1, 1}, {1, 1, 1}, {0, 0, 0, 0, 0, 0})),
      float, {140});
}

TEST_CASE("conv_transpose scatters what conv gathers") {
  const Tensor x = f32({1, 1, 2}, {1, 10});
  const Tensor w = f32({1, 1, 3}, {1, 2, 3});
  CHECK_VALUES(
      evaluate(Opcode::ConvTranspose, {x, w}, DType::F32, {1, 1, 4}, convolution({1}, {1}, {0, 0})),
      float, {1, 12, 23, 30});
  CHECK_VALUES(
      evaluate(Opcode::ConvTranspose, {x, w}, DType::F32, {1, 1, 5}, convolution({2}, {1}, {0, 0})),
      float, {1, 2, 13, 20, 30});
  CHECK_VALUES(
      evaluate(Opcode::ConvTranspose, {x, w}, DType::F32, {1, 1, 3}, convolution({2}, {1}, {1, 1})),
      float, {2, 13, 20});
  CHECK_VALUES(
      evaluate(Opcode::ConvTranspose, {x, w}, DType::F32, {1, 1, 6}, convolution({1}, {2}, {0, 0})),
      float, {1, 10, 2, 20, 3, 30});
  // Output padding: one more position than the formula gives.
  CHECK_VALUES(evaluate(Opcode::ConvTranspose, {x, f32({1, 1, 1}, {1})}, DType::F32, {1, 1, 4},
                        convolution({2}, {1}, {0, 0})),
               float, {1, 0, 10, 0});
  // Two channels into two filters, then in two groups of one.
  const Tensor two = f32({1, 2, 1}, {1, 10});
  CHECK_VALUES(evaluate(Opcode::ConvTranspose, {two, f32({2, 2, 1}, {1, 2, 3, 4})}, DType::F32,
                        {1, 2, 1}, convolution({1}, {1}, {0, 0})),
               float, {31, 42});
  CHECK_VALUES(evaluate(Opcode::ConvTranspose, {two, f32({2, 2, 1}, {1, 2, 3, 4})}, DType::F32,
                        {1, 4, 1}, convolution({1}, {1}, {0, 0}, 2)),
               float, {1, 2, 30, 40});
}

AttributeList window(Opcode fn, Ints window, Ints strides, Ints dilations, Ints pads) {
  return {{"fn", fn},
          {"window", std::move(window)},
          {"strides", std::move(strides)},
          {"dilations", std::move(dilations)},
          {"pads", std::move(pads)}};
}

TEST_CASE("window") {
  const Tensor x = counting({1, 3, 3});
  CHECK_VALUES(evaluate(Opcode::Window, {x}, DType::F32, {1, 2, 2},
                        window(Opcode::Max, {1, 2, 2}, {1, 1, 1}, {1, 1, 1}, {0, 0, 0, 0, 0, 0})),
               float, {4, 5, 7, 8});
  CHECK_VALUES(evaluate(Opcode::Window, {x}, DType::F32, {1, 2, 2},
                        window(Opcode::Add, {1, 2, 2}, {1, 2, 2}, {1, 1, 1}, {0, 1, 1, 0, 0, 0})),
               float, {0, 3, 9, 24});
  CHECK_VALUES(evaluate(Opcode::Window, {x}, DType::F32, {1, 1, 1},
                        window(Opcode::Min, {1, 2, 2}, {1, 1, 1}, {1, 2, 2}, {0, 0, 0, 0, 0, 0})),
               float, {0});
  // A running product, and windows that see nothing: the identity.
  CHECK_VALUES(evaluate(Opcode::Window, {f32({3}, {2, 3, 4})}, DType::F32, {4},
                        window(Opcode::Mul, {3}, {1}, {1}, {3, 2})),
               float, {1, 2, 6, 24});
  CHECK_VALUES(evaluate(Opcode::Window, {f32({1}, {2})}, DType::F32, {2},
                        window(Opcode::Max, {1}, {1}, {1}, {1, 0})),
               float, {-INFINITY, 2});
  CHECK_VALUES(evaluate(Opcode::Window, {tensor<int8_t>({1}, {2})}, DType::I8, {2},
                        window(Opcode::Max, {1}, {1}, {1}, {1, 0})),
               int8_t, {-128, 2});
}

Tensor reduce(Opcode fn, const Tensor& x, const Ints& axes, const Ints& shape) {
  return evaluate(Opcode::Reduce, {x}, x->dtype, shape, {{"fn", fn}, {"axes", axes}});
}

TEST_CASE("reduce") {
  const Tensor x = counting({2, 2, 3});
  CHECK_VALUES(reduce(Opcode::Add, x, {2}, {2, 2}), float, {3, 12, 21, 30});
  CHECK_VALUES(reduce(Opcode::Add, x, {0, 2}, {2}), float, {24, 42});
  CHECK_VALUES(reduce(Opcode::Max, x, {0, 1, 2}, {}), float, {11});
  CHECK_VALUES(reduce(Opcode::Min, x, {1}, {2, 3}), float, {0, 1, 2, 6, 7, 8});
  CHECK_VALUES(reduce(Opcode::Mul, f32({3}, {2, 3, 4}), {0}, {}), float, {24});
  CHECK_VALUES(reduce(Opcode::Add, f32({3}, {1e8f, 1, -1e8f}), {0}, {}), float, {1});
  CHECK_VALUES(reduce(Opcode::Add, tensor<uint8_t>({2}, {200, 100}), {0}, {}), uint8_t, {44});
  CHECK_VALUES(reduce(Opcode::And, bools({2, 2}, {1, 1, 0, 1}), {1}, {2}), uint8_t, {1, 0});
  CHECK_VALUES(reduce(Opcode::Or, bools({2, 2}, {0, 0, 0, 1}), {1}, {2}), uint8_t, {0, 1});
  CHECK(std::isnan(values<float>(reduce(Opcode::Max, f32({3}, {1, NAN, 2}), {0}, {}))[0]));
  CHECK(std::isnan(values<float>(reduce(Opcode::Min, f32({3}, {1, 2, NAN}), {0}, {}))[0]));
}

TEST_CASE("reduce: an empty axis gives the identity") {
  const Tensor x = f32({2, 0}, {});
  CHECK_VALUES(reduce(Opcode::Add, x, {1}, {2}), float, {0, 0});
  CHECK_VALUES(reduce(Opcode::Mul, x, {1}, {2}), float, {1, 1});
  CHECK_VALUES(reduce(Opcode::Max, x, {1}, {2}), float, {-INFINITY, -INFINITY});
  CHECK_VALUES(reduce(Opcode::Min, tensor<int32_t>({0}, {}), {0}, {}), int32_t, {INT32_MAX});
  CHECK_VALUES(reduce(Opcode::And, bools({0}, {}), {0}, {}), uint8_t, {1});
}

Tensor argReduce(Opcode fn, const Tensor& x, int64_t axis, int64_t last, const Ints& shape) {
  return evaluate(Opcode::ArgReduce, {x}, DType::I64, shape,
                  {{"fn", fn}, {"axis", axis}, {"last", last}});
}

TEST_CASE("arg_reduce") {
  const Tensor x = f32({2, 3}, {1, 3, 3, 5, 2, 2});
  CHECK_VALUES(argReduce(Opcode::Max, x, 1, 0, {2}), int64_t, {1, 0});
  CHECK_VALUES(argReduce(Opcode::Max, x, 1, 1, {2}), int64_t, {2, 0});
  CHECK_VALUES(argReduce(Opcode::Min, x, 1, 0, {2}), int64_t, {0, 1});
  CHECK_VALUES(argReduce(Opcode::Min, x, 1, 1, {2}), int64_t, {0, 2});
  CHECK_VALUES(argReduce(Opcode::Max, x, 0, 0, {3}), int64_t, {1, 0, 0});
  const Tensor nan = f32({4}, {1, NAN, 7, NAN});
  CHECK_VALUES(argReduce(Opcode::Max, nan, 0, 0, {}), int64_t, {1});
  CHECK_VALUES(argReduce(Opcode::Min, nan, 0, 1, {}), int64_t, {3});
}

}  // namespace
}  // namespace quartet::tests
