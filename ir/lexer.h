// Tokens of the text form.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace quartet::ir {

/// `text` is the spelling; for Value and Symbol without '%' and '@', for quoted forms the contents.
struct Token {
  enum class Kind { Identifier, Number, String, Value, Symbol, Punctuation, End };
  Kind kind = Kind::End;
  std::string text;
  size_t offset = 0;

  bool is(Kind k, std::string_view t) const { return kind == k && text == t; }
};

/// Punctuation is one character, "->" or ".."; "//" starts a comment up to the end of the line. The
/// last token is End. An error gives "file:line:column".
Result<std::vector<Token>> tokenize(std::string_view text, const std::string& file);

/// "file:line:column", from 1, of an offset.
std::string place(std::string_view text, size_t offset, const std::string& file);

}  // namespace quartet::ir
