#include "ir/dtype.h"

#include <array>

namespace quartet::ir {

namespace {

struct DTypeInfo {
  std::string_view name;
  int64_t bytes;
  bool isFloat;
  bool isSigned;
};

constexpr std::array<DTypeInfo, kDTypeCount> kDTypes = {{
    {"bool", 1, false, false},
    {"i8", 1, false, true},
    {"u8", 1, false, false},
    {"i16", 2, false, true},
    {"u16", 2, false, false},
    {"i32", 4, false, true},
    {"u32", 4, false, false},
    {"i64", 8, false, true},
    {"u64", 8, false, false},
    {"f16", 2, true, true},
    {"bf16", 2, true, true},
    {"f32", 4, true, true},
    {"f64", 8, true, true},
}};

const DTypeInfo& at(DType dtype) { return kDTypes[static_cast<size_t>(dtype)]; }

}  // namespace

std::string_view name(DType dtype) { return at(dtype).name; }

std::optional<DType> parseDType(std::string_view text) {
  for (int i = 0; i < kDTypeCount; ++i) {
    if (kDTypes[static_cast<size_t>(i)].name == text) return static_cast<DType>(i);
  }
  return std::nullopt;
}

int64_t byteSize(DType dtype) { return at(dtype).bytes; }

bool isFloat(DType dtype) { return at(dtype).isFloat; }

bool isSigned(DType dtype) { return at(dtype).isSigned; }

bool isInteger(DType dtype) { return dtype != DType::Bool && !isFloat(dtype); }

}  // namespace quartet::ir
