#include "backends/cpu/reference/tensor.h"

#include <limits>

#include "backends/cpu/reference/smallfloat.h"

namespace quartet::reference {
namespace {

// Storage types: how a dtype's element reads as, and is made from, a wide value.
template <class T>
struct Number {
  T stored;
  template <class W>
  W get() const {
    return static_cast<W>(stored);
  }
  template <class W>
  void set(W value) {
    stored = static_cast<T>(value);
  }
};
struct Truth {
  uint8_t stored;
  template <class W>
  W get() const {
    return static_cast<W>(stored != 0);
  }
  template <class W>
  void set(W value) {
    stored = value != 0;
  }
};
struct Half {
  uint16_t stored;
  template <class W>
  W get() const {
    return static_cast<W>(decodeHalf(stored));
  }
  template <class W>
  void set(W value) {
    stored = encodeHalf(static_cast<double>(value));
  }
};
struct Bfloat {
  uint16_t stored;
  template <class W>
  W get() const {
    return static_cast<W>(decodeBfloat(stored));
  }
  template <class W>
  void set(W value) {
    stored = encodeBfloat(static_cast<double>(value));
  }
};

template <class F>
void withFloatStorage(DType dtype, F&& f) {
  switch (dtype) {
    case DType::F16:
      return f(Half{});
    case DType::BF16:
      return f(Bfloat{});
    case DType::F32:
      return f(Number<float>{});
    default:
      QT_ASSERT(dtype == DType::F64, "unknown float dtype");
      return f(Number<double>{});
  }
}

template <class F>
void withIntegerStorage(DType dtype, F&& f) {
  switch (dtype) {
    case DType::Bool:
      return f(Truth{});
    case DType::I8:
      return f(Number<int8_t>{});
    case DType::U8:
      return f(Number<uint8_t>{});
    case DType::I16:
      return f(Number<int16_t>{});
    case DType::U16:
      return f(Number<uint16_t>{});
    case DType::I32:
      return f(Number<int32_t>{});
    case DType::U32:
      return f(Number<uint32_t>{});
    case DType::I64:
      return f(Number<int64_t>{});
    default:
      QT_ASSERT(dtype == DType::U64, "a float dtype where an integer was expected");
      return f(Number<uint64_t>{});
  }
}

}  // namespace

int64_t countOf(const Ints& shape) {
  int64_t count = 1;
  for (const int64_t extent : shape) count *= extent;
  return count;
}

Ints stridesOf(const Ints& shape) {
  Ints strides(shape.size());
  int64_t stride = 1;
  for (size_t i = shape.size(); i-- > 0;) {
    strides[i] = stride;
    stride *= shape[i];
  }
  return strides;
}

Ints offsetsOf(const Ints& extents, const Ints& strides) {
  Ints offsets = {0};
  for (size_t axis = 0; axis < extents.size(); ++axis) {
    Ints finer;
    finer.reserve(offsets.size() * static_cast<size_t>(extents[axis]));
    for (const int64_t base : offsets) {
      for (int64_t i = 0; i < extents[axis]; ++i) finer.push_back(base + i * strides[axis]);
    }
    offsets = std::move(finer);
  }
  return offsets;
}

Output::Output(DType dtype, Ints shape)
    : dtype_(dtype),
      shape_(std::move(shape)),
      count_(countOf(shape_)),
      bytes_(static_cast<size_t>(count_ * ir::byteSize(dtype))) {}

Tensor Output::finish() && {
  return ir::makeConstant(dtype_, std::move(shape_), std::move(bytes_));
}

Wide wideOf(DType dtype) {
  if (ir::isFloat(dtype)) return Wide::Float;
  return ir::isSigned(dtype) ? Wide::Signed : Wide::Unsigned;
}

template <class W>
void widen(const ir::ConstantData& source, int64_t offset, int64_t stride, int64_t count, W* dst) {
  const auto copy = [&](auto storage) {
    using Storage = decltype(storage);
    for (int64_t i = 0; i < count; ++i) {
      dst[i] = source.element<Storage>(offset + i * stride).template get<W>();
    }
  };
  if (!ir::isFloat(source.dtype)) return withIntegerStorage(source.dtype, copy);
  if constexpr (std::is_same_v<W, double>) {
    withFloatStorage(source.dtype, copy);
  } else {
    QT_ASSERT(false, "a float tensor read as integers");
  }
}

template <class W>
void narrow(const W* src, int64_t count, Output& target, int64_t offset) {
  const auto copy = [&](auto storage) {
    using Storage = decltype(storage);
    auto* first = reinterpret_cast<Storage*>(target.bytes()) + offset;
    for (int64_t i = 0; i < count; ++i) first[i].template set<W>(src[i]);
  };
  if (ir::isFloat(target.dtype())) return withFloatStorage(target.dtype(), copy);
  if constexpr (std::is_same_v<W, double>) {
    QT_ASSERT(false, "doubles written to an integer tensor");
  } else {
    withIntegerStorage(target.dtype(), copy);
  }
}

template <class W>
W lowest(DType dtype) {
  if constexpr (std::is_same_v<W, double>) return -std::numeric_limits<double>::infinity();
  if (!ir::isSigned(dtype)) return 0;
  return static_cast<W>(std::numeric_limits<int64_t>::min() >> (64 - 8 * ir::byteSize(dtype)));
}

template <class W>
W highest(DType dtype) {
  if constexpr (std::is_same_v<W, double>) return std::numeric_limits<double>::infinity();
  if (dtype == DType::Bool) return 1;
  const uint64_t ones = ~uint64_t{0} >> (64 - 8 * ir::byteSize(dtype));
  return static_cast<W>(ir::isSigned(dtype) ? ones >> 1 : ones);
}

template void widen(const ir::ConstantData&, int64_t, int64_t, int64_t, double*);
template void widen(const ir::ConstantData&, int64_t, int64_t, int64_t, int64_t*);
template void widen(const ir::ConstantData&, int64_t, int64_t, int64_t, uint64_t*);
template void narrow(const double*, int64_t, Output&, int64_t);
template void narrow(const int64_t*, int64_t, Output&, int64_t);
template void narrow(const uint64_t*, int64_t, Output&, int64_t);
template double lowest(DType);
template int64_t lowest(DType);
template uint64_t lowest(DType);
template double highest(DType);
template int64_t highest(DType);
template uint64_t highest(DType);

}  // namespace quartet::reference
