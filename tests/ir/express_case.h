// Runs one graph primitive: as a module, through express, through the evaluator.
#pragma once

#include <doctest/doctest.h>

#include <cstdint>
#include <functional>
#include <random>
#include <vector>

#include "ir/evaluate.h"
#include "ir/express.h"
#include "ir/module.h"

namespace quartet::tests {

/// A tensor whose elements are small enough for a double.
struct Array {
  ir::DType dtype = ir::DType::F32;
  ir::Ints shape;
  std::vector<double> data;

  Array() = default;
  Array(ir::DType type, ir::Ints extents, double fill = 0);
  double& at(const ir::Ints& index) { return data[offset(index)]; }
  double at(const ir::Ints& index) const { return data[offset(index)]; }
  bool contains(const ir::Ints& index) const;

 private:
  size_t offset(const ir::Ints& index) const;
};

using Index = ir::Ints;
/// Calls f at every index of a shape, in row-major order.
void forEach(const ir::Ints& shape, const std::function<void(const Index&)>& f);

/// Seeded random choices.
class Dice {
 public:
  explicit Dice(uint32_t seed) : engine_(seed) {}
  /// lo <= n <= hi
  int64_t roll(int64_t lo, int64_t hi);
  bool flip() { return roll(0, 1) == 1; }
  /// Whole numbers of [-4, 4] (unsigned and bool: [0, 4] and [0, 1]): sums of them are exact.
  Array array(ir::DType dtype, const ir::Ints& shape);
  /// An extent: often small, sometimes prime, now and then zero.
  int64_t extent();
  ir::Ints shape(int rank);

 private:
  std::mt19937 engine_;
};

struct Outcome {
  Array result;
  uint32_t statusCode = 0;
};

/// One op with the attributes given, from `operands` to a result of `dtype` and `shape`. It runs
/// twice, with constant extents and with a symbol for every extent above 1 (but for the last extent
/// of operand `keepLast`); both must give the same.
Outcome runPrimitive(ir::Opcode op, const ir::Attributes& attributes,
                     const std::vector<Array>& operands, ir::DType dtype, const ir::Ints& shape,
                     int keepLast = -1);

/// Checks that the result has the shape of `expected` and is equal to it; NaN equals NaN.
void checkEqual(const Array& result, const Array& expected);

ir::Attributes attributes(std::initializer_list<std::pair<std::string, ir::Attribute>> entries);

}  // namespace quartet::tests
