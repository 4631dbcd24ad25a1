// The movement half of the emitter.
#include <algorithm>
#include <cstddef>
#include <numeric>

#include "frontend/onnx/emitter.h"

namespace quartet::frontend {

using ir::Dim;
using ir::Dims;
using ir::DType;
using ir::Ints;
using ir::Opcode;

Tensor Emitter::reshape(const Tensor& x, const Dims& shape) {
  if (x.shape == shape) return x;
  Tensor known{x.dtype, shape, {}, nullptr, x.contents};
  if (x.constant && countable(shape)) {
    auto view = std::make_shared<ir::ConstantData>(*x.constant);
    view->shape = *constantShape(shape);
    known = constant(std::move(view));
  }
  const bool serves = optimise_ || !x.id.valid();  // what is known, instead of the value
  if (serves && (known.constant || known.contents)) return known;
  Tensor source = x;
  const ir::Op* from = definition(x);
  if (from != nullptr && from->opcode == Opcode::Reshape) source = tensorOf(from->operands[0]);
  Tensor result = source.shape == shape ? source : op(Opcode::Reshape, {source}, x.dtype, shape);
  return known.constant || known.contents ? remember(std::move(result), known) : result;
}

Tensor Emitter::transpose(const Tensor& x, const Ints& perm) {
  Dims shape;
  Ints moved;  // the source axes that hold more than one element, in order of the result
  bool identity = true;
  for (size_t i = 0; i < perm.size(); ++i) {
    const Dim& extent = x.shape[static_cast<size_t>(perm[i])];
    shape.push_back(extent);
    identity = identity && perm[i] == static_cast<int64_t>(i);
    if (extent != Dim(1)) moved.push_back(perm[i]);
  }
  if (identity) return x;
  if (std::is_sorted(moved.begin(), moved.end())) return reshape(x, shape);
  const ir::Op* from = definition(x);
  if (from != nullptr && from->opcode == Opcode::Transpose) {
    const Ints& first = from->attributes.ints("perm");
    Ints both;
    for (const int64_t axis : perm) both.push_back(first[static_cast<size_t>(axis)]);
    return transpose(tensorOf(from->operands[0]), both);
  }
  return op(Opcode::Transpose, {x}, x.dtype, shape, attributesOf({{"perm", perm}}));
}

Tensor Emitter::broadcast(const Tensor& x, const Dims& shape) {
  if (x.shape == shape) return x;
  const ir::Op* from = definition(x);
  if (from != nullptr && from->opcode == Opcode::Broadcast) {
    return broadcast(tensorOf(from->operands[0]), shape);
  }
  // Leading ones cost nothing.
  if (constantCount(shape) && constantCount(shape) == constantCount(x.shape)) {
    return reshape(x, shape);
  }
  return op(Opcode::Broadcast, {x}, x.dtype, shape);
}

Tensor Emitter::slice(const Tensor& x, const Ints& starts, const Ints& steps, const Dims& shape) {
  const bool whole =
      x.shape == shape && std::all_of(steps.begin(), steps.end(), [](int64_t s) { return s == 1; });
  if (whole) return x;
  // One element of the step's axis: the step says nothing.
  Ints canonical = steps;
  for (size_t i = 0; i < steps.size(); ++i) {
    if (shape[i] == Dim(1)) canonical[i] = 1;
  }
  return op(Opcode::Slice, {x}, x.dtype, shape,
            attributesOf({{"starts", starts}, {"steps", canonical}}));
}

Tensor Emitter::sliceAxis(const Tensor& x, int axis, int64_t start, const Dim& count,
                          int64_t step) {
  Ints starts(x.shape.size(), 0);
  Ints steps(x.shape.size(), 1);
  Dims shape = x.shape;
  starts[static_cast<size_t>(axis)] = start;
  steps[static_cast<size_t>(axis)] = step;
  shape[static_cast<size_t>(axis)] = count;
  return slice(x, starts, steps, shape);
}

namespace {

// Every element of a concatenation looks through all parts for its own, in code and in time: more
// parts than this are joined in groups first, though their elements are moved twice.
constexpr size_t kMaxParts = 64;

}  // namespace

std::vector<Tensor> Emitter::joined(const std::vector<Tensor>& parts, int axis) {
  std::vector<Tensor> groups;
  for (size_t first = 0; first < parts.size(); first += kMaxParts) {
    const size_t last = std::min(first + kMaxParts, parts.size());
    const auto begin = parts.begin();
    groups.push_back(concat(
        {begin + static_cast<std::ptrdiff_t>(first), begin + static_cast<std::ptrdiff_t>(last)},
        axis));
  }
  return groups;
}

Tensor Emitter::concat(const std::vector<Tensor>& parts, int axis) {
  const auto at = static_cast<size_t>(axis);
  std::vector<Tensor> used;
  Dim extent(0);
  for (const Tensor& part : parts) {
    extent = extent + part.shape[at];
    if (part.shape[at] != Dim(0)) used.push_back(part);
  }
  if (used.empty()) return parts[0];
  if (used.size() == 1) return used[0];
  if (used.size() > kMaxParts) return concat(joined(used, axis), axis);
  Dims shape = used[0].shape;
  shape[at] = extent;
  return op(Opcode::Concat, used, used[0].dtype, shape,
            attributesOf({{"axis", static_cast<int64_t>(axis)}}));
}

Tensor Emitter::pad(const Tensor& x, const Tensor& fill, const std::string& mode, const Ints& begin,
                    const Ints& end) {
  Dims shape = x.shape;
  Ints pads = begin;
  pads.insert(pads.end(), end.begin(), end.end());
  if (std::all_of(pads.begin(), pads.end(), [](int64_t p) { return p == 0; })) return x;
  for (size_t i = 0; i < shape.size(); ++i) shape[i] = shape[i] + Dim(begin[i] + end[i]);
  return op(Opcode::Pad, {x, fill}, x.dtype, shape, attributesOf({{"mode", mode}, {"pads", pads}}));
}

namespace {

struct Progression {
  int64_t start;
  int64_t step;
  int64_t count;
};

// Constant indices that a slice can express: a scalar, or equally spaced along one axis.
std::optional<Progression> progressionOf(const Tensor& indices, const Dim& extent) {
  if (indices.rank() > 1 || !extent.isConstant()) return std::nullopt;
  auto values = integersOf(indices);
  if (!values || values->empty()) return std::nullopt;
  for (int64_t& value : *values) {
    if (value < 0) value += extent.value();
    if (value < 0 || value >= extent.value()) return std::nullopt;
  }
  const auto count = static_cast<int64_t>(values->size());
  const int64_t step = count > 1 ? (*values)[1] - (*values)[0] : 1;
  if (step == 0) return std::nullopt;
  for (size_t i = 1; i < values->size(); ++i) {
    if ((*values)[i] - (*values)[i - 1] != step) return std::nullopt;
  }
  return Progression{(*values)[0], step, count};
}

}  // namespace

Tensor Emitter::gather(const Tensor& data, const Tensor& indices, int axis) {
  const auto at = data.shape.begin() + axis;
  Dims shape(data.shape.begin(), at);
  shape.insert(shape.end(), indices.shape.begin(), indices.shape.end());
  shape.insert(shape.end(), at + 1, data.shape.end());
  if (const auto p = progressionOf(indices, *at)) {
    return reshape(sliceAxis(data, axis, p->start, Dim(p->count), p->step), shape);
  }
  return op(Opcode::Gather, {data, indices}, data.dtype, shape,
            attributesOf({{"axis", static_cast<int64_t>(axis)}}));
}

Tensor Emitter::iota(DType dtype, const Dims& shape, int axis) {
  return op(Opcode::Iota, {}, dtype, shape, attributesOf({{"axis", static_cast<int64_t>(axis)}}));
}

Tensor Emitter::indicesAlong(DType dtype, const Dim& extent, int axis, int rank) {
  Dims shape(static_cast<size_t>(rank), Dim(1));
  shape[static_cast<size_t>(axis)] = extent;
  return iota(dtype, shape, axis);
}

}  // namespace quartet::frontend
