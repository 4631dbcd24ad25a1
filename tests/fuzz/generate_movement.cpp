// Ops that move elements.
#include <algorithm>
#include <numeric>

#include "tests/fuzz/generator.h"

namespace quartet::fuzz {

bool addTranspose(GraphBuilder& b) {
  const ValueId x = b.any();
  const Ints from = b.shape(x);
  Ints perm(from.size());
  std::iota(perm.begin(), perm.end(), 0);
  b.random().shuffle(perm);
  Ints shape;
  for (int64_t axis : perm) shape.push_back(from[static_cast<size_t>(axis)]);
  ir::Attributes attributes;
  attributes.set("perm", perm);
  return b.add(Opcode::Transpose, {x}, b.dtype(x), shape, attributes).has_value();
}

bool addReshape(GraphBuilder& b) {
  Random& random = b.random();
  const ValueId x = b.any();
  Ints shape = b.shape(x);
  for (int64_t times = random.between(1, 4); times > 0; --times) {
    const auto rank = static_cast<int64_t>(shape.size());
    const int64_t at = random.below(rank + 1);
    const auto place = shape.begin() + at;
    if (random.chance(0.3)) {
      shape.insert(place, 1);
    } else if (at + 1 < rank && random.chance(0.6)) {  // merge
      *place *= *(place + 1);
      shape.erase(place + 1);
    } else if (at < rank && *place == 1) {
      shape.erase(place);
    } else if (at<rank&& * place> 1) {  // split
      std::vector<int64_t> divisors;
      for (int64_t d = 2; d < *place; ++d) {
        if (*place % d == 0) divisors.push_back(d);
      }
      if (divisors.empty()) continue;
      const int64_t divisor = random.pick(divisors);
      *place /= divisor;
      shape.insert(place, divisor);
    }
  }
  if (shape.size() > 5) return false;
  return b.add(Opcode::Reshape, {x}, b.dtype(x), shape).has_value();
}

bool addBroadcast(GraphBuilder& b) {
  Random& random = b.random();
  const ValueId x = b.any();
  Ints shape = b.shape(x);
  for (int64_t& extent : shape) {
    if (extent == 1) extent = b.extent();
  }
  while (shape.size() < 5 && random.chance(0.4)) shape.insert(shape.begin(), b.extent());
  return b.add(Opcode::Broadcast, {x}, b.dtype(x), shape).has_value();
}

bool addSlice(GraphBuilder& b) {
  Random& random = b.random();
  const ValueId x = b.any();
  Ints starts;
  Ints steps;
  Ints shape;
  for (int64_t extent : b.shape(x)) {
    if (extent == 0 || random.chance(0.4)) {
      starts.push_back(0);
      steps.push_back(1);
      shape.push_back(extent);
      continue;
    }
    const int64_t step = random.pick<int64_t>({1, 1, 2, 3, -1, -2});
    const int64_t start = random.below(extent);
    const int64_t room = (step > 0 ? extent - 1 - start : start) / std::abs(step) + 1;
    starts.push_back(start);
    steps.push_back(step);
    shape.push_back(random.chance(0.5) ? room : random.between(1, room));
  }
  ir::Attributes attributes;
  attributes.set("starts", starts);
  attributes.set("steps", steps);
  return b.add(Opcode::Slice, {x}, b.dtype(x), shape, attributes).has_value();
}

bool addConcat(GraphBuilder& b) {
  Random& random = b.random();
  const ValueId x = b.any();
  Ints shape = b.shape(x);
  if (shape.empty()) return false;
  const auto axis = static_cast<size_t>(random.below(static_cast<int64_t>(shape.size())));
  const auto beside = [&](const Ints& other) {
    if (other.size() != shape.size()) return false;
    for (size_t i = 0; i < shape.size(); ++i) {
      if (i != axis && other[i] != shape[i]) return false;
    }
    return true;
  };
  std::vector<ValueId> operands{x};
  for (int64_t more = random.between(0, 3); more > 0; --more) {
    auto other = b.anyOf([&](ValueId v) { return b.dtype(v) == b.dtype(x) && beside(b.shape(v)); });
    if (!other || random.chance(0.4)) {
      Ints own = b.shape(x);
      own[axis] = b.extent();
      if (elements(own) > 1500) continue;
      other = b.leaf(b.dtype(x), own, b.anyFill());
    }
    shape[axis] += b.shape(*other)[axis];
    operands.push_back(*other);
  }
  ir::Attributes attributes;
  attributes.set("axis", static_cast<int64_t>(axis));
  random.shuffle(operands);
  return b.add(Opcode::Concat, operands, b.dtype(x), shape, attributes).has_value();
}

bool addPad(GraphBuilder& b) {
  Random& random = b.random();
  const ValueId x = b.any();
  const auto mode = random.pick<std::string>({"constant", "constant", "reflect", "edge", "wrap"});
  Ints shape = b.shape(x);
  const size_t rank = shape.size();
  Ints pads(2 * rank, 0);
  for (size_t i = 0; i < rank; ++i) {
    if (shape[i] == 0) continue;
    for (size_t side : {i, i + rank}) {
      if (random.chance(0.4)) continue;
      int64_t most = mode == "reflect" ? shape[i] - 1 : mode == "wrap" ? shape[i] : 3;
      pads[side] = random.between(0, std::min<int64_t>(most, 3));
      if (random.chance(0.15)) pads[side] = -random.below(std::max<int64_t>(shape[i] / 2, 1));
    }
  }
  for (size_t i = 0; i < rank; ++i) shape[i] += pads[i] + pads[i + rank];
  const ValueId fill = b.leaf(b.dtype(x), {}, Fill::Grid);
  ir::Attributes attributes;
  attributes.set("mode", mode);
  attributes.set("pads", pads);
  return b.add(Opcode::Pad, {x, fill}, b.dtype(x), shape, attributes).has_value();
}

bool addIota(GraphBuilder& b) {
  DType dtype = b.anyDType();
  if (dtype == DType::Bool || dtype == DType::BF16) dtype = DType::I64;
  const Ints shape = b.anyShape(static_cast<size_t>(b.random().between(1, 3)));
  ir::Attributes attributes;
  attributes.set("axis", b.random().below(static_cast<int64_t>(shape.size())));
  return b.add(Opcode::Iota, {}, dtype, shape, attributes).has_value();
}

}  // namespace quartet::fuzz
