// Indexed reads: gather, gather_elements, gather_nd.

#include "backends/cpu/reference/bytes.h"
#include "backends/cpu/reference/ops.h"

namespace quartet::reference {

Result<int64_t> resolveIndex(const Call& call, int64_t index, size_t axis, int64_t extent) {
  if (index >= -extent && index < extent) return index < 0 ? index + extent : index;
  return userError("index " + std::to_string(index) + " is out of range for axis " +
                       std::to_string(axis) + " of extent " + std::to_string(extent),
                   call.where(), "indices must lie in [-extent, extent)");
}

Result<Tensor> evalGather(const Call& call) {
  const ir::ConstantData& data = *call.in[0];
  const auto axis = static_cast<size_t>(call.attributes().integer("axis"));
  const int64_t extent = data.shape[axis];
  const int64_t inner = stridesOf(data.shape)[axis];
  const int64_t outer =
      countOf(Ints(data.shape.begin(), data.shape.begin() + call.attributes().integer("axis")));
  const auto indices = widen<int64_t>(*call.in[1]);
  Output out(call.dtype, call.shape);
  Ints positions;
  for (const int64_t index : indices) {
    // Checked only where something is read: an empty result needs no valid index.
    if (out.count() > 0) positions.push_back(QT_TRY(resolveIndex(call, index, axis, extent)));
  }
  int64_t offset = 0;
  for (int64_t o = 0; o < outer; ++o) {
    for (const int64_t position : positions) {
      copyElements(data, (o * extent + position) * inner, 1, inner, out, offset);
      offset += inner;
    }
  }
  return std::move(out).finish();
}

Result<Tensor> evalGatherElements(const Call& call) {
  const ir::ConstantData& data = *call.in[0];
  const auto axis = static_cast<size_t>(call.attributes().integer("axis"));
  const auto indices = widen<int64_t>(*call.in[1]);
  const Ints strides = stridesOf(data.shape);
  // Everything but the gathered axis reads the element at its own position.
  Ints others = strides;
  others[axis] = 0;
  const Ints bases = offsetsOf(call.shape, others);
  Output out(call.dtype, call.shape);
  for (int64_t i = 0; i < out.count(); ++i) {
    const auto at = static_cast<size_t>(i);
    const int64_t position = QT_TRY(resolveIndex(call, indices[at], axis, data.shape[axis]));
    copyElements(data, bases[at] + position * strides[axis], 1, 1, out, i);
  }
  return std::move(out).finish();
}

Result<Tensor> evalGatherNd(const Call& call) {
  const ir::ConstantData& data = *call.in[0];
  const auto batchDims = static_cast<size_t>(call.attributes().integer("batch_dims"));
  const Ints& indexShape = call.in[1]->shape;
  const auto indices = widen<int64_t>(*call.in[1]);
  const auto depth = static_cast<size_t>(indexShape.back());
  const Ints strides = stridesOf(data.shape);
  const Ints batchShape(data.shape.begin(),
                        data.shape.begin() + call.attributes().integer("batch_dims"));
  const int64_t batches = countOf(batchShape);
  const size_t sliced = batchDims + depth;
  const int64_t sliceSize = sliced == 0 ? countOf(data.shape) : strides[sliced - 1];
  const int64_t batchSize = batchDims == 0 ? countOf(data.shape) : strides[batchDims - 1];
  Output out(call.dtype, call.shape);
  if (out.count() == 0) return std::move(out).finish();
  const int64_t tuples = out.count() / sliceSize;
  for (int64_t t = 0; t < tuples; ++t) {
    int64_t from = t / (tuples / batches) * batchSize;
    for (size_t i = 0; i < depth; ++i) {
      const size_t axis = batchDims + i;
      const int64_t index = indices[static_cast<size_t>(t) * depth + i];
      from += QT_TRY(resolveIndex(call, index, axis, data.shape[axis])) * strides[axis];
    }
    copyElements(data, from, 1, sliceSize, out, t * sliceSize);
  }
  return std::move(out).finish();
}

}  // namespace quartet::reference
