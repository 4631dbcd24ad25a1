#include "ir/text_util.h"

#include <algorithm>
#include <charconv>
#include <cmath>

namespace quartet::ir {

namespace {

bool isLetter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; }

bool isDigit(char c) { return c >= '0' && c <= '9'; }

template <class T>
std::string shortest(T value) {
  char buffer[64];
  const auto end = std::to_chars(buffer, buffer + sizeof(buffer), value).ptr;
  std::string text(buffer, end);
  if (text.find_first_of(".en") == std::string::npos) text += ".0";
  return text;
}

}  // namespace

bool isIdentifier(std::string_view text) {
  return !text.empty() && isLetter(text.front()) &&
         std::all_of(text.begin(), text.end(), [](char c) { return isLetter(c) || isDigit(c); });
}

std::string quoted(std::string_view text) {
  constexpr char kHex[] = "0123456789abcdef";
  std::string out = "\"";
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (c == '\n') {
      out += "\\n";
    } else if (byte < 0x20 || byte == 0x7f) {
      out += "\\x";
      out += kHex[byte >> 4];
      out += kHex[byte & 15];
    } else {
      out += c;
    }
  }
  return out + "\"";
}

std::string symbolText(std::string_view name) {
  const bool function = name == "floordiv" || name == "mod" || name == "min" || name == "max";
  return isIdentifier(name) && !function ? std::string(name) : quoted(name);
}

bool isValueNameCharacter(char c) {
  return isLetter(c) || isDigit(c) || c == '.' || c == '/' || c == '$';
}

std::string valueText(std::string_view name) {
  const bool bare = !name.empty() && std::all_of(name.begin(), name.end(), isValueNameCharacter);
  return bare ? std::string(name) : quoted(name);
}

std::string floatText(double value, DType dtype) {
  if (std::isnan(value)) return "nan";
  if (std::isinf(value)) return value > 0 ? "inf" : "-inf";
  return dtype == DType::F64 ? shortest(value) : shortest(static_cast<float>(value));
}

}  // namespace quartet::ir
