// Running results, scattered updates and orders, against plain loops.

#include <algorithm>
#include <cmath>
#include <numeric>

#include "ir/kernel.h"
#include "tests/ir/express_case.h"

using namespace quartet;
using namespace quartet::ir;
using namespace quartet::tests;

namespace {

double combined(Opcode fn, double a, double b) {
  switch (fn) {
    case Opcode::Add:
      return a + b;
    case Opcode::Mul:
      return a * b;
    case Opcode::Max:
      return std::max(a, b);
    default:
      return std::min(a, b);
  }
}

double identityFor(Opcode fn) {
  if (fn == Opcode::Add || fn == Opcode::Mul) return fn == Opcode::Mul ? 1 : 0;
  return fn == Opcode::Max ? -INFINITY : INFINITY;
}

Opcode anyFunction(Dice& dice) {
  constexpr Opcode kFunctions[] = {Opcode::Add, Opcode::Mul, Opcode::Max, Opcode::Min};
  return kFunctions[dice.roll(0, 3)];
}

int64_t fromBegin(double index, int64_t extent) {
  const auto at = static_cast<int64_t>(index);
  return at < 0 ? at + extent : at;
}

Array indices(Dice& dice, const Ints& shape, int64_t extent) {
  Array result(DType::I64, shape);
  forEach(shape, [&](const Index& at) {
    result.at(at) = static_cast<double>(dice.roll(-extent, extent - 1));
  });
  return result;
}

}  // namespace

TEST_CASE("scan runs along its axis, either way, with or without the element itself") {
  Dice dice(41);
  for (int round = 0; round < 200; ++round) {
    const Ints shape = dice.shape(static_cast<int>(dice.roll(1, 4)));
    const Array x = dice.array(DType::F32, shape);
    const auto axis = static_cast<size_t>(dice.roll(0, static_cast<int64_t>(shape.size()) - 1));
    const bool exclusive = dice.flip();
    const bool reverse = dice.flip();
    const Opcode fn = anyFunction(dice);
    Array expected(DType::F32, shape);
    forEach(shape, [&](const Index& at) {
      double value = identityFor(fn);
      const int64_t steps = reverse ? shape[axis] - at[axis] : at[axis] + 1;
      for (int64_t k = 0; k < steps - (exclusive ? 1 : 0); ++k) {
        Index from = at;
        from[axis] = reverse ? shape[axis] - 1 - k : k;
        value = static_cast<double>(static_cast<float>(combined(fn, value, x.at(from))));
      }
      expected.at(at) = value;
    });
    checkEqual(runPrimitive(Opcode::Scan,
                            attributes({{"fn", fn},
                                        {"axis", static_cast<int64_t>(axis)},
                                        {"exclusive", int64_t{exclusive}},
                                        {"reverse", int64_t{reverse}}}),
                            {x}, DType::F32, shape)
                   .result,
               expected);
  }
}

TEST_CASE("scatter_elements takes updates in their order") {
  Dice dice(42);
  for (int round = 0; round < 200; ++round) {
    Ints shape = dice.shape(static_cast<int>(dice.roll(1, 3)));
    for (int64_t& extent : shape) extent = std::max<int64_t>(extent, 1);
    const auto axis = static_cast<size_t>(dice.roll(0, static_cast<int64_t>(shape.size()) - 1));
    Ints updated = shape;
    for (size_t i = 0; i < updated.size(); ++i) updated[i] = dice.roll(0, i == axis ? 6 : shape[i]);
    const Array data = dice.array(DType::F32, shape);
    const Array updates = dice.array(DType::F32, updated);
    const Array at = indices(dice, updated, shape[axis]);
    const bool combines = dice.flip();
    const Opcode fn = anyFunction(dice);
    Array expected = data;
    forEach(updated, [&](const Index& from) {
      Index to = from;
      to[axis] = fromBegin(at.at(from), shape[axis]);
      double& value = expected.at(to);
      value = combines
                  ? static_cast<double>(static_cast<float>(combined(fn, value, updates.at(from))))
                  : updates.at(from);
    });
    Attributes given = attributes({{"axis", static_cast<int64_t>(axis)}});
    if (combines) given.set("fn", fn);
    checkEqual(
        runPrimitive(Opcode::ScatterElements, given, {data, at, updates}, DType::F32, shape).result,
        expected);
  }
}

TEST_CASE("scatter_nd updates the slices that its indices name, in order") {
  Dice dice(43);
  for (int round = 0; round < 200; ++round) {
    Ints shape = dice.shape(static_cast<int>(dice.roll(1, 4)));
    for (int64_t& extent : shape) extent = std::max<int64_t>(extent, 1);
    const int64_t depth = dice.roll(1, static_cast<int64_t>(shape.size()));
    Ints tuples;
    for (int64_t more = dice.roll(0, 2); more > 0; --more) tuples.push_back(dice.extent());
    Ints indexShape = tuples;
    indexShape.push_back(depth);
    const int64_t least = *std::min_element(shape.begin(), shape.begin() + depth);
    const Array at = indices(dice, indexShape, least);
    Ints updated = tuples;
    updated.insert(updated.end(), shape.begin() + depth, shape.end());
    const Array data = dice.array(DType::I32, shape);
    const Array updates = dice.array(DType::I32, updated);
    Array expected = data;
    forEach(updated, [&](const Index& from) {
      const auto outer = static_cast<std::ptrdiff_t>(tuples.size());
      Index to;
      for (int64_t i = 0; i < depth; ++i) {
        Index where(from.begin(), from.begin() + outer);
        where.push_back(i);
        to.push_back(fromBegin(at.at(where), shape[static_cast<size_t>(i)]));
      }
      to.insert(to.end(), from.begin() + outer, from.end());
      expected.at(to) += updates.at(from);
    });
    checkEqual(runPrimitive(Opcode::ScatterNd, attributes({{"fn", Opcode::Add}}),
                            {data, at, updates}, DType::I32, shape, 1)
                   .result,
               expected);
  }
}

TEST_CASE("scatter reports an index out of range") {
  Array data(DType::F32, {3});
  Array at(DType::I64, {1});
  at.at({0}) = 3;
  Array updates(DType::F32, {1});
  const auto run = runPrimitive(Opcode::ScatterElements, attributes({{"axis", int64_t{0}}}),
                                {data, at, updates}, DType::F32, {3});
  CHECK(run.statusCode == static_cast<uint32_t>(StatusCode::IndexOutOfRange));
}

TEST_CASE("scatter into an empty axis reports every index and writes nothing") {
  const auto run = runPrimitive(
      Opcode::ScatterElements, attributes({{"axis", int64_t{0}}}),
      {Array(DType::F32, {0}), Array(DType::I64, {2}), Array(DType::F32, {2})}, DType::F32, {0});
  CHECK(run.statusCode == static_cast<uint32_t>(StatusCode::IndexOutOfRange));
}

TEST_CASE("argsort keeps the order of equal elements; NaN is the largest") {
  Dice dice(44);
  for (int round = 0; round < 100; ++round) {
    const Ints shape = dice.shape(static_cast<int>(dice.roll(1, 3)));
    Array x(DType::F32, shape);
    forEach(shape, [&](const Index& at) {
      const int64_t value = dice.roll(0, 5);
      x.at(at) = value == 5 ? NAN : static_cast<double>(value);
    });
    const bool descending = dice.flip();
    Array expected(DType::I32, shape);
    const auto before = [&](double a, double b) {
      if (std::isnan(a) || std::isnan(b)) return descending ? !std::isnan(b) : !std::isnan(a);
      return descending ? a > b : a < b;
    };
    forEach(shape, [&](const Index& at) {  // the place of each element: how many come before it
      int64_t place = 0;
      for (int64_t k = 0; k < shape.back(); ++k) {
        Index other = at;
        other.back() = k;
        const bool equal =
            x.at(other) == x.at(at) || (std::isnan(x.at(other)) && std::isnan(x.at(at)));
        place += equal ? (k < at.back() ? 1 : 0) : (before(x.at(other), x.at(at)) ? 1 : 0);
      }
      Index to = at;
      to.back() = place;
      expected.at(to) = static_cast<double>(at.back());
    });
    checkEqual(runPrimitive(Opcode::Argsort, attributes({{"descending", int64_t{descending}}}), {x},
                            DType::I32, shape)
                   .result,
               expected);
  }
}
