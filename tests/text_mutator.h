// Damaged texts for tests of parsers.
#pragma once

#include <cctype>
#include <cstddef>
#include <cstdint>
#include <random>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

namespace quartet::tests {

/// Mutants of valid texts. Every other one has damaged characters: changed and removed, parts
/// repeated and taken from other texts, words of the language put in. The others stay texts of
/// tokens: some become others of their kind, lines are repeated, removed and moved. The seed alone
/// decides.
class TextMutator {
 public:
  TextMutator(uint32_t seed, const std::vector<std::string>& texts,
              const std::vector<std::string>& words)
      : random_(seed), texts_(texts), words_(words) {}

  std::string mutant() {
    std::string text = texts_[pick(texts_.size())];
    const bool tokens = pick(2) == 0;
    for (size_t i = 1 + pick(tokens ? 2 : 4); i > 0; --i) {
      if (!tokens) {
        mutate(text);
      } else if (pick(5) == 0) {
        changeLine(text);
      } else {
        changeToken(text);
      }
    }
    return text;
  }

 private:
  struct Token {
    size_t at;
    size_t length;
  };

  static bool isWord(char c) {
    return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_' || c == '.';
  }

  /// Words and numbers, with the sign that says what they name.
  static std::vector<Token> tokensOf(const std::string& text) {
    std::vector<Token> tokens;
    for (size_t i = 0; i < text.size();) {
      const size_t at = i;
      const bool named = text[i] == '%' || text[i] == '@' || text[i] == '-';
      for (i += named ? 1 : 0; i < text.size() && isWord(text[i]);) ++i;
      if (i > at + (named ? 1 : 0)) tokens.push_back({at, i - at});
      if (i == at) ++i;
    }
    return tokens;
  }

  static char kindOf(const std::string& token) {
    const char first = token[token[0] == '-' && token.size() > 1 ? 1 : 0];
    if (std::isdigit(static_cast<unsigned char>(first)) != 0) return '0';
    return std::isalpha(static_cast<unsigned char>(first)) != 0 ? 'a' : first;
  }

  void changeToken(std::string& text) {
    const std::vector<Token> tokens = tokensOf(text);
    if (tokens.empty()) return;
    const Token token = tokens[pick(tokens.size())];
    const std::string old = text.substr(token.at, token.length);
    static const std::vector<std::string> kNumbers = {
        "0",  "1", "2", "3", "5", "8", "16", "-1", "1000", "2147483648", "9223372036854775807",
        "0.5"};
    if (kindOf(old) == '0' && pick(2) == 0) {
      text.replace(token.at, token.length, kNumbers[pick(kNumbers.size())]);
      return;
    }
    const std::string& other = pick(4) == 0 ? texts_[pick(texts_.size())] : text;
    const std::vector<Token> others = tokensOf(other);
    if (others.empty()) return;
    for (int tries = 0; tries < 50; ++tries) {
      const Token taken = others[pick(others.size())];
      const std::string becomes = other.substr(taken.at, taken.length);
      if (becomes == old || kindOf(becomes) != kindOf(old)) continue;
      text.replace(token.at, token.length, becomes);
      return;
    }
  }

  void changeLine(std::string& text) {
    std::vector<std::string> lines;
    std::istringstream stream(text);
    for (std::string line; std::getline(stream, line);) lines.push_back(line + "\n");
    if (lines.empty()) return;
    const auto at = lines.begin() + static_cast<std::ptrdiff_t>(pick(lines.size()));
    const auto to = lines.begin() + static_cast<std::ptrdiff_t>(pick(lines.size()));
    switch (pick(3)) {
      case 0:
        lines.erase(at);
        break;
      case 1:
        lines.insert(to, std::string(*at));
        break;
      default:
        std::swap(*at, *to);
    }
    text.clear();
    for (const std::string& line : lines) text += line;
  }

  size_t pick(size_t count) { return random_() % count; }

  void mutate(std::string& text) {
    if (text.empty()) return;
    const size_t at = pick(text.size());
    const size_t length = 1 + pick(12);
    const std::string& other = texts_[pick(texts_.size())];
    switch (pick(6)) {
      case 0:
        text.erase(at, length);
        return;
      case 1:
        text[at] = static_cast<char>(32 + pick(95));
        return;
      case 2:
        text.insert(at, other.substr(pick(other.size()), length));
        return;
      case 3:
        text.insert(at, text.substr(pick(text.size()), length));
        return;
      case 4:
        text.insert(at, words_[pick(words_.size())]);
        return;
      default:
        text[at] = static_cast<char>(random_() & 0xff);
    }
  }

  std::mt19937 random_;
  const std::vector<std::string>& texts_;
  const std::vector<std::string>& words_;
};

/// Words of the IR's text.
inline const std::vector<std::string>& irWords() {
  static const std::vector<std::string> kWords = {"-1",     "0",        "9223372036854775807",
                                                  "%",      "\"",       "{",
                                                  "}",      "<",        "nan",
                                                  "f16",    "N",        "1e999",
                                                  "reduce", "map",      "in9",
                                                  "d7",     ":",        "..",
                                                  "->",     "bounded(", "\\x00",
                                                  "u64",    "0x",       "x0"};
  return kWords;
}

}  // namespace quartet::tests
