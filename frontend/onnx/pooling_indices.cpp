#include "frontend/onnx/pooling_indices.h"

#include <algorithm>

namespace quartet::frontend {

using ir::Dim;
using ir::Dims;
using ir::DType;
using ir::Ints;
using ir::Opcode;

namespace {

// Where the taps of every window lie along a spatial axis, window by window. A tap in the padding
// stands for the nearest of its window that is not: that repeats elements of the window, in their
// order, and changes neither its maximum nor which element is the first to have it. Of a window
// that lies in the padding altogether they are elements of the image, whichever.
std::vector<int64_t> taps(const Spatial& s, size_t axis, int64_t windows, int64_t extent) {
  std::vector<int64_t> positions;
  for (int64_t o = 0; o < windows; ++o) {
    const int64_t start = o * s.strides[axis] - s.begin[axis];
    const int64_t step = s.dilations[axis];
    const int64_t first = start < 0 ? (-start + step - 1) / step : 0;
    const int64_t last =
        std::min(s.kernel[axis] - 1, start < extent ? (extent - 1 - start) / step : int64_t{-1});
    for (int64_t k = 0; k < s.kernel[axis]; ++k) {
      const int64_t tap = first <= last ? std::clamp(k, first, last) : k;
      positions.push_back(std::clamp<int64_t>(start + tap * step, 0, extent - 1));
    }
  }
  return positions;
}

// x with every spatial axis replaced by (windows, positions in a window): [N, C, o..., k...].
Tensor unfold(Emitter& e, const Tensor& x, const Spatial& s, const Dims& out) {
  const size_t rank = s.rank();
  Tensor windows = x;
  for (size_t i = 0; i < rank; ++i) {
    const std::vector<int64_t> table = taps(s, i, out[i + 2].value(), x.shape[i + 2].value());
    const Tensor indices = e.reshape(e.ints(table), {out[i + 2], Dim(s.kernel[i])});
    windows = e.gather(windows, indices, static_cast<int>(2 + 2 * i));
  }
  Ints perm = {0, 1};
  for (size_t i = 0; i < rank; ++i) perm.push_back(2 + 2 * static_cast<int64_t>(i));
  for (size_t i = 0; i < rank; ++i) perm.push_back(3 + 2 * static_cast<int64_t>(i));
  return e.transpose(windows, perm);
}

// For every window and position in it, the position in one image: i64[o..., k].
Tensor positionTable(Emitter& e, const Tensor& x, const Spatial& s, const Dims& out,
                     bool columnMajor) {
  const size_t rank = s.rank();
  std::vector<int64_t> extents;
  for (size_t i = 0; i < rank; ++i) extents.push_back(x.shape[i + 2].value());
  std::vector<int64_t> strides = stridesOf(extents);
  if (columnMajor) {
    int64_t stride = 1;
    for (size_t i = 0; i < rank; ++i) {
      strides[i] = stride;
      stride *= extents[i];
    }
  }
  // All windows, then all positions in one: counters over both shapes.
  std::vector<int64_t> shape;
  for (size_t i = 0; i < rank; ++i) shape.push_back(out[i + 2].value());
  int64_t window = 1;
  for (const int64_t k : s.kernel) window *= k;
  const auto outer = stridesOf(shape);
  const auto inner = stridesOf(s.kernel);
  int64_t count = 1;
  for (const int64_t extent : shape) count *= extent;
  std::vector<std::vector<int64_t>> along;
  for (size_t i = 0; i < rank; ++i) along.push_back(taps(s, i, shape[i], extents[i]));
  std::vector<int64_t> table;
  for (int64_t o = 0; o < count; ++o) {
    for (int64_t k = 0; k < window; ++k) {
      int64_t position = 0;
      for (size_t i = 0; i < rank; ++i) {
        const int64_t tap = o / outer[i] % shape[i] * s.kernel[i] + k / inner[i] % s.kernel[i];
        position += along[i][static_cast<size_t>(tap)] * strides[i];
      }
      table.push_back(position);
    }
  }
  Dims dims = toDims(shape);
  dims.emplace_back(window);
  return e.reshape(e.ints(table), dims);
}

}  // namespace

Tensor largestPositions(Emitter& e, const Tensor& x, const Spatial& spatial, const Dims& out,
                        bool columnMajor) {
  const bool empty = std::any_of(x.shape.begin() + 2, x.shape.end(),
                                 [](const Dim& extent) { return extent == Dim(0); });
  if (empty) return e.broadcast(e.integer(DType::I64, 0), out);  // nothing to point at
  const Tensor table = positionTable(e, x, spatial, out, columnMajor);
  Dims flat = out;
  flat.push_back(table.shape.back());
  const Tensor windows = e.reshape(unfold(e, x, spatial, out), flat);
  const auto axis = static_cast<int64_t>(out.size());
  const Tensor best =
      e.op(Opcode::ArgReduce, {windows}, DType::I64, out,
           attributesOf({{"fn", Opcode::Max}, {"axis", axis}, {"last", int64_t{0}}}));
  Dims single = out;
  single.emplace_back(1);
  const Tensor chosen =
      e.op(Opcode::GatherElements, {e.broadcast(table, flat), e.reshape(best, single)}, DType::I64,
           single, attributesOf({{"axis", axis}}));
  // The image of batch n and channel c starts at (n * channels + c) * size.
  int64_t size = 1;
  for (size_t i = 2; i < x.shape.size(); ++i) size *= x.shape[i].value();
  const int rank = static_cast<int>(out.size());
  const Tensor batch = e.indicesAlong(DType::I64, out[0], 0, rank);
  const Tensor channel = e.indicesAlong(DType::I64, out[1], 1, rank);
  const Tensor image = e.add(e.mul(batch, e.extent(out[1], DType::I64)), channel);
  return e.add(e.reshape(chosen, out), e.mul(image, e.integer(DType::I64, size)));
}

}  // namespace quartet::frontend
