#include "ir/lexer.h"

#include <algorithm>

#include "ir/text_util.h"

namespace quartet::ir {

namespace {

bool isDigit(char c) { return c >= '0' && c <= '9'; }

bool isLetter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; }

int hexDigit(char c) {
  if (isDigit(c)) return c - '0';
  return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

class Lexer {
 public:
  Lexer(std::string_view text, const std::string& file) : text_(text), file_(file) {}

  Result<std::vector<Token>> run() {
    std::vector<Token> tokens;
    for (;;) {
      skipBlanks();
      tokens.push_back(QT_TRY(next()));
      if (tokens.back().kind == Token::Kind::End) return tokens;
    }
  }

 private:
  char peek(size_t ahead = 0) const {
    return at_ + ahead < text_.size() ? text_[at_ + ahead] : '\0';
  }

  void skipBlanks() {
    for (;;) {
      const char c = peek();
      if (at_ < text_.size() && (c == ' ' || c == '\n' || c == '\t' || c == '\r')) {
        ++at_;
      } else if (c == '/' && peek(1) == '/') {
        at_ = std::min(text_.find('\n', at_), text_.size());
      } else {
        return;
      }
    }
  }

  Result<Token> next() {
    const size_t start = at_;
    const char c = peek();
    if (at_ >= text_.size()) return Token{Token::Kind::End, "", start};
    if (isLetter(c)) {
      while (isLetter(peek()) || isDigit(peek())) ++at_;
      return token(Token::Kind::Identifier, start);
    }
    if (isDigit(c)) return number();
    if (c == '"') return quoted(Token::Kind::String, start);
    if (c == '%' || c == '@') return name();
    if ((c == '-' && peek(1) == '>') || (c == '.' && peek(1) == '.')) {
      at_ += 2;
      return token(Token::Kind::Punctuation, start);
    }
    constexpr std::string_view kPunctuation = "()[]{}<>,:=+-*/.|";
    if (kPunctuation.find(c) == std::string_view::npos) {
      return error("unexpected character '" + std::string(1, c) + "'", start);
    }
    ++at_;
    return token(Token::Kind::Punctuation, start);
  }

  Token token(Token::Kind kind, size_t start) const {
    return {kind, std::string(text_.substr(start, at_ - start)), start};
  }

  Token number() {
    const size_t start = at_;
    if (peek() == '0' && peek(1) == 'x') {
      at_ += 2;
      while (hexDigit(peek()) >= 0) ++at_;
      return token(Token::Kind::Number, start);
    }
    while (isDigit(peek())) ++at_;
    if (peek() == '.' && isDigit(peek(1))) {  // not "1..8"
      ++at_;
      while (isDigit(peek())) ++at_;
    }
    const size_t sign = peek(1) == '+' || peek(1) == '-' ? 1 : 0;
    if (peek() == 'e' && isDigit(peek(1 + sign))) {
      at_ += 1 + sign;
      while (isDigit(peek())) ++at_;
    }
    return token(Token::Kind::Number, start);
  }

  Result<Token> name() {
    const size_t start = at_;
    const auto kind = peek() == '%' ? Token::Kind::Value : Token::Kind::Symbol;
    ++at_;
    if (peek() == '"') return quoted(kind, start);
    const size_t first = at_;
    while (isValueNameCharacter(peek())) ++at_;
    if (at_ == first) return error("a name is missing", start);
    return Token{kind, std::string(text_.substr(first, at_ - first)), start};
  }

  // The token of a text in quotes that starts at `start`, its sigil included.
  Result<Token> quoted(Token::Kind kind, size_t start) {
    std::string text = QT_TRY(string());
    return Token{kind, std::move(text), start};
  }

  Result<std::string> string() {
    const size_t start = at_++;
    std::string contents;
    for (;;) {
      if (at_ >= text_.size() || peek() == '\n') return error("the string does not end", start);
      const char c = text_[at_++];
      if (c == '"') return contents;
      if (c != '\\') {
        contents += c;
        continue;
      }
      const char escaped = peek();
      if (escaped == '"' || escaped == '\\') {
        contents += escaped;
        ++at_;
      } else if (escaped == 'n') {
        contents += '\n';
        ++at_;
      } else if (escaped == 'x' && hexDigit(peek(1)) >= 0 && hexDigit(peek(2)) >= 0) {
        contents += static_cast<char>(hexDigit(peek(1)) * 16 + hexDigit(peek(2)));
        at_ += 3;
      } else {
        return error("unknown escape in a string", at_ - 1);
      }
    }
  }

  tl::unexpected<Diagnostic> error(std::string message, size_t offset) const {
    return userError(std::move(message), place(text_, offset, file_));
  }

  std::string_view text_;
  const std::string& file_;
  size_t at_ = 0;
};

}  // namespace

Result<std::vector<Token>> tokenize(std::string_view text, const std::string& file) {
  return Lexer(text, file).run();
}

std::string place(std::string_view text, size_t offset, const std::string& file) {
  const std::string_view before = text.substr(0, std::min(offset, text.size()));
  const auto line = std::count(before.begin(), before.end(), '\n') + 1;
  const size_t lineStart =
      before.rfind('\n') == std::string_view::npos ? 0 : before.rfind('\n') + 1;
  return file + ":" + std::to_string(line) + ":" + std::to_string(before.size() - lineStart + 1);
}

}  // namespace quartet::ir
