// Element types. Names in text: bool, i8, u8, i16, u16, i32, u32, i64, u64, f16, bf16, f32, f64.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace quartet::ir {

enum class DType : uint8_t { Bool, I8, U8, I16, U16, I32, U32, I64, U64, F16, BF16, F32, F64 };

inline constexpr int kDTypeCount = 13;

/// Text name ("f32").
std::string_view name(DType dtype);
std::optional<DType> parseDType(std::string_view text);

/// Bytes of one element in host memory (bool: 1).
int64_t byteSize(DType dtype);

bool isFloat(DType dtype);
bool isSigned(DType dtype);   // signed integers and floats
bool isInteger(DType dtype);  // i8..u64, without bool

}  // namespace quartet::ir
