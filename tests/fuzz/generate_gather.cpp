// Ops that read at computed indices, and planted faults.
#include "tests/fuzz/generator.h"

namespace quartet::fuzz {

Tensor indices(Random& random, DType dtype, const Ints& shape, const Ints& extents) {
  std::vector<int32_t> narrow;
  std::vector<int64_t> wide;
  for (int64_t i = 0; i < elements(shape); ++i) {
    const auto at = static_cast<size_t>(i) % extents.size();
    const int64_t value = random.between(random.chance(0.3) ? -extents[at] : 0, extents[at] - 1);
    narrow.push_back(static_cast<int32_t>(value));
    wide.push_back(value);
  }
  return dtype == DType::I32 ? ir::makeConstant(dtype, shape, narrow)
                             : ir::makeConstant(dtype, shape, wide);
}

DType indexType(Random& random) { return random.chance(0.7) ? DType::I64 : DType::I32; }

ir::Attributes axisAttribute(size_t axis) {
  ir::Attributes attributes;
  attributes.set("axis", static_cast<int64_t>(axis));
  return attributes;
}

namespace {

Ints gathered(const Ints& data, size_t axis, const Ints& index) {
  Ints shape(data.begin(), data.begin() + static_cast<long>(axis));
  shape.insert(shape.end(), index.begin(), index.end());
  shape.insert(shape.end(), data.begin() + static_cast<long>(axis) + 1, data.end());
  return shape;
}

}  // namespace

bool addGather(GraphBuilder& b) {
  Random& random = b.random();
  const ValueId x = b.any();
  const Ints shape = b.shape(x);
  if (shape.empty()) return false;
  const auto axis = static_cast<size_t>(random.below(static_cast<int64_t>(shape.size())));
  if (shape[axis] == 0) return false;
  Ints index;
  for (int64_t rank = random.below(3); rank > 0; --rank) index.push_back(random.between(1, 7));
  const ValueId at = b.leaf(indices(random, indexType(random), index, {shape[axis]}), 0.4);
  return b
      .add(Opcode::Gather, {x, at}, b.dtype(x), gathered(shape, axis, index), axisAttribute(axis))
      .has_value();
}

bool addGatherElements(GraphBuilder& b) {
  Random& random = b.random();
  const ValueId x = b.any();
  const Ints shape = b.shape(x);
  if (shape.empty() || elements(shape) == 0) return false;
  const auto axis = static_cast<size_t>(random.below(static_cast<int64_t>(shape.size())));
  Ints index = shape;
  for (size_t i = 0; i < index.size(); ++i) {
    if (random.chance(0.5)) index[i] = random.between(1, i == axis ? 9 : shape[i]);
  }
  const ValueId at = b.leaf(indices(random, indexType(random), index, {shape[axis]}), 0.4);
  return b.add(Opcode::GatherElements, {x, at}, b.dtype(x), index, axisAttribute(axis)).has_value();
}

bool addGatherNd(GraphBuilder& b) {
  Random& random = b.random();
  const ValueId x = b.any();
  const Ints shape = b.shape(x);
  if (shape.empty() || elements(shape) == 0) return false;
  const auto rank = static_cast<int64_t>(shape.size());
  const int64_t batch = random.below(rank);
  const int64_t depth = random.between(1, rank - batch);
  Ints result(shape.begin(), shape.begin() + batch);
  for (int64_t more = random.below(3); more > 0; --more) result.push_back(random.between(1, 5));
  Ints index = result;
  index.push_back(depth);
  const Ints extents(shape.begin() + batch, shape.begin() + batch + depth);
  result.insert(result.end(), shape.begin() + batch + depth, shape.end());
  if (elements(index) > 1500) return false;
  const ValueId at = b.leaf(indices(random, indexType(random), index, extents), 0.4);
  ir::Attributes attributes;
  attributes.set("batch_dims", batch);
  return b.add(Opcode::GatherNd, {x, at}, b.dtype(x), result, attributes).has_value();
}

bool plantFault(GraphBuilder& b) {
  Random& random = b.random();
  if (random.chance(0.5)) {
    const auto x =
        b.anyOf([&](ValueId v) { return ir::isInteger(b.dtype(v)) && elements(b.shape(v)) > 0; });
    const Ints shape = x ? b.shape(*x) : Ints{5, 7};
    const ValueId dividend = x ? *x : b.leaf(DType::I32, shape, Fill::Grid);
    const DType dtype = b.dtype(dividend);
    std::vector<std::byte> bytes(static_cast<size_t>(elements(shape) * ir::byteSize(dtype)),
                                 std::byte{1});
    const auto size = static_cast<size_t>(ir::byteSize(dtype));
    const auto zero = static_cast<size_t>(random.below(elements(shape))) * size;
    std::fill(&bytes[zero], &bytes[zero] + size, std::byte{0});
    const ValueId divisor = b.leaf(ir::makeConstant(dtype, shape, std::move(bytes)), 0.3);
    using enum Opcode;
    return b.plant(random.pick<Opcode>({Div, Rem, Mod, FloorDiv}), {dividend, divisor}, dtype,
                   shape);
  }
  const auto x = b.anyOf([&](ValueId v) {
    return !b.shape(v).empty() && elements(b.shape(v)) > 0 && elements(b.shape(v)) < 500;
  });
  if (!x) return false;
  const Ints shape = b.shape(*x);
  const auto axis = static_cast<size_t>(random.below(static_cast<int64_t>(shape.size())));
  std::vector<int64_t> at{0, shape[axis] - 1, -shape[axis], 0};
  at[static_cast<size_t>(random.below(4))] =
      random.pick<int64_t>({shape[axis], -shape[axis] - 1, int64_t{1} << 40, -(int64_t{1} << 31)});
  const ValueId index = b.leaf(ir::makeConstant(DType::I64, {4}, at), 0.3);
  return b.plant(Opcode::Gather, {*x, index}, b.dtype(*x), gathered(shape, axis, {4}),
                 axisAttribute(axis));
}

}  // namespace quartet::fuzz
