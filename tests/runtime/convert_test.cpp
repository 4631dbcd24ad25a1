#include "runtime/convert.h"

#include <doctest/doctest.h>

#include <bit>
#include <cmath>
#include <limits>
#include <vector>

#include "runtime/half.h"

using namespace quartet;
using namespace quartet::runtime;
using ir::DType;

namespace {

template <class To, class From>
std::vector<To> convert(DType from, const std::vector<From>& values, DType to, int64_t stride = 1) {
  const auto n = static_cast<int64_t>(values.size()) / stride;
  std::vector<To> result(static_cast<size_t>(n));
  convertElements(from, reinterpret_cast<const std::byte*>(values.data()), stride, to,
                  reinterpret_cast<std::byte*>(result.data()), n);
  return result;
}

}  // namespace

TEST_CASE("convert: every half survives f16 -> f32 -> f16 and is what its bits say") {
  for (uint32_t bits = 0; bits < 0x10000; ++bits) {
    const auto half = static_cast<uint16_t>(bits);
    const float value = halfToFloat(half);
    if (std::isnan(value)) {
      CHECK(std::isnan(halfToFloat(floatToHalf(value))));
      continue;
    }
    REQUIRE(floatToHalf(value) == half);
    const int exponent = static_cast<int>((bits >> 10) & 31);
    if (exponent == 31) continue;
    const auto mantissa = static_cast<double>(bits & 0x3ff);
    const double magnitude =
        exponent == 0 ? std::ldexp(mantissa, -24) : std::ldexp(mantissa + 1024, exponent - 25);
    REQUIRE(std::fabs(value) == magnitude);
  }
}

TEST_CASE("convert: to half rounds to nearest even, also from f64 and at the ends") {
  // Halfway points between neighbours go to the even one; anything beyond goes up.
  for (uint32_t bits = 0; bits < 0x7bff; ++bits) {
    const double low = halfToFloat(static_cast<uint16_t>(bits));
    const double high = halfToFloat(static_cast<uint16_t>(bits + 1));
    const double middle = (low + high) / 2;
    const std::vector<double> values{middle, std::nextafter(middle, 1e9),
                                     std::nextafter(middle, -1)};
    const auto even = static_cast<uint16_t>(bits + (bits & 1));
    const auto above = static_cast<uint16_t>(bits + 1);
    REQUIRE(convert<uint16_t>(DType::F64, values, DType::F16) ==
            std::vector<uint16_t>{even, above, static_cast<uint16_t>(bits)});
  }
  CHECK(floatToHalf(65519.9F) == 0x7bff);
  CHECK(floatToHalf(65520.0F) == 0x7c00);
  CHECK(floatToHalf(-INFINITY) == 0xfc00);
  CHECK(floatToHalf(-0.0F) == 0x8000);
  CHECK(floatToBf16(1.0F + 0x1p-8F) == 0x3f80);
  CHECK(floatToBf16(std::bit_cast<float>(0x3f818000U)) == 0x3f82);
  CHECK(std::isnan(bf16ToFloat(floatToBf16(std::bit_cast<float>(0x7f800001U)))));
}

TEST_CASE("convert: float to integer truncates and saturates, integers wrap, bool is != 0") {
  const std::vector<float> floats{-1.9F, 2.9F, NAN, INFINITY, -INFINITY, 300.0F};
  CHECK(convert<int8_t>(DType::F32, floats, DType::I8) ==
        std::vector<int8_t>{-1, 2, 0, 127, -128, 127});
  CHECK(convert<uint8_t>(DType::F32, floats, DType::U8) ==
        std::vector<uint8_t>{0, 2, 0, 255, 0, 255});
  CHECK(convert<int64_t>(DType::F32, floats, DType::I64)[3] == INT64_MAX);
  CHECK(convert<uint64_t>(DType::F32, floats, DType::U64)[3] == UINT64_MAX);
  CHECK(convert<uint8_t>(DType::F32, floats, DType::Bool) ==
        std::vector<uint8_t>{1, 1, 1, 1, 1, 1});
  CHECK(convert<int8_t>(DType::I32, std::vector<int32_t>{300, -129}, DType::I8) ==
        std::vector<int8_t>{44, 127});
  CHECK(convert<uint32_t>(DType::Bool, std::vector<uint8_t>{0, 1, 7}, DType::U32) ==
        std::vector<uint32_t>{0, 1, 1});
  CHECK(convert<uint8_t>(DType::Bool, std::vector<uint8_t>{0, 1, 7}, DType::Bool) ==
        std::vector<uint8_t>{0, 1, 1});
  CHECK(convert<int64_t>(DType::U64, std::vector<uint64_t>{UINT64_MAX}, DType::I64)[0] == -1);
  CHECK(convert<float>(DType::U64, std::vector<uint64_t>{1ULL << 63}, DType::F32)[0] == 0x1p63F);
  CHECK(convert<int64_t>(DType::I64, std::vector<int64_t>{(1LL << 53) + 1}, DType::I64)[0] ==
        (1LL << 53) + 1);
}

TEST_CASE("convert: strided reads") {
  const std::vector<int32_t> values{1, 2, 3, 4, 5, 6};
  CHECK(convert<float>(DType::I32, values, DType::F32, 2) == std::vector<float>{1, 3, 5});
  CHECK(convert<int32_t>(DType::I32, values, DType::I32, 3) == std::vector<int32_t>{1, 4});
}
