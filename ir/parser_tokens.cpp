// The parser's view of the tokens, and numbers.
#include <charconv>
#include <limits>

#include "ir/parser.h"

namespace quartet::ir {

namespace {

constexpr int kMaxNesting = 500;

template <class T>
std::optional<T> convert(std::string_view text) {
  T value{};
  const auto [rest, status] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (status != std::errc() || rest != text.data() + text.size()) return std::nullopt;
  return value;
}

}  // namespace

Result<Parser> Parser::create(std::string_view text, const ParseOptions& options) {
  std::vector<Token> tokens = QT_TRY(tokenize(text, options.file));
  return Parser(text, options, std::move(tokens));
}

Status Parser::end() const {
  if (peek().kind != Token::Kind::End) return expected("the end of the text");
  return {};
}

const Token& Parser::peek(size_t ahead) const {
  return tokens_[std::min(position_ + ahead, tokens_.size() - 1)];
}

const Token& Parser::take() {
  const Token& token = peek();
  if (position_ + 1 < tokens_.size()) ++position_;
  return token;
}

bool Parser::at(std::string_view punctuation) const {
  return peek().is(Token::Kind::Punctuation, punctuation);
}

bool Parser::atWord(std::string_view identifier) const {
  return peek().is(Token::Kind::Identifier, identifier);
}

bool Parser::accept(std::string_view punctuation) {
  if (!at(punctuation)) return false;
  take();
  return true;
}

bool Parser::acceptWord(std::string_view identifier) {
  if (!atWord(identifier)) return false;
  take();
  return true;
}

Status Parser::expect(std::string_view punctuation) {
  if (!accept(punctuation)) return expected("'" + std::string(punctuation) + "'");
  return {};
}

Status Parser::expectWord(std::string_view identifier) {
  if (!acceptWord(identifier)) return expected("'" + std::string(identifier) + "'");
  return {};
}

tl::unexpected<Diagnostic> Parser::error(std::string message) const {
  return error(std::move(message), peek());
}

tl::unexpected<Diagnostic> Parser::error(std::string message, const Token& token) const {
  return userError(std::move(message), place(text_, token.offset, options_.file));
}

tl::unexpected<Diagnostic> Parser::expected(const std::string& what) const {
  const Token& token = peek();
  const std::string found =
      token.kind == Token::Kind::End ? "the end of the text" : "'" + token.text + "'";
  return error("expected " + what + ", found " + found);
}

Status Parser::nest() const {
  if (depth_ > kMaxNesting) {
    return error("more than " + std::to_string(kMaxNesting) + " levels of nesting");
  }
  return {};
}

Result<int64_t> Parser::integer() {
  const size_t digits = at("-") ? 1 : 0;
  if (peek(digits).kind != Token::Kind::Number) return expected("an integer");
  const std::string text = (digits == 1 ? "-" : "") + peek(digits).text;
  const auto value = convert<int64_t>(text);
  if (!value) return error("'" + text + "' is not a 64-bit integer");
  for (size_t i = 0; i <= digits; ++i) take();
  return *value;
}

Result<std::string> Parser::string() {
  if (peek().kind != Token::Kind::String) return expected("a string");
  return take().text;
}

bool Parser::atFloat() const {
  const Token& token = peek(at("-") ? 1 : 0);
  if (token.kind == Token::Kind::Identifier) return token.text == "nan" || token.text == "inf";
  return token.kind == Token::Kind::Number && token.text.find_first_of(".e") != std::string::npos &&
         token.text.find('x') == std::string::npos;
}

Result<double> Parser::floatingPoint(DType dtype) {
  const bool negative = at("-");
  const Token& token = peek(negative ? 1 : 0);
  const double sign = negative ? -1 : 1;
  std::optional<double> value;
  if (token.is(Token::Kind::Identifier, "inf")) value = std::numeric_limits<double>::infinity();
  if (token.is(Token::Kind::Identifier, "nan")) value = std::numeric_limits<double>::quiet_NaN();
  if (token.kind == Token::Kind::Number) {
    // One rounding to f32; printed f16 and bf16 values are exact as f32.
    if (dtype == DType::F64) {
      value = convert<double>(token.text);
    } else if (const auto narrow = convert<float>(token.text)) {
      value = *narrow;
    }
  }
  if (!value) return expected("a number that " + std::string(name(dtype)) + " holds");
  take();
  if (negative) take();
  return sign * *value;
}

}  // namespace quartet::ir
