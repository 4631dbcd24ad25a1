// Extents, layouts and types.
#include <charconv>

#include "ir/parser.h"

namespace quartet::ir {

namespace {

/// The number behind `prefix` in names such as "a0" and "x16".
std::optional<int> numberAfter(std::string_view prefix, std::string_view text) {
  if (text.substr(0, prefix.size()) != prefix || text.size() == prefix.size()) return std::nullopt;
  text.remove_prefix(prefix.size());
  int value = 0;
  const auto [rest, status] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (status != std::errc() || rest != text.data() + text.size() || value < 0) return std::nullopt;
  return value;
}

}  // namespace

Result<Dim> Parser::dim() {
  const Nesting nesting(*this);
  QT_CHECK(nest());
  Dim sum = QT_TRY(dimProduct());
  for (;;) {
    if (accept("+")) {
      const Dim right = QT_TRY(dimProduct());
      sum = sum + right;
    } else if (accept("-")) {
      const Dim right = QT_TRY(dimProduct());
      sum = sum - right;
    } else {
      return sum;
    }
  }
}

Result<Dim> Parser::dimProduct() {
  Dim product = QT_TRY(dimPrimary());
  while (accept("*")) product = product * QT_TRY(dimPrimary());
  return product;
}

Result<Dim> Parser::dimPrimary() {
  const Token& token = peek();
  if (token.kind == Token::Kind::Number || (at("-") && peek(1).kind == Token::Kind::Number)) {
    return Dim(QT_TRY(integer()));
  }
  if (token.kind == Token::Kind::String) return Dim::symbol(take().text);
  if (token.kind == Token::Kind::Identifier) {
    const std::string name = take().text;
    if (at("(")) return dimCall(name);
    return Dim::symbol(name);
  }
  if (!accept("(")) return expected("an extent");
  Dim inner = QT_TRY(dim());
  QT_CHECK(expect(")"));
  return inner;
}

Result<Dim> Parser::dimCall(const std::string& function) {
  using Function = Dim (*)(const Dim&, const Dim&);
  static constexpr std::pair<std::string_view, Function> kFunctions[] = {
      {"floordiv", Dim::floorDiv}, {"mod", Dim::mod}, {"min", Dim::min}, {"max", Dim::max}};
  for (const auto& [name, apply] : kFunctions) {
    if (name != function) continue;
    QT_CHECK(expect("("));
    const Dim a = QT_TRY(dim());
    QT_CHECK(expect(","));
    const Token& divisor = peek();
    const Dim b = QT_TRY(dim());
    QT_CHECK(expect(")"));
    const bool divides = name == "floordiv" || name == "mod";
    if (divides && b.constant() == 0) return error("division by zero", divisor);
    return apply(a, b);
  }
  return error("unknown function '" + function + "' of extents; known: floordiv, mod, min, max");
}

Result<Dims> Parser::dimsUntil(std::string_view close) {
  Dims dims;
  QT_CHECK(listUntil(close, [&]() -> Status {
    dims.push_back(QT_TRY(dim()));
    return {};
  }));
  return dims;
}

Result<DType> Parser::dtype() {
  const auto found = parseDType(peek().text);
  if (peek().kind != Token::Kind::Identifier || !found) return expected("a dtype");
  take();
  return *found;
}

Result<std::pair<DType, int>> Parser::lanes() {
  const std::string& text = peek().text;
  const size_t x = text.find('x');
  if (peek().kind == Token::Kind::Identifier && x != std::string::npos) {
    const auto element = parseDType(text.substr(0, x));
    const auto count = numberAfter("x", text.substr(x));
    if (element && count && *count > 0) {
      take();
      return std::pair(*element, *count);
    }
  }
  const DType element = QT_TRY(dtype());
  return std::pair(element, 1);
}

Result<Type> Parser::type() {
  const bool bracket = peek(1).is(Token::Kind::Punctuation, "<");
  if (bracket && atWord("buffer")) return bufferType();
  if (bracket && atWord("var")) return variableType();
  if (bracket && atWord("matrix")) return matrixType();
  const auto [element, count] = QT_TRY(lanes());
  if (!at("[")) return Type::scalar(element, count);
  if (count != 1) return expected("no shape behind a vector type");
  take();
  Dims shape = QT_TRY(dimsUntil("]"));
  return Type::tensor(element, std::move(shape));
}

Result<Type> Parser::bufferType() {
  take();
  QT_CHECK(expect("<"));
  Space space = Space::Device;
  if (acceptWord("workgroup")) space = Space::Workgroup;
  if (acceptWord("private")) space = Space::Private;
  Type::Access access = Type::Access::ReadWrite;
  if (acceptWord("read")) {
    access = Type::Access::Read;
  } else if (acceptWord("write")) {
    access = Type::Access::Write;
  } else {
    acceptWord("readwrite");
  }
  const DType element = QT_TRY(dtype());
  QT_CHECK(expect("["));
  Dims shape = QT_TRY(dimsUntil("]"));
  Type type = Type::buffer(element, std::move(shape));
  type.space = space;
  type.access = access;
  if (accept(",")) type.layout = QT_TRY(layout());
  QT_CHECK(expect(">"));
  return type;
}

Result<Type> Parser::variableType() {
  take();
  QT_CHECK(expect("<"));
  if (atWord("matrix") && peek(1).is(Token::Kind::Punctuation, "<")) {
    const Type matrix = QT_TRY(matrixType());
    QT_CHECK(expect(">"));
    return Type::variableOf(matrix);
  }
  const auto [element, count] = QT_TRY(lanes());
  Dims extents;
  if (accept("[")) extents = QT_TRY(dimsUntil("]"));
  QT_CHECK(expect(">"));
  return Type::variable(element, count, std::move(extents));
}

Result<Type> Parser::matrixType() {
  take();
  QT_CHECK(expect("<"));
  const DType element = QT_TRY(dtype());
  QT_CHECK(expect("["));
  const Token& shape = peek();
  const int64_t rows = QT_TRY(integer());
  QT_CHECK(expect(","));
  const int64_t columns = QT_TRY(integer());
  constexpr int64_t kMost = 1 << 12;
  if (rows < 1 || columns < 1 || rows > kMost || columns > kMost) {
    return error("rows and columns of a matrix are 1 to " + std::to_string(kMost), shape);
  }
  QT_CHECK(expect("]"));
  QT_CHECK(expect(","));
  constexpr std::pair<std::string_view, MatrixUse> kUses[] = {
      {"a", MatrixUse::A}, {"b", MatrixUse::B}, {"accumulator", MatrixUse::Accumulator}};
  for (const auto& [word, use] : kUses) {
    if (!acceptWord(word)) continue;
    QT_CHECK(expect(">"));
    return Type::matrix(element, static_cast<int>(rows), static_cast<int>(columns), use);
  }
  return expected("a, b or accumulator");
}

Result<Layout> Parser::layout() {
  QT_CHECK(expect("["));
  Layout layout;
  QT_CHECK(listUntil("]", [&]() -> Status {
    Layout::Axis piece;
    const auto axis = numberAfter("a", peek().text);
    if (peek().kind != Token::Kind::Identifier || !axis) return expected("an axis (a0, a1, ...)");
    take();
    piece.axis = *axis;
    if (accept("/")) {
      piece.divide = QT_TRY(integer());
      if (piece.divide < 1) return error("an axis is divided by a positive number");
    }
    if (peek().kind == Token::Kind::Value) {  // "%32" reads as a name
      const auto modulo = numberAfter("", peek().text);
      if (!modulo || *modulo < 1) return expected("a positive number behind '%'");
      take();
      piece.modulo = *modulo;
    }
    layout.axes.push_back(piece);
    return {};
  }));
  return layout;
}

Result<Dim> Dim::parse(std::string_view text) {
  Parser parser = QT_TRY(Parser::create(text, {.file = "<extent>"}));
  Dim dim = QT_TRY(parser.dim());
  QT_CHECK(parser.end());
  return dim;
}

}  // namespace quartet::ir
