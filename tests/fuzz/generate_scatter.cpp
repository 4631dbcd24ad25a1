// Running results, scattered updates and orders.
#include "tests/fuzz/generator.h"

namespace quartet::fuzz {

namespace {

/// Sometimes a combination, where the dtype has one.
void addCombination(GraphBuilder& b, DType dtype, ir::Attributes& attributes) {
  using enum Opcode;
  if (dtype == DType::Bool || b.random().chance(0.4)) return;
  attributes.set("fn", b.random().pick<Opcode>({Add, Add, Mul, Max, Min}));
}

}  // namespace

bool addScan(GraphBuilder& b) {
  using enum Opcode;
  Random& random = b.random();
  const ValueId x = b.any();
  const Ints shape = b.shape(x);
  if (shape.empty() || b.dtype(x) == DType::Bool) return false;
  ir::Attributes attributes =
      axisAttribute(static_cast<size_t>(random.below(static_cast<int64_t>(shape.size()))));
  attributes.set("fn", random.pick<Opcode>({Add, Add, Mul, Max, Min}));
  attributes.set("exclusive", random.below(2));
  attributes.set("reverse", random.below(2));
  return b.add(Scan, {x}, b.dtype(x), shape, attributes).has_value();
}

bool addScatterElements(GraphBuilder& b) {
  Random& random = b.random();
  const ValueId x = b.any();
  const Ints shape = b.shape(x);
  if (shape.empty() || elements(shape) == 0) return false;
  const auto axis = static_cast<size_t>(random.below(static_cast<int64_t>(shape.size())));
  Ints index = shape;
  for (size_t i = 0; i < index.size(); ++i) {
    if (random.chance(0.5)) index[i] = random.between(i == axis ? 0 : 1, i == axis ? 9 : shape[i]);
  }
  if (elements(index) > 1500) return false;
  const ValueId at = b.leaf(indices(random, indexType(random), index, {shape[axis]}), 0.4);
  const ValueId updates = b.leaf(b.dtype(x), index, b.anyFill());
  ir::Attributes attributes = axisAttribute(axis);
  addCombination(b, b.dtype(x), attributes);
  return b.add(Opcode::ScatterElements, {x, at, updates}, b.dtype(x), shape, attributes)
      .has_value();
}

bool addScatterNd(GraphBuilder& b) {
  Random& random = b.random();
  const ValueId x = b.any();
  const Ints shape = b.shape(x);
  if (shape.empty() || elements(shape) == 0) return false;
  const int64_t depth = random.between(1, static_cast<int64_t>(shape.size()));
  Ints updated;
  for (int64_t more = random.below(3); more > 0; --more) updated.push_back(random.between(0, 6));
  Ints index = updated;
  index.push_back(depth);
  updated.insert(updated.end(), shape.begin() + depth, shape.end());
  if (elements(updated) > 5000 || elements(index) > 1500) return false;
  const Ints extents(shape.begin(), shape.begin() + depth);
  const ValueId at = b.leaf(indices(random, indexType(random), index, extents), 0.4);
  const ValueId updates = b.leaf(b.dtype(x), updated, b.anyFill());
  ir::Attributes attributes;
  addCombination(b, b.dtype(x), attributes);
  return b.add(Opcode::ScatterNd, {x, at, updates}, b.dtype(x), shape, attributes).has_value();
}

bool addArgsort(GraphBuilder& b) {
  const ValueId x = b.any();
  const Ints shape = b.shape(x);
  if (shape.empty()) return false;
  ir::Attributes attributes;
  attributes.set("descending", b.random().below(2));
  return b.add(Opcode::Argsort, {x}, DType::I32, shape, attributes).has_value();
}

}  // namespace quartet::fuzz
