// Indexed writes: scatter_elements, scatter_nd. Updates are taken in the order in which they stand.

#include "backends/cpu/reference/combine.h"
#include "backends/cpu/reference/ops.h"

namespace quartet::reference {
namespace {

// The data with update k taken in at offsets[k], elements apart: `run` consecutive ones each.
Tensor scattered(const Call& call, const Ints& offsets, int64_t run) {
  const ir::Attributes& attributes = call.attributes();
  return withWide(call.dtype, [&](auto wide) {
    using W = decltype(wide);
    std::vector<W> values = widen<W>(*call.in[0]);
    const std::vector<W> updates = widen<W>(*call.in[2]);
    Output out(call.dtype, call.shape);
    for (size_t k = 0; k < offsets.size(); ++k) {
      for (int64_t i = 0; i < run; ++i) {
        W& value = values[static_cast<size_t>(offsets[k] + i)];
        const W update = updates[k * static_cast<size_t>(run) + static_cast<size_t>(i)];
        if (!attributes.has("fn")) {
          value = update;
          continue;
        }
        value = step(attributes.get<ir::Opcode>("fn"), value, update);
        // Each step rounds or wraps to the element's dtype.
        Output rounded(call.dtype, {});
        narrow(&value, 1, rounded, 0);
        widen(*std::move(rounded).finish(), 0, 1, 1, &value);
      }
    }
    narrow(values.data(), out.count(), out, 0);
    return std::move(out).finish();
  });
}

}  // namespace

Result<Tensor> evalScatterElements(const Call& call) {
  const auto axis = static_cast<size_t>(call.attributes().integer("axis"));
  const auto indices = widen<int64_t>(*call.in[1]);
  const Ints strides = stridesOf(call.shape);
  Ints others = strides;
  others[axis] = 0;
  Ints offsets = offsetsOf(call.in[1]->shape, others);
  for (size_t k = 0; k < offsets.size(); ++k) {
    offsets[k] += QT_TRY(resolveIndex(call, indices[k], axis, call.shape[axis])) * strides[axis];
  }
  return scattered(call, offsets, 1);
}

Result<Tensor> evalScatterNd(const Call& call) {
  const auto depth = static_cast<size_t>(call.in[1]->shape.back());
  const auto indices = widen<int64_t>(*call.in[1]);
  const Ints strides = stridesOf(call.shape);
  const int64_t run = depth == 0 ? countOf(call.shape) : strides[depth - 1];
  const Ints tuples(call.in[1]->shape.begin(), call.in[1]->shape.end() - 1);
  Ints offsets(static_cast<size_t>(countOf(tuples)), 0);
  if (countOf(call.in[2]->shape) == 0) return call.in[0];
  for (size_t k = 0; k < offsets.size(); ++k) {
    for (size_t i = 0; i < depth; ++i) {
      offsets[k] +=
          QT_TRY(resolveIndex(call, indices[k * depth + i], i, call.shape[i])) * strides[i];
    }
  }
  return scattered(call, offsets, run);
}

}  // namespace quartet::reference
