// Ops that move elements, and elementwise ops with broadcasting, against plain loops.

#include <algorithm>
#include <cmath>

#include "ir/kernel.h"
#include "tests/ir/express_case.h"

using namespace quartet;
using namespace quartet::ir;
using namespace quartet::tests;

namespace {

int64_t floorMod(int64_t a, int64_t b) { return ((a % b) + b) % b; }

Array filled(DType dtype, const Ints& shape, const std::function<double(const Index&)>& f) {
  Array result(dtype, shape);
  forEach(shape, [&](const Index& at) { result.at(at) = f(at); });
  return result;
}

// A shape that broadcasts to `shape`: leading axes dropped, extents replaced by 1.
Ints stretchable(Dice& dice, const Ints& shape) {
  const auto drop = dice.roll(0, static_cast<int64_t>(shape.size()));
  Ints result(shape.begin() + drop, shape.end());
  for (int64_t& extent : result) {
    if (dice.roll(0, 3) == 0) extent = 1;
  }
  return result;
}

Index broadcastIndex(const Array& x, const Index& at) {
  Index index(at.end() - static_cast<std::ptrdiff_t>(x.shape.size()), at.end());
  for (size_t i = 0; i < index.size(); ++i) {
    if (x.shape[i] == 1) index[i] = 0;
  }
  return index;
}

}  // namespace

TEST_CASE("scalar ops broadcast their operands") {
  Dice dice(20);
  for (int round = 0; round < 100; ++round) {
    const Ints shape = dice.shape(static_cast<int>(dice.roll(0, 4)));
    const Array a = dice.array(DType::F32, stretchable(dice, shape));
    const Array b = dice.array(DType::F32, stretchable(dice, shape));
    const Array c = dice.array(DType::Bool, stretchable(dice, shape));
    const auto x = [&](const Index& at) { return a.at(broadcastIndex(a, at)); };
    const auto y = [&](const Index& at) { return b.at(broadcastIndex(b, at)); };
    const auto z = [&](const Index& at) { return c.at(broadcastIndex(c, at)); };
    checkEqual(runPrimitive(Opcode::Sub, {}, {a, b}, DType::F32, shape).result,
               filled(DType::F32, shape, [&](const Index& at) { return x(at) - y(at); }));
    checkEqual(runPrimitive(Opcode::Lt, {}, {a, b}, DType::Bool, shape).result,
               filled(DType::Bool, shape, [&](const Index& at) { return x(at) < y(at); }));
    checkEqual(
        runPrimitive(Opcode::Select, {}, {c, a, b}, DType::F32, shape).result,
        filled(DType::F32, shape, [&](const Index& at) { return z(at) != 0 ? x(at) : y(at); }));
    checkEqual(
        runPrimitive(Opcode::Cast, {}, {a}, DType::U8, a.shape).result,
        filled(DType::U8, a.shape, [&](const Index& at) { return std::max(a.at(at), 0.0); }));
    checkEqual(runPrimitive(Opcode::Broadcast, {}, {a}, DType::F32, shape).result,
               filled(DType::F32, shape, x));
  }
}

TEST_CASE("integer division by zero is reported") {
  const Array a(DType::I32, {3}, 7);
  Array b(DType::I32, {3}, 2);
  CHECK(runPrimitive(Opcode::Div, {}, {a, b}, DType::I32, {3}).statusCode == 0);
  b.data[1] = 0;
  const Outcome outcome = runPrimitive(Opcode::Div, {}, {a, b}, DType::I32, {3});
  CHECK(outcome.statusCode == static_cast<uint32_t>(StatusCode::DivisionByZero));
  CHECK(outcome.result.data == std::vector<double>{3, 0, 3});
}

TEST_CASE("iota counts along its axis in the result's dtype") {
  for (const DType dtype : {DType::I64, DType::F32, DType::U8}) {
    checkEqual(
        runPrimitive(Opcode::Iota, attributes({{"axis", int64_t{1}}}), {}, dtype, {2, 5, 3}).result,
        filled(dtype, {2, 5, 3}, [](const Index& at) { return static_cast<double>(at[1]); }));
  }
}

TEST_CASE("transpose: axis i of the result is axis perm[i]") {
  Dice dice(21);
  for (int round = 0; round < 60; ++round) {
    const auto rank = static_cast<size_t>(dice.roll(0, 5));
    const Array x = dice.array(DType::I32, dice.shape(static_cast<int>(rank)));
    Ints perm;
    for (size_t i = 0; i < rank; ++i) {
      perm.insert(perm.begin() + dice.roll(0, static_cast<int64_t>(i)), static_cast<int64_t>(i));
    }
    Ints shape;
    for (const int64_t axis : perm) shape.push_back(x.shape[static_cast<size_t>(axis)]);
    const Array expected = filled(DType::I32, shape, [&](const Index& at) {
      Index from(rank);
      for (size_t i = 0; i < rank; ++i) from[static_cast<size_t>(perm[i])] = at[i];
      return x.at(from);
    });
    checkEqual(runPrimitive(Opcode::Transpose, attributes({{"perm", perm}}), {x}, DType::I32, shape)
                   .result,
               expected);
  }
}

TEST_CASE("slice steps forwards and backwards; starts may be dims") {
  Dice dice(22);
  for (int round = 0; round < 100; ++round) {
    const auto rank = static_cast<size_t>(dice.roll(0, 4));
    const Array x = dice.array(DType::F32, dice.shape(static_cast<int>(rank)));
    Ints starts, steps, shape;
    for (size_t i = 0; i < rank; ++i) {
      const int64_t extent = x.shape[i];
      const int64_t start = extent == 0 ? 0 : dice.roll(0, extent - 1);
      const int64_t step = dice.flip() ? dice.roll(1, 3) : -dice.roll(1, 3);
      const int64_t most = step > 0 ? (extent - 1 - start) / step + 1 : start / -step + 1;
      starts.push_back(start);
      steps.push_back(step);
      shape.push_back(extent == 0 ? 0 : dice.roll(0, most));
    }
    const Array expected = filled(DType::F32, shape, [&](const Index& at) {
      Index from;
      for (size_t i = 0; i < rank; ++i) from.push_back(starts[i] + steps[i] * at[i]);
      return x.at(from);
    });
    const Dims startDims(starts.begin(), starts.end());
    checkEqual(runPrimitive(Opcode::Slice, attributes({{"starts", starts}, {"steps", steps}}), {x},
                            DType::F32, shape)
                   .result,
               expected);
    checkEqual(runPrimitive(Opcode::Slice, attributes({{"starts", startDims}, {"steps", steps}}),
                            {x}, DType::F32, shape)
                   .result,
               expected);
  }
}

TEST_CASE("concat lines its operands up, empty ones too") {
  Dice dice(23);
  for (int round = 0; round < 100; ++round) {
    const int rank = static_cast<int>(dice.roll(1, 4));
    const auto axis = static_cast<size_t>(dice.roll(0, rank - 1));
    Ints shape = dice.shape(rank);
    const int64_t parts = dice.roll(1, 4);
    std::vector<Array> operands;
    Ints begins = {0};
    for (int64_t i = 0; i < parts; ++i) {
      shape[axis] = dice.extent();
      operands.push_back(dice.array(DType::I8, shape));
      begins.push_back(begins.back() + shape[axis]);
    }
    shape[axis] = begins.back();
    const Array expected = filled(DType::I8, shape, [&](const Index& at) {
      size_t part = 0;
      while (at[axis] >= begins[part + 1]) ++part;
      Index from = at;
      from[axis] -= begins[part];
      return operands[part].at(from);
    });
    checkEqual(runPrimitive(Opcode::Concat, attributes({{"axis", static_cast<int64_t>(axis)}}),
                            operands, DType::I8, shape)
                   .result,
               expected);
  }
}

namespace {

// Where numpy.pad takes an element from; -1: the fill value.
int64_t paddedFrom(const std::string& mode, int64_t position, int64_t extent) {
  if (position >= 0 && position < extent) return position;
  if (mode == "constant") return -1;
  if (mode == "edge") return position < 0 ? 0 : extent - 1;
  if (mode == "wrap") return floorMod(position, extent);
  while (position < 0 || position >= extent) {  // reflect, as often as needed
    if (extent == 1) return 0;
    position = position < 0 ? -position : 2 * (extent - 1) - position;
  }
  return position;
}

}  // namespace

TEST_CASE("pad in its four modes; negative pads crop") {
  Dice dice(24);
  for (const std::string mode : {"constant", "reflect", "edge", "wrap"}) {
    for (int round = 0; round < 100; ++round) {
      const auto rank = static_cast<size_t>(dice.roll(0, 3));
      Ints extents = dice.shape(static_cast<int>(rank));
      Ints pads, shape;
      for (int64_t& extent : extents) {
        if (mode != "constant") extent = std::max<int64_t>(extent, 1);
        const int64_t lowest = -std::min<int64_t>(extent, 2);
        pads.push_back(dice.roll(lowest, 6));
        const int64_t after = dice.roll(lowest, 6);
        shape.push_back(std::max<int64_t>(extent + pads.back() + after, 0));
      }
      const Array x = dice.array(DType::F32, extents);
      const Array fill(DType::F32, {}, 9);
      const Array expected = filled(DType::F32, shape, [&](const Index& at) {
        Index from;
        for (size_t i = 0; i < rank; ++i) {
          from.push_back(paddedFrom(mode, at[i] - pads[i], extents[i]));
          if (from.back() < 0) return 9.0;
        }
        return x.at(from);
      });
      const Attributes attrs = attributes({{"mode", mode}, {"pads", pads}});
      checkEqual(runPrimitive(Opcode::Pad, attrs, {x, fill}, DType::F32, shape).result, expected);
    }
  }
}

namespace {

// Indices from [-extent, extent).
Array indices(Dice& dice, const Ints& shape, int64_t extent) {
  Array result(dice.flip() ? DType::I64 : DType::I32, shape);
  for (double& index : result.data) index = static_cast<double>(dice.roll(-extent, extent - 1));
  return result;
}

int64_t wrapped(double index, int64_t extent) {
  return static_cast<int64_t>(index) + (index < 0 ? extent : 0);
}

}  // namespace

TEST_CASE("gather takes slices along an axis") {
  Dice dice(25);
  for (int round = 0; round < 100; ++round) {
    const int rank = static_cast<int>(dice.roll(1, 3));
    const auto axis = static_cast<size_t>(dice.roll(0, rank - 1));
    Ints extents = dice.shape(rank);
    extents[axis] = std::max<int64_t>(extents[axis], 1);
    const Array data = dice.array(DType::F32, extents);
    const Array index = indices(dice, dice.shape(static_cast<int>(dice.roll(0, 2))), extents[axis]);
    const auto cut = static_cast<std::ptrdiff_t>(axis);
    const auto count = static_cast<std::ptrdiff_t>(index.shape.size());
    Ints shape(extents.begin(), extents.begin() + cut);
    shape.insert(shape.end(), index.shape.begin(), index.shape.end());
    shape.insert(shape.end(), extents.begin() + cut + 1, extents.end());
    const Array expected = filled(DType::F32, shape, [&](const Index& at) {
      Index from(at.begin(), at.begin() + cut);
      const double raw = index.at(Index(at.begin() + cut, at.begin() + cut + count));
      from.push_back(wrapped(raw, extents[axis]));
      from.insert(from.end(), at.begin() + cut + count, at.end());
      return data.at(from);
    });
    checkEqual(runPrimitive(Opcode::Gather, attributes({{"axis", static_cast<int64_t>(axis)}}),
                            {data, index}, DType::F32, shape)
                   .result,
               expected);
  }
}

TEST_CASE("an index out of range is reported and reads element 0") {
  const Attributes attrs = attributes({{"axis", int64_t{0}}});
  Array data(DType::F32, {3});
  data.data = {5, 6, 7};
  Array index(DType::I64, {2});
  for (const double bad : {3.0, -4.0}) {
    index.data = {-3, bad};
    const Outcome outcome = runPrimitive(Opcode::Gather, attrs, {data, index}, DType::F32, {2});
    CHECK(outcome.statusCode == static_cast<uint32_t>(StatusCode::IndexOutOfRange));
    CHECK(outcome.result.data == std::vector<double>{5, 5});
  }
}

TEST_CASE("every index into an empty axis is reported, nothing is read") {
  Array index(DType::I64, {2});
  index.data = {0, -1};
  const Outcome outcome = runPrimitive(Opcode::Gather, attributes({{"axis", int64_t{0}}}),
                                       {Array(DType::F32, {0}), index}, DType::F32, {2});
  CHECK(outcome.statusCode == static_cast<uint32_t>(StatusCode::IndexOutOfRange));
  CHECK(outcome.result.data == std::vector<double>{0, 0});
}

TEST_CASE("gather_elements takes an index per element") {
  Dice dice(26);
  for (int round = 0; round < 60; ++round) {
    const int rank = static_cast<int>(dice.roll(1, 3));
    const auto axis = static_cast<size_t>(dice.roll(0, rank - 1));
    Ints extents = dice.shape(rank);
    Ints shape = extents;
    extents[axis] = std::max<int64_t>(extents[axis], 1);
    shape[axis] = dice.extent();
    const Array data = dice.array(DType::U16, extents);
    const Array index = indices(dice, shape, extents[axis]);
    const Array expected = filled(DType::U16, shape, [&](const Index& at) {
      Index from = at;
      from[axis] = wrapped(index.at(at), extents[axis]);
      return data.at(from);
    });
    const Attributes attrs = attributes({{"axis", static_cast<int64_t>(axis)}});
    checkEqual(runPrimitive(Opcode::GatherElements, attrs, {data, index}, DType::U16, shape).result,
               expected);
  }
}

TEST_CASE("gather_nd takes coordinates from the last axis of its indices") {
  Dice dice(27);
  for (int round = 0; round < 100; ++round) {
    const auto batch = dice.roll(0, 1);
    const int64_t rank = dice.roll(batch + 1, 4);
    const int64_t coordinates = dice.roll(1, rank - batch);
    Ints extents = dice.shape(static_cast<int>(rank));
    int64_t least = 7;
    for (int64_t i = batch; i < batch + coordinates; ++i) {
      int64_t& extent = extents[static_cast<size_t>(i)];
      extent = std::max<int64_t>(extent, 1);
      least = std::min(least, extent);
    }
    const Array data = dice.array(DType::F32, extents);
    Ints indexShape(extents.begin(), extents.begin() + batch);
    if (dice.flip()) indexShape.push_back(dice.extent());
    Ints shape = indexShape;
    shape.insert(shape.end(), extents.begin() + batch + coordinates, extents.end());
    indexShape.push_back(coordinates);
    const Array index = indices(dice, indexShape, least);
    const auto outer = static_cast<std::ptrdiff_t>(indexShape.size()) - 1;
    const Array expected = filled(DType::F32, shape, [&](const Index& at) {
      Index from(at.begin(), at.begin() + batch);
      for (int64_t i = 0; i < coordinates; ++i) {
        Index where(at.begin(), at.begin() + outer);
        where.push_back(i);
        from.push_back(wrapped(index.at(where), extents[static_cast<size_t>(batch + i)]));
      }
      from.insert(from.end(), at.begin() + outer, at.end());
      return data.at(from);
    });
    checkEqual(runPrimitive(Opcode::GatherNd, attributes({{"batch_dims", batch}}), {data, index},
                            DType::F32, shape, 1)
                   .result,
               expected);
  }
}
