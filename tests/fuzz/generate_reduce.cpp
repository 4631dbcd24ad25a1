// Ops that take in many elements for one of the result.
#include <algorithm>

#include "tests/fuzz/generator.h"

namespace quartet::fuzz {

namespace {

/// Numbers that a sum of products can be made of.
bool multiplies(const GraphBuilder& b, ValueId value) {
  return b.dtype(value) != DType::Bool && b.fact(value).finite;
}

ir::Attributes labels(const Ints& lhs, const Ints& rhs, const Ints& out) {
  ir::Attributes attributes;
  attributes.set("lhs", lhs);
  attributes.set("rhs", rhs);
  attributes.set("out", out);
  return attributes;
}

Fill tame(GraphBuilder& b) { return b.random().chance(0.5) ? Fill::Grid : Fill::Uniform; }

/// Sometimes a bias, and a function on top.
void epilogue(GraphBuilder& b, ValueId value, size_t channelAxis) {
  Random& random = b.random();
  const Ints shape = b.shape(value);
  const DType dtype = b.dtype(value);
  std::optional<ValueId> x = value;
  if (random.chance(0.5) && channelAxis < shape.size()) {
    Ints bias(shape.size() - channelAxis, 1);
    bias[0] = shape[channelAxis];
    x = b.add(Opcode::Add, {*x, b.leaf(dtype, bias, Fill::Grid, 0.8)}, dtype, shape);
  }
  if (x && random.chance(0.2)) {
    x = b.add(Opcode::Add, {*x, b.leaf(dtype, shape, Fill::Grid, 0.1)}, dtype, shape);
  }
  if (x && random.chance(0.4)) {
    b.add(Opcode::Max, {*x, b.leaf(dtype, {}, Fill::Grid, 1)}, dtype, shape);
  }
}

struct Spatial {
  Ints strides, dilations, pads, window;
};

Spatial anySpatial(Random& random, size_t axes, int64_t mostWindow) {
  Spatial s;
  for (size_t i = 0; i < axes; ++i) {
    s.window.push_back(random.between(1, mostWindow));
    s.strides.push_back(random.chance(0.6) ? 1 : random.between(2, 3));
    s.dilations.push_back(random.chance(0.75) ? 1 : 2);
  }
  for (size_t i = 0; i < 2 * axes; ++i) {
    s.pads.push_back(random.chance(0.5) ? random.between(0, s.window[i % axes] / 2) : 0);
  }
  return s;
}

ir::Attributes spatialAttributes(const Spatial& s) {
  ir::Attributes attributes;
  attributes.set("strides", s.strides);
  attributes.set("dilations", s.dilations);
  attributes.set("pads", s.pads);
  return attributes;
}

/// Positions of the windows along an axis; below 1: none.
int64_t positions(const Spatial& s, size_t i, int64_t extent) {
  const size_t axes = s.window.size();
  const int64_t room =
      extent + s.pads[i] + s.pads[i + axes] - (s.window[i] - 1) * s.dilations[i] - 1;
  return room < 0 ? 0 : room / s.strides[i] + 1;
}

/// An operand [N, C, s...] for a convolution.
ValueId image(GraphBuilder& b, int64_t mostExtent) {
  Random& random = b.random();
  const auto found = b.anyOf([&](ValueId v) {
    const Ints shape = b.shape(v);
    return shape.size() >= 3 && shape.size() <= 5 && multiplies(b, v) && ir::isFloat(b.dtype(v));
  });
  if (found && random.chance(0.7)) return *found;
  Ints shape{random.between(1, 2), random.pick<int64_t>({1, 2, 3, 4, 6, 8, 16, 17})};
  for (int64_t axes = random.pick<int64_t>({1, 2, 2, 2, 3}); axes > 0; --axes) {
    shape.push_back(random.between(3, mostExtent));
  }
  const DType dtype = random.chance(0.9) ? DType::F32 : b.anyDType();
  return b.leaf(dtype == DType::Bool ? DType::F64 : dtype, shape, tame(b), 0.05);
}

int64_t anyGroup(Random& random, int64_t channels) {
  if (random.chance(0.55)) return 1;
  if (random.chance(0.5)) return channels;
  for (int64_t group : {4, 3, 2}) {
    if (channels % group == 0) return group;
  }
  return 1;
}

}  // namespace

bool addContract(GraphBuilder& b) {
  Random& random = b.random();
  const auto x = b.anyOf([&](ValueId v) { return multiplies(b, v) && b.shape(v).size() <= 4; });
  if (!x) return false;
  const Ints shape = b.shape(*x);
  Ints lhs;
  Ints rhs;
  Ints out;
  Ints other;
  int64_t next = 0;
  for (int64_t extent : shape) {
    const int64_t label = next++;
    lhs.push_back(label);
    const bool shared = random.chance(0.5);  // batch or summed
    if (shared) {
      rhs.push_back(label);
      other.push_back(extent);
    }
    if (random.chance(shared ? 0.3 : 0.85)) out.push_back(label);
  }
  for (int64_t fresh = random.below(3); fresh > 0 && other.size() < 4; --fresh) {
    rhs.push_back(next);
    other.push_back(b.extent());
    out.push_back(next++);
  }
  std::vector<size_t> order(rhs.size());
  for (size_t i = 0; i < order.size(); ++i) order[i] = i;
  random.shuffle(order);
  Ints labelsOfY;
  Ints shapeOfY;
  for (size_t i : order) {
    labelsOfY.push_back(rhs[i]);
    shapeOfY.push_back(other[i]);
  }
  if (elements(shapeOfY) > 2000) return false;
  random.shuffle(out);
  Ints result;
  for (int64_t label : out) {
    const auto at = std::find(lhs.begin(), lhs.end(), label);
    result.push_back(
        at != lhs.end()
            ? shape[static_cast<size_t>(at - lhs.begin())]
            : shapeOfY[static_cast<size_t>(std::find(labelsOfY.begin(), labelsOfY.end(), label) -
                                           labelsOfY.begin())]);
  }
  const ValueId y = b.leaf(b.dtype(*x), shapeOfY, tame(b));
  if (random.chance(0.3)) {
    return b.add(Opcode::Contract, {y, *x}, b.dtype(*x), result, labels(labelsOfY, lhs, out))
        .has_value();
  }
  return b.add(Opcode::Contract, {*x, y}, b.dtype(*x), result, labels(lhs, labelsOfY, out))
      .has_value();
}

bool addMatrixProduct(GraphBuilder& b) {
  Random& random = b.random();
  auto x = b.anyOf([&](ValueId v) {
    return multiplies(b, v) && b.shape(v).size() >= 2 && b.shape(v).size() <= 4;
  });
  if (!x || random.chance(0.3)) {
    const Ints shape{random.between(1, 33), b.extent()};
    x = b.leaf(DType::F32, shape, tame(b), 0.05);
  }
  const Ints shape = b.shape(*x);
  const auto rank = static_cast<int64_t>(shape.size());
  const int64_t n = random.chance(0.6) ? random.between(16, 70) : b.extent();
  const int64_t batches = random.chance(0.3) ? rank - 2 : 0;
  Ints lhs;
  Ints rhs;
  Ints other;
  for (int64_t i = 0; i < rank; ++i) {
    lhs.push_back(i);
    if (i < batches) {
      rhs.push_back(i);
      other.push_back(shape[static_cast<size_t>(i)]);
    }
  }
  const bool transposed = random.chance(0.3);
  rhs.push_back(transposed ? rank : rank - 1);
  rhs.push_back(transposed ? rank - 1 : rank);
  other.push_back(transposed ? n : shape.back());
  other.push_back(transposed ? shape.back() : n);
  Ints out(lhs.begin(), lhs.end() - 1);
  out.push_back(rank);
  Ints result(shape.begin(), shape.end() - 1);
  result.push_back(n);
  if (elements(other) > 3000) return false;
  const ValueId y = b.leaf(b.dtype(*x), other, tame(b), 0.7);
  const auto product = b.add(Opcode::Contract, {*x, y}, b.dtype(*x), result, labels(lhs, rhs, out));
  if (product) epilogue(b, *product, result.size() - 1);
  return product.has_value();
}

bool addConv(GraphBuilder& b) {
  Random& random = b.random();
  const ValueId x = image(b, 10);
  const Ints shape = b.shape(x);
  const size_t axes = shape.size() - 2;
  Spatial s = anySpatial(random, axes, 3);
  const int64_t group = shape[1] == 0 ? 1 : anyGroup(random, shape[1]);
  const int64_t perGroup = group > 1 ? random.between(1, 2) : random.between(1, 36);
  Ints weights{group * perGroup, shape[1] / group};
  weights.insert(weights.end(), s.window.begin(), s.window.end());
  if (elements(weights) > 3000) return false;
  Ints result{shape[0], weights[0]};
  for (size_t i = 0; i < axes; ++i) result.push_back(positions(s, i, shape[i + 2]));
  if (*std::min_element(result.begin() + 2, result.end()) < 1) return false;
  ir::Attributes attributes = spatialAttributes(s);
  attributes.set("group", group);
  const ValueId w = b.leaf(b.dtype(x), weights, tame(b), 0.85);
  const auto conv = b.add(Opcode::Conv, {x, w}, b.dtype(x), result, attributes);
  if (conv) epilogue(b, *conv, 1);
  return conv.has_value();
}

bool addConvTranspose(GraphBuilder& b) {
  Random& random = b.random();
  const ValueId x = image(b, 6);
  const Ints shape = b.shape(x);
  const size_t axes = shape.size() - 2;
  Spatial s = anySpatial(random, axes, 3);
  const int64_t group = shape[1] == 0 ? 1 : anyGroup(random, shape[1]);
  Ints weights{shape[1], random.between(1, group > 1 ? 2 : 20)};
  weights.insert(weights.end(), s.window.begin(), s.window.end());
  if (elements(weights) > 3000) return false;
  Ints result{shape[0], weights[1] * group};
  for (size_t i = 0; i < axes; ++i) {
    result.push_back((shape[i + 2] - 1) * s.strides[i] + (s.window[i] - 1) * s.dilations[i] + 1 -
                     s.pads[i] - s.pads[i + axes] + random.below(s.strides[i]));
    if (result.back() < 1) return false;
  }
  ir::Attributes attributes = spatialAttributes(s);
  attributes.set("group", group);
  const ValueId w = b.leaf(b.dtype(x), weights, tame(b), 0.85);
  const auto conv = b.add(Opcode::ConvTranspose, {x, w}, b.dtype(x), result, attributes);
  if (conv) epilogue(b, *conv, 1);
  return conv.has_value();
}

bool addWindow(GraphBuilder& b) {
  Random& random = b.random();
  const ValueId x = b.any();
  const Ints shape = b.shape(x);
  const DType dtype = b.dtype(x);
  if (dtype == DType::Bool) return false;
  Spatial s = anySpatial(random, shape.size(), 3);
  for (size_t i = 0; i < shape.size(); ++i) {
    if (i >= 2 && random.chance(0.8)) continue;
    if (random.chance(0.2)) continue;
    s.window[i] = s.strides[i] = s.dilations[i] = 1;
    s.pads[i] = s.pads[i + shape.size()] = 0;
  }
  Ints result;
  for (size_t i = 0; i < shape.size(); ++i) {
    result.push_back(positions(s, i, shape[i]));
    if (result.back() < 1) return false;
  }
  using enum Opcode;
  ir::Attributes attributes = spatialAttributes(s);
  attributes.set("window", s.window);
  attributes.set("fn", random.pick<Opcode>({Add, Max, Max, Min, Mul}));
  return b.add(Opcode::Window, {x}, dtype, result, attributes).has_value();
}

bool addReduce(GraphBuilder& b) {
  using enum Opcode;
  Random& random = b.random();
  const ValueId x = b.any();
  const Ints shape = b.shape(x);
  Ints axes;
  Ints result;
  for (size_t i = 0; i < shape.size(); ++i) {
    if (random.chance(0.5)) {
      axes.push_back(static_cast<int64_t>(i));
    } else {
      result.push_back(shape[i]);
    }
  }
  const DType dtype = b.dtype(x);
  ir::Attributes attributes;
  attributes.set("axes", axes);
  attributes.set("fn", dtype == DType::Bool ? random.pick<Opcode>({And, Or})
                       : ir::isFloat(dtype) ? random.pick<Opcode>({Add, Add, Max, Min, Mul})
                                            : random.pick<Opcode>({Add, Max, Min, Mul, And, Or}));
  return b.add(Opcode::Reduce, {x}, dtype, result, attributes).has_value();
}

bool addArgReduce(GraphBuilder& b) {
  Random& random = b.random();
  const ValueId x = b.any();
  Ints result = b.shape(x);
  if (result.empty() || elements(result) == 0 || b.dtype(x) == DType::Bool) return false;
  const int64_t axis = random.below(static_cast<int64_t>(result.size()));
  result.erase(result.begin() + axis);
  ir::Attributes attributes;
  attributes.set("axis", axis);
  attributes.set("fn", random.chance(0.5) ? Opcode::Max : Opcode::Min);
  attributes.set("last", random.below(2));
  return b.add(Opcode::ArgReduce, {x}, DType::I64, result, attributes).has_value();
}

bool addSoftmax(GraphBuilder& b) {
  const auto x = b.anyOf([&](ValueId v) {
    return ir::isFloat(b.dtype(v)) && b.fact(v).finite && !b.shape(v).empty();
  });
  if (!x || elements(b.shape(*x)) == 0) return false;
  const Ints shape = b.shape(*x);
  const DType dtype = b.dtype(*x);
  const int64_t axis = b.random().below(static_cast<int64_t>(shape.size()));
  Ints dropped = shape;
  dropped.erase(dropped.begin() + axis);
  Ints kept = shape;
  kept[static_cast<size_t>(axis)] = 1;
  const auto reduced = [&](std::optional<ValueId> from, Opcode fn) -> std::optional<ValueId> {
    if (!from) return std::nullopt;
    ir::Attributes attributes;
    attributes.set("axes", Ints{axis});
    attributes.set("fn", fn);
    const auto flat = b.add(Opcode::Reduce, {*from}, dtype, dropped, attributes);
    return flat ? b.add(Opcode::Reshape, {*flat}, dtype, kept) : std::nullopt;
  };
  const auto most = reduced(x, Opcode::Max);
  if (!most) return false;
  const auto shifted = b.add(Opcode::Sub, {*x, *most}, dtype, shape);
  const auto power = shifted ? b.add(Opcode::Exp, {*shifted}, dtype, shape) : std::nullopt;
  const auto sum = reduced(power, Opcode::Add);
  if (!sum) return false;
  return b.add(Opcode::Div, {*power, *sum}, dtype, shape).has_value();
}

}  // namespace quartet::fuzz
