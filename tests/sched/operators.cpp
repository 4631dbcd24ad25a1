#include "tests/sched/operators.h"

#include <random>

namespace quartet::test {

namespace {

std::string list(std::initializer_list<int64_t> extents) {
  std::string text;
  for (const int64_t extent : extents) {
    text += (text.empty() ? "" : ", ") + std::to_string(extent);
  }
  return text;
}

std::string padded(int64_t channels, int64_t filters, int64_t group, int64_t rows,
                   int64_t columns) {
  const std::string weights = "f32[" + list({filters, channels / group, 3, 3}) + "]";
  const std::string result = "f32[" + list({1, filters, rows, columns}) + "]";
  return "graph @g(%x: f32[" + list({1, channels, rows, columns}) +
         "]) -> (\"y\") {\n  %w = constant {hash = \"w\"} : " + weights +
         "\n  %y = conv %x, %w {dilations = [1, 1], group = " + std::to_string(group) +
         ", pads = [1, 1, 1, 1], strides = [1, 1]} : " + result +
         "\n  return %y\n}\nconstant \"w\" " + weights + " = elided";
}

std::string largest(int64_t channels, int64_t rows, int64_t columns) {
  return "graph @g(%x: f32[" + list({channels, rows, columns}) +
         "]) -> (\"y\") {\n  %y = window %x {dilations = [1, 1, 1], fn = max, pads = [0, 1, 1, 0, "
         "1, 1], strides = [1, 1, 1], window = [1, 3, 3]} : f32[" +
         list({channels, rows, columns}) + "]\n  return %y\n}";
}

std::string sum(int64_t rows, int64_t steps, int64_t columns) {
  return "graph @g(%x: f32[" + list({rows, steps, columns}) +
         "]) -> (\"y\") {\n  %y = reduce %x {axes = [1], fn = add} : f32[" + list({rows, columns}) +
         "]\n  return %y\n}";
}

std::string roots(int64_t rows, int64_t columns) {
  const std::string type = "f32[" + list({rows, columns}) + "]";
  return "graph @g(%x: " + type + ") -> (\"y\") {\n  %a = abs %x : " + type +
         "\n  %y = sqrt %a : " + type + "\n  return %y\n}";
}

}  // namespace

std::string matmul(int64_t rows, int64_t steps, int64_t columns) {
  const std::string result = "f32[" + list({rows, columns}) + "]";
  return "graph @g(%x: f32[" + list({rows, steps}) + "], %w: f32[" + list({steps, columns}) +
         "], %b: f32[" + list({columns}) +
         "]) -> (\"y\") {\n  %p = contract %x, %w {lhs = [0, 2], out = [0, 1], rhs = [2, 1]} : " +
         result + "\n  %y = add %p, %b : " + result + "\n  return %y\n}";
}

std::string convolution(int64_t channels, int64_t filters, int64_t side) {
  return padded(channels, filters, 1, side, side);
}

std::string drawnOperator(uint64_t seed) {
  std::mt19937_64 random(seed);
  const auto between = [&](int64_t lo, int64_t hi) {
    return lo + static_cast<int64_t>(random() % static_cast<uint64_t>(hi - lo + 1));
  };
  switch (random() % 6) {
    case 0:
      return matmul(between(1, 48), between(1, 96), between(1, 80));
    case 1:
      return matmul(between(1, 4), between(200, 600), between(1, 24));
    case 2: {
      const int64_t channels = between(1, 6);
      return random() % 2 == 0
                 ? padded(channels, channels, channels, between(3, 14), between(3, 40))
                 : padded(channels, between(1, 12), 1, between(3, 9), between(3, 9));
    }
    case 3:
      return largest(between(1, 5), between(2, 12), between(2, 40));
    case 4:
      return sum(between(1, 6), between(2, 300), between(1, 20));
    default:
      return roots(between(1, 60), between(1, 60));
  }
}

}  // namespace quartet::test
