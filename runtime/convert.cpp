#include "runtime/convert.h"

#include <cmath>
#include <cstring>
#include <limits>
#include <type_traits>

#include "runtime/half.h"

namespace quartet::runtime {
namespace {

using ir::DType;

// How an element lies in memory (Raw), and as what it takes part in conversions (Wide: double for
// floats, a 64-bit integer otherwise).
template <class T>
struct Plain {
  using Raw = T;
  using Wide =
      std::conditional_t<std::is_floating_point_v<T>, double,
                         std::conditional_t<std::is_same_v<T, uint64_t>, uint64_t, int64_t>>;
  static Wide widen(Raw raw) { return static_cast<Wide>(raw); }
  template <class From>
  static Raw narrow(From value) {
    if constexpr (std::is_floating_point_v<T> || !std::is_floating_point_v<From>) {
      return static_cast<Raw>(value);
    } else {  // float to integer: truncates, saturates, NaN is 0
      if (std::isnan(value)) return 0;
      const double whole = std::trunc(value);
      // The upper limit + 1 is a power of two, hence exact.
      constexpr auto kHalf = std::numeric_limits<T>::max() / 2 + 1;
      constexpr double kEnd = static_cast<double>(kHalf) * 2;
      if (whole >= kEnd) return std::numeric_limits<T>::max();
      if (whole < static_cast<double>(std::numeric_limits<T>::min())) {
        return std::numeric_limits<T>::min();
      }
      return static_cast<Raw>(whole);
    }
  }
};

struct Boolean {
  using Raw = uint8_t;
  using Wide = int64_t;
  static Wide widen(Raw raw) { return raw != 0 ? 1 : 0; }
  template <class From>
  static Raw narrow(From value) {
    return value != 0 ? 1 : 0;
  }
};

template <float (*toFloat)(uint16_t), uint16_t (*fromFloat)(float)>
struct Short {
  using Raw = uint16_t;
  using Wide = double;
  static Wide widen(Raw raw) { return static_cast<double>(toFloat(raw)); }
  template <class From>
  static Raw narrow(From value) {
    return fromFloat(roundToOdd(static_cast<double>(value)));
  }
};

template <class F>
void withType(DType dtype, F f) {
  switch (dtype) {
    case DType::Bool:
      return f(Boolean{});
    case DType::I8:
      return f(Plain<int8_t>{});
    case DType::U8:
      return f(Plain<uint8_t>{});
    case DType::I16:
      return f(Plain<int16_t>{});
    case DType::U16:
      return f(Plain<uint16_t>{});
    case DType::I32:
      return f(Plain<int32_t>{});
    case DType::U32:
      return f(Plain<uint32_t>{});
    case DType::I64:
      return f(Plain<int64_t>{});
    case DType::U64:
      return f(Plain<uint64_t>{});
    case DType::F16:
      return f(Short<halfToFloat, floatToHalf>{});
    case DType::BF16:
      return f(Short<bf16ToFloat, floatToBf16>{});
    case DType::F32:
      return f(Plain<float>{});
    case DType::F64:
      return f(Plain<double>{});
  }
}

template <class From, class To>
void convertLoop(const std::byte* from, int64_t stride, std::byte* to, int64_t count) {
  using FromRaw = typename From::Raw;
  using ToRaw = typename To::Raw;
  for (int64_t i = 0; i < count; ++i) {
    FromRaw element;
    std::memcpy(&element, from + i * stride * static_cast<int64_t>(sizeof(FromRaw)),
                sizeof(FromRaw));
    ToRaw converted;
    if constexpr (std::is_same_v<From, To> && !std::is_same_v<From, Boolean>) {
      converted = element;  // bits, NaN payloads too
    } else {
      converted = To::narrow(From::widen(element));
    }
    std::memcpy(to + i * static_cast<int64_t>(sizeof(ToRaw)), &converted, sizeof(ToRaw));
  }
}

}  // namespace

void convertElements(DType fromType, const std::byte* from, int64_t fromStride, DType toType,
                     std::byte* to, int64_t count) {
  if (count == 0) return;
  if (fromType == toType && fromStride == 1 && fromType != DType::Bool) {
    std::memcpy(to, from, static_cast<size_t>(count * ir::byteSize(fromType)));
    return;
  }
  withType(fromType, [&](auto source) {
    withType(toType, [&](auto target) {
      convertLoop<decltype(source), decltype(target)>(from, fromStride, to, count);
    });
  });
}

}  // namespace quartet::runtime
