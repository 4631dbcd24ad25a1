// Moving elements without looking at their values.
#pragma once

#include <cstring>

#include "backends/cpu/reference/tensor.h"

namespace quartet::reference {

/// target[offset + i] = source[from + i * stride] for i < count; equal dtypes.
inline void copyElements(const ir::ConstantData& source, int64_t from, int64_t stride,
                         int64_t count, Output& target, int64_t offset) {
  const auto size = ir::byteSize(source.dtype);
  const std::byte* src = source.bytes.data() + from * size;
  std::byte* dst = target.bytes() + offset * size;
  if (stride == 1 && count > 0) {
    std::memcpy(dst, src, static_cast<size_t>(count * size));
    return;
  }
  for (int64_t i = 0; i < count; ++i) {
    std::memcpy(dst + i * size, src + i * stride * size, static_cast<size_t>(size));
  }
}

/// The output, row-major, from `source` at base + sum of index[axis] * strides[axis].
inline void copyStrided(const ir::ConstantData& source, int64_t base, const Ints& strides,
                        Output& target) {
  const Ints& shape = target.shape();
  if (target.count() == 0) return;
  if (shape.empty()) return copyElements(source, base, 1, 1, target, 0);
  const Ints outerShape(shape.begin(), shape.end() - 1);
  int64_t offset = 0;
  for (const int64_t row : offsetsOf(outerShape, strides)) {
    copyElements(source, base + row, strides.back(), shape.back(), target, offset);
    offset += shape.back();
  }
}

}  // namespace quartet::reference
