// Constants behind a module.
#include <charconv>
#include <cmath>
#include <cstring>

#include "ir/constant_text.h"
#include "ir/parser.h"
#include "ir/scalar_eval.h"

namespace quartet::ir {

namespace {

constexpr int64_t kMaxElements = INT64_C(1) << 31;

bool isHash(std::string_view text) {
  return text.size() == 32 && text.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

/// Elements of a constant, or nothing when there are too many.
std::optional<int64_t> countOf(const Ints& shape) {
  int64_t count = 1;
  for (const int64_t extent : shape) {
    if (extent < 0 || __builtin_mul_overflow(count, extent, &count) || count > kMaxElements) {
      return std::nullopt;
    }
  }
  return count;
}

/// Data in place of what the text leaves out, the same for one name every time: floats uniform in
/// [-1, 1), integers and bools 0 or 1.
std::vector<std::byte> inventedData(const std::string& name, DType dtype, int64_t count) {
  uint64_t state = 0x9e3779b97f4a7c15;
  for (const char c : name) state = (state ^ static_cast<unsigned char>(c)) * 0x100000001b3;
  const auto size = static_cast<size_t>(byteSize(dtype));
  std::vector<std::byte> bytes(static_cast<size_t>(count) * size);
  for (size_t i = 0; i < static_cast<size_t>(count); ++i) {
    state = state * 6364136223846793005 + 1442695040888963407;
    const uint64_t bits = state >> 40;  // 24 bits
    const Scalar value =
        isFloat(dtype)
            ? floatScalar(roundFloat(dtype, std::ldexp(static_cast<double>(bits), -23) - 1))
            : intScalar(static_cast<int64_t>(bits & 1));
    writeScalar(dtype, value, bytes.data() + i * size);
  }
  return bytes;
}

}  // namespace

Status Parser::constant(Module& module) {
  const Token& nameToken = peek();
  const std::string name = QT_TRY(string());
  const DType type = QT_TRY(dtype());
  const Token& shapeToken = peek();
  Ints shape = QT_TRY(integers());
  const auto count = countOf(shape);
  if (!count) return error("a constant of this shape cannot be held", shapeToken);
  QT_CHECK(expect("="));
  const Token& data = peek();
  const bool elided = acceptWord("elided");
  if (elided && !options_.fillElided) {
    return error("the data of constant \"" + name + "\" is not in the text", data);
  }
  std::vector<std::byte> bytes =
      elided ? inventedData(name, type, *count) : QT_TRY(elements(type, *count));
  auto constant = makeConstant(type, std::move(shape), std::move(bytes));
  std::string key = name;
  if (!elided || !isHash(name)) key = contentHash(*constant);
  if (isHash(name) && key != name) {
    return error("the content of constant \"" + name + "\" has the hash " + key, nameToken);
  }
  if (!renamed_.emplace(name, key).second) {
    return error("the constant \"" + name + "\" is there twice", nameToken);
  }
  module.constants.emplace(std::move(key), std::move(constant));
  return {};
}

Result<std::vector<std::byte>> Parser::elements(DType dtype, int64_t count) {
  const Token& open = peek();
  QT_CHECK(expect("["));
  const auto size = static_cast<size_t>(byteSize(dtype));
  std::vector<std::byte> bytes;
  QT_CHECK(listUntil("]", [&]() -> Status {
    bytes.resize(bytes.size() + size);
    return element(dtype, bytes.data() + bytes.size() - size);
  }));
  const auto found = static_cast<int64_t>(bytes.size() / size);
  if (found != count) {
    return error(
        "the shape has " + std::to_string(count) + " elements, the data " + std::to_string(found),
        open);
  }
  return bytes;
}

Status Parser::element(DType dtype, std::byte* to) {
  const bool nan = atWord("nan");
  if (nan && peek(1).is(Token::Kind::Punctuation, "(")) {
    take();
    take();
    const std::string& text = peek().text;
    uint64_t bits = 0;
    const char* end = text.data() + text.size();
    const bool hex = text.size() > 2 && text[1] == 'x';
    if (!hex || std::from_chars(text.data() + 2, end, bits, 16).ptr != end) {
      return expected("the bits of a NaN (0x...)");
    }
    take();
    if (!isFloat(dtype)) return error("a NaN among integers");
    std::memcpy(to, &bits, static_cast<size_t>(byteSize(dtype)));
    return expect(")");
  }
  if (!isFloat(dtype)) {
    const Token& token = peek();
    if (dtype == DType::U64 && token.kind == Token::Kind::Number) {
      uint64_t value = 0;
      const char* end = token.text.data() + token.text.size();
      if (std::from_chars(token.text.data(), end, value).ptr != end) return expected("an integer");
      take();
      writeScalar(dtype, intScalar(static_cast<int64_t>(value)), to);
      return {};
    }
    const int64_t value = QT_TRY(integer());
    if (wrapInteger(dtype, value) != value || (dtype == DType::U64 && value < 0)) {
      return error(std::string(name(dtype)) + " does not hold " + std::to_string(value), token);
    }
    writeScalar(dtype, intScalar(value), to);
    return {};
  }
  const double value = QT_TRY(floatingPoint(dtype));
  if (nan) {
    const uint64_t bits = nanBits(dtype);
    std::memcpy(to, &bits, static_cast<size_t>(byteSize(dtype)));
  } else {
    writeScalar(dtype, floatScalar(roundFloat(dtype, value)), to);
  }
  return {};
}

}  // namespace quartet::ir
