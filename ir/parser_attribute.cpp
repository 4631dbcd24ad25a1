// Attributes.
#include "ir/parser.h"

namespace quartet::ir {

Result<Attributes> Parser::attributes(const std::vector<DType>& operands) {
  QT_CHECK(expect("{"));
  Attributes attributes;
  QT_CHECK(listUntil("}", [&]() -> Status {
    const Token& key = peek();
    if (key.kind != Token::Kind::Identifier && key.kind != Token::Kind::String) {
      return expected("the name of an attribute");
    }
    if (attributes.has(key.text)) return error("the attribute '" + key.text + "' is there twice");
    take();
    QT_CHECK(expect("="));
    Attribute value = QT_TRY(attribute(operands));
    attributes.set(key.text, std::move(value));
    return {};
  }));
  return attributes;
}

Result<Attribute> Parser::attribute(const std::vector<DType>& operands) {
  if (atFloat()) return Attribute(QT_TRY(floatingPoint(DType::F64)));
  if (at("-") || peek().kind == Token::Kind::Number) return Attribute(QT_TRY(integer()));
  if (peek().kind == Token::Kind::String) return Attribute(take().text);
  if (peek().kind == Token::Kind::Identifier) return wordAttribute();
  if (at("[")) return Attribute(QT_TRY(integers()));
  if (accept("<")) {
    QT_CHECK(expectWord("dims"));
    QT_CHECK(expect(":"));
    return Attribute(QT_TRY(dimsUntil(">")));
  }
  if (accept("{")) {
    TensorExpr expr = QT_TRY(tensorExpr(operands));
    QT_CHECK(expect("}"));
    return Attribute(std::make_shared<const TensorExpr>(std::move(expr)));
  }
  return expected("an attribute");
}

Result<Attribute> Parser::wordAttribute() {
  if (acceptWord("layout")) return Attribute(QT_TRY(layout()));
  if (atWord("tile") && peek(1).is(Token::Kind::Punctuation, "(")) {
    return Attribute(QT_TRY(tile()));
  }
  const std::string& word = peek().text;
  if (const auto dtype = parseDType(word)) {
    take();
    return Attribute(*dtype);
  }
  if (const auto opcode = parseOpcode(word)) {
    take();
    return Attribute(*opcode);
  }
  return expected("a dtype or an operation");
}

Result<Ints> Parser::integers() {
  QT_CHECK(expect("["));
  Ints values;
  QT_CHECK(listUntil("]", [&]() -> Status {
    values.push_back(QT_TRY(integer()));
    return {};
  }));
  return values;
}

Result<Tile> Parser::tile() {
  take();
  QT_CHECK(expect("("));
  Tile tile;
  if (accept(")")) return tile;
  QT_CHECK(expectWord("group"));
  tile.group = QT_TRY(integers());
  QT_CHECK(expect(","));
  QT_CHECK(expectWord("reg"));
  tile.reg = QT_TRY(integers());
  QT_CHECK(expect(","));
  if (acceptWord("stage")) {
    tile.stage = QT_TRY(integers());
    QT_CHECK(expect(","));
  }
  QT_CHECK(expectWord("lane"));
  tile.laneAxis = static_cast<int>(QT_TRY(integer()));
  QT_CHECK(expectWord("x"));
  tile.lanes = QT_TRY(integer());
  QT_CHECK(expect(","));
  if (acceptWord("store")) {
    tile.storeAxis = static_cast<int>(QT_TRY(integer()));
    QT_CHECK(expect(","));
  }
  if (acceptWord("unit")) {
    tile.unit = QT_TRY(integers());
    QT_CHECK(expect(","));
  }
  QT_CHECK(expectWord("order"));
  for (const int64_t axis : QT_TRY(integers())) tile.order.push_back(static_cast<int>(axis));
  QT_CHECK(expect(")"));
  return tile;
}

}  // namespace quartet::ir
