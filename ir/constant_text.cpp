#include "ir/constant_text.h"

#include <charconv>
#include <cmath>
#include <cstring>

#include "ir/scalar_eval.h"
#include "ir/text_util.h"

namespace quartet::ir {

namespace {

std::string hexText(uint64_t bits) {
  char buffer[24];
  return "0x" + std::string(buffer, std::to_chars(buffer, buffer + sizeof(buffer), bits, 16).ptr);
}

std::string elementText(DType dtype, const std::byte* at) {
  const Scalar value = readScalar(dtype, at);
  if (!isFloat(dtype)) {
    return dtype == DType::U64 ? std::to_string(static_cast<uint64_t>(value.i))
                               : std::to_string(value.i);
  }
  if (!std::isnan(value.f)) return floatText(value.f, dtype);
  uint64_t bits = 0;
  std::memcpy(&bits, at, static_cast<size_t>(byteSize(dtype)));
  return bits == nanBits(dtype) ? "nan" : "nan(" + hexText(bits) + ")";
}

}  // namespace

uint64_t nanBits(DType dtype) {
  switch (dtype) {
    case DType::F16:
      return 0x7e00;
    case DType::BF16:
      return 0x7fc0;
    case DType::F32:
      return 0x7fc00000;
    default:
      return UINT64_C(0x7ff8000000000000);
  }
}

std::string constantText(const std::string& hash, const ConstantData& data,
                         int64_t inlineElements) {
  std::string text = "constant " + quoted(hash) + " " + std::string(name(data.dtype)) + "[";
  for (size_t i = 0; i < data.shape.size(); ++i) {
    text += (i > 0 ? ", " : "") + std::to_string(data.shape[i]);
  }
  text += "] = ";
  const int64_t count = data.elementCount();
  if (count > inlineElements) return text + "elided\n";
  text += "[";
  for (int64_t i = 0; i < count; ++i) {
    if (i > 0) text += ", ";
    text += elementText(data.dtype, data.bytes.data() + i * byteSize(data.dtype));
  }
  return text + "]\n";
}

}  // namespace quartet::ir
