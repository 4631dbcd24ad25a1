#include "cli/values.h"

#include <bit>
#include <cmath>

namespace quartet::cli {
namespace {

template <class T>
std::vector<double> widen(const Tensor& tensor, int64_t first, int64_t count) {
  const T* data = tensor.data<T>() + first;
  return {data, data + count};
}

double halfValue(uint16_t bits) {
  const int exponent = (bits >> 10) & 31;
  const double mantissa = bits & 0x3ff;
  double value = 0;
  if (exponent == 31) {
    value = mantissa == 0 ? INFINITY : NAN;
  } else {
    value = exponent == 0 ? std::ldexp(mantissa, -24) : std::ldexp(mantissa + 1024, exponent - 25);
  }
  return (bits & 0x8000) != 0 ? -value : value;
}

}  // namespace

std::vector<double> asDoubles(const Tensor& tensor, int64_t first, int64_t count) {
  switch (tensor.dtype) {
    case DataType::Bool:
    case DataType::U8:
      return widen<uint8_t>(tensor, first, count);
    case DataType::I8:
      return widen<int8_t>(tensor, first, count);
    case DataType::I16:
      return widen<int16_t>(tensor, first, count);
    case DataType::U16:
      return widen<uint16_t>(tensor, first, count);
    case DataType::I32:
      return widen<int32_t>(tensor, first, count);
    case DataType::U32:
      return widen<uint32_t>(tensor, first, count);
    case DataType::I64:
      return widen<int64_t>(tensor, first, count);
    case DataType::U64:
      return widen<uint64_t>(tensor, first, count);
    case DataType::F32:
      return widen<float>(tensor, first, count);
    case DataType::F64:
      return widen<double>(tensor, first, count);
    case DataType::F16:
    case DataType::BF16:
      break;
  }
  std::vector<double> values;
  for (int64_t i = first; i < first + count; ++i) {
    const uint16_t bits = tensor.data<uint16_t>()[i];
    values.push_back(tensor.dtype == DataType::F16 ? halfValue(bits)
                                                   : std::bit_cast<float>(uint32_t{bits} << 16));
  }
  return values;
}

}  // namespace quartet::cli
