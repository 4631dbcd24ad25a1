// Tensors of the reference: row-major host data, and the three wide types in which it computes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <type_traits>
#include <vector>

#include "ir/module.h"

namespace quartet::reference {

using ir::DType;
using ir::Ints;
using Tensor = std::shared_ptr<const ir::ConstantData>;

/// Extent product; 1 for a scalar.
int64_t countOf(const Ints& shape);
/// Row-major strides, in elements.
Ints stridesOf(const Ints& shape);

/// Offsets of all points of a box, row-major: sum of index[i] * strides[i].
Ints offsetsOf(const Ints& extents, const Ints& strides);

/// A result under construction: zeroed bytes of a dtype and shape.
class Output {
 public:
  Output(DType dtype, Ints shape);
  DType dtype() const { return dtype_; }
  const Ints& shape() const { return shape_; }
  int64_t count() const { return count_; }
  std::byte* bytes() { return bytes_.data(); }
  Tensor finish() &&;

 private:
  DType dtype_;
  Ints shape_;
  int64_t count_;
  std::vector<std::byte> bytes_;
};

/// Computation happens in one of three wide types: double for floats, int64_t for signed integers,
/// uint64_t for unsigned integers and bool (0 or 1).
enum class Wide : uint8_t { Float, Signed, Unsigned };
Wide wideOf(DType dtype);

/// Calls f(W{}) with W the wide type of `dtype`.
template <class F>
decltype(auto) withWide(DType dtype, F&& f) {
  switch (wideOf(dtype)) {
    case Wide::Float:
      return f(double{});
    case Wide::Signed:
      return f(int64_t{});
    case Wide::Unsigned:
      break;
  }
  return f(uint64_t{});
}

/// dst[i] = element (offset + i * stride) of `source`, for i < count. Integers may be widened to
/// double; floats only to double.
template <class W>
void widen(const ir::ConstantData& source, int64_t offset, int64_t stride, int64_t count, W* dst);

/// All elements.
template <class W>
std::vector<W> widen(const ir::ConstantData& source) {
  std::vector<W> values(static_cast<size_t>(countOf(source.shape)));
  widen(source, 0, 1, static_cast<int64_t>(values.size()), values.data());
  return values;
}

/// Elements offset .. offset + count of `target` = src, converted: to floats by rounding to nearest
/// even, between integers modulo 2^bits, to bool as src != 0. A double goes to float dtypes only.
template <class W>
void narrow(const W* src, int64_t count, Output& target, int64_t offset);

/// The smallest and the largest value of a dtype in its wide type; infinities for floats.
template <class W>
W lowest(DType dtype);
template <class W>
W highest(DType dtype);

/// Runs f(0) .. f(count - 1), on several threads when `work` (scalar operations) is worth it. The
/// calls must write to different places.
template <class F>
void parallelFor(int64_t count, int64_t work, const F& f);

}  // namespace quartet::reference

#include "backends/cpu/reference/parallel.h"
