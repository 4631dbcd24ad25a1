#include "frontend/onnx/pooling_indices.h"

#include <algorithm>
#include <limits>

namespace quartet::frontend {

using ir::Dim;
using ir::Dims;
using ir::DType;
using ir::Ints;
using ir::Opcode;

namespace {

// x with every spatial axis replaced by (windows, positions in a window): [N, C, o..., k...].
Tensor unfold(Emitter& e, const Tensor& x, const Spatial& s, const Dims& out) {
  const size_t rank = s.rank();
  Ints begin(rank + 2, 0);
  Ints end(rank + 2, 0);
  std::copy(s.begin.begin(), s.begin.end(), begin.begin() + 2);
  std::copy(s.end.begin(), s.end.end(), end.begin() + 2);
  const double lowest = -std::numeric_limits<double>::infinity();  // saturates for integers
  Tensor windows = e.pad(x, e.number(x.dtype, lowest), "constant", begin, end);
  for (size_t i = 0; i < rank; ++i) {
    std::vector<int64_t> table;
    for (int64_t o = 0; o < out[i + 2].value(); ++o) {
      for (int64_t k = 0; k < s.kernel[i]; ++k) {
        table.push_back(o * s.strides[i] + k * s.dilations[i]);
      }
    }
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
  std::vector<int64_t> table;
  for (int64_t o = 0; o < count; ++o) {
    for (int64_t k = 0; k < window; ++k) {
      int64_t position = 0;
      for (size_t i = 0; i < rank; ++i) {
        const int64_t at = o / outer[i] % shape[i] * s.strides[i] - s.begin[i] +
                           k / inner[i] % s.kernel[i] * s.dilations[i];
        position += at * strides[i];
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
