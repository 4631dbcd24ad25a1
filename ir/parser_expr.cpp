// Scalar and tensor expressions.
#include <algorithm>
#include <charconv>

#include "ir/parser.h"
#include "ir/scalar_eval.h"
#include "ir/scalar_type.h"

namespace quartet::ir {

namespace {

/// "d12" -> {"d", 12}
struct NumberedName {
  std::string_view stem;
  int number = 0;
};

std::optional<NumberedName> numberedName(std::string_view text) {
  const size_t digits = text.find_first_of("0123456789");
  if (digits == std::string_view::npos) return std::nullopt;
  NumberedName name{text.substr(0, digits), 0};
  text.remove_prefix(digits);
  const auto [rest, status] = std::from_chars(text.data(), text.data() + text.size(), name.number);
  if (status != std::errc() || rest != text.data() + text.size()) return std::nullopt;
  return name;
}

std::vector<DType> dtypesOf(const std::vector<Expr>& exprs) {
  std::vector<DType> dtypes;
  for (const Expr& expr : exprs) dtypes.push_back(expr.dtype());
  return dtypes;
}

}  // namespace

Result<TensorExpr> Parser::tensorExpr(const std::vector<DType>& operands) {
  using Form = TensorExpr::Form;
  constexpr std::pair<std::string_view, Form> kForms[] = {{"map", Form::Map},
                                                          {"reduce", Form::Reduce},
                                                          {"scan", Form::Scan},
                                                          {"scatter", Form::Scatter},
                                                          {"opaque", Form::Opaque}};
  const auto* form = std::find_if(std::begin(kForms), std::end(kForms),
                                  [&](const auto& entry) { return atWord(entry.first); });
  if (form == std::end(kForms)) {
    return expected("'map', 'reduce', 'scan', 'scatter' or 'opaque'");
  }
  take();
  TensorExpr result;
  result.form = form->second;
  if (result.form == Form::Opaque) {
    if (peek().kind != Token::Kind::Identifier) return expected("the name of a kernel builder");
    result.builder = take().text;
  }
  QT_CHECK(expect("("));
  const bool maps = result.form == Form::Map;
  result.domain = QT_TRY(dimsUntil(maps ? ")" : "|"));
  if (!maps) result.reduction = QT_TRY(dimsUntil(")"));
  if (result.writesEachStep()) {
    QT_CHECK(expectWord("into"));
    QT_CHECK(expect("("));
    result.shape = QT_TRY(dimsUntil(")"));
  }
  QT_CHECK(bodyOf(result, operands));
  return result;
}

/// What follows the axes of a tensor expression.
Status Parser::bodyOf(TensorExpr& result, const std::vector<DType>& operands) {
  using Form = TensorExpr::Form;
  ExprScope scope{operands};
  scope.domainRank = result.domainRank();
  scope.reductionRank = static_cast<int>(result.reduction.size());
  const bool scatters = result.form == Form::Scatter;
  const bool reduces = result.form == Form::Reduce || result.form == Form::Scan;
  if (reduces || (result.inPlace() && atWord("init"))) {
    QT_CHECK(expectWord("init"));
    ExprScope start{operands};
    if (result.inPlace()) start.domainRank = static_cast<int>(result.resultShape().size());
    result.init = QT_TRY(exprs(start));
  }
  if (result.form != Form::Map) {
    QT_CHECK(expectWord("each"));
    result.element = QT_TRY(exprs(scope));
  }
  if (result.form == Form::Opaque) return {};
  if (result.form != Form::Map) {
    ExprScope step{operands};
    step.elements = dtypesOf(result.element);
    step.states = scatters ? step.elements : dtypesOf(result.init);
    QT_CHECK(expectWord("combine"));
    result.combine = QT_TRY(exprs(step));
    scope.states = step.states;
  }
  result.order = TensorExpr::Order::Sequential;
  if (result.form == Form::Map) result.order = TensorExpr::Order::Commutative;
  if (result.form == Form::Reduce) {
    const bool commutative = atWord("commutative");
    if (!commutative && !atWord("sequential")) return expected("'commutative' or 'sequential'");
    take();
    if (commutative) result.order = TensorExpr::Order::Commutative;
  }
  if (!scatters) {
    QT_CHECK(expect("->"));
    ExprScope last = scope;
    if (result.form != Form::Scan) last.reductionRank = 0;
    result.results = QT_TRY(exprs(last));
  }
  if (!result.writesEachStep()) return {};
  QT_CHECK(expectWord("at"));
  const Token& token = peek();
  scope.states.clear();
  result.target = QT_TRY(exprs(scope));
  for (const Expr& x : result.target) QT_CHECK(index(x, token));
  return {};
}

Result<std::vector<Expr>> Parser::exprs(const ExprScope& scope) {
  QT_CHECK(expect("("));
  return exprsUntil(")", scope);
}

Result<std::vector<Expr>> Parser::exprsUntil(std::string_view close, const ExprScope& scope) {
  std::vector<Expr> list;
  QT_CHECK(listUntil(close, [&]() -> Status {
    list.push_back(QT_TRY(expr(scope)));
    return {};
  }));
  return list;
}

Result<Expr> Parser::expr(const ExprScope& scope) {
  const Nesting nesting(*this);
  QT_CHECK(nest());
  const size_t start = position_;
  Expr x = QT_TRY(sum(scope));
  const Token& token = peek();
  if (!acceptWord("if")) return x;
  const bool isLoad = x.kind() == Expr::Kind::Load && !x.guarded() &&
                      tokens_[start].kind == Token::Kind::Identifier;
  if (!isLoad) return error("only a load has a guard", token);
  QT_CHECK(expect("("));
  const Expr guard = QT_TRY(expr(scope));
  if (guard.dtype() != DType::Bool) return error("a guard is bool", token);
  QT_CHECK(expect(")"));
  QT_CHECK(expectWord("else"));
  const Expr other = QT_TRY(expr(scope));
  if (other.dtype() != x.dtype()) {
    return error("the load gives " + std::string(name(x.dtype())) + ", its alternative " +
                     std::string(name(other.dtype())),
                 token);
  }
  return Expr::guardedLoad(x.number(), x.dtype(), x.args(), guard, other);
}

Result<Expr> Parser::sum(const ExprScope& scope) {
  Expr x = QT_TRY(product(scope));
  while (at("+") || at("-")) {
    const Token& token = take();
    const Opcode op = token.text == "+" ? Opcode::Add : Opcode::Sub;
    const Expr right = QT_TRY(product(scope));
    x = QT_TRY(applied(token, op, {x, right}));
  }
  return x;
}

Result<Expr> Parser::product(const ExprScope& scope) {
  Expr x = QT_TRY(primary(scope));
  while (at("*")) {
    const Token& token = take();
    const Expr right = QT_TRY(primary(scope));
    x = QT_TRY(applied(token, Opcode::Mul, {x, right}));
  }
  return x;
}

Result<Expr> Parser::applied(const Token& token, Opcode op, std::vector<Expr> args) {
  const auto dtype = scalarResult(op, dtypesOf(args));
  if (!dtype) return error(dtype.error().message, token);
  return Expr::apply(op, std::move(args));
}

Result<Expr> Parser::primary(const ExprScope& scope) {
  if (at("-") || peek().kind == Token::Kind::Number || atFloat()) return literal();
  if (accept("(")) {
    Expr inner = QT_TRY(expr(scope));
    QT_CHECK(expect(")"));
    return inner;
  }
  if (peek().kind != Token::Kind::Identifier) return expected("an expression");
  const Token& next = peek(1);
  const bool called = next.is(Token::Kind::Punctuation, "(") ||
                      (next.is(Token::Kind::Punctuation, ".") && atWord("cast"));
  return called ? call(scope) : named(scope);
}

Result<Expr> Parser::literal() {
  const size_t sign = at("-") ? 1 : 0;
  DType type = DType::I64;
  if (peek(sign + 1).is(Token::Kind::Punctuation, ":")) {
    const Token& suffix = peek(sign + 2);
    const auto found = parseDType(suffix.text);
    if (!found) return error("expected a dtype, found '" + suffix.text + "'", suffix);
    type = *found;
  }
  Expr value;
  const Token& token = peek();
  if (isFloat(type)) {
    const double number = QT_TRY(floatingPoint(type));
    value = Expr::literal(number, type);
  } else if (atFloat()) {
    return error("a float literal names its dtype: 1.5:f32");
  } else if (type == DType::U64 && sign == 0) {
    uint64_t bits = 0;
    const std::string& text = peek().text;
    const auto [rest, status] = std::from_chars(text.data(), text.data() + text.size(), bits);
    if (status != std::errc() || rest != text.data() + text.size()) {
      return expected("an integer that u64 holds");
    }
    take();
    value = Expr::literal(static_cast<int64_t>(bits), type);
  } else {
    const int64_t number = QT_TRY(integer());
    if (wrapInteger(type, number) != number || (type == DType::U64 && number < 0)) {
      return error(std::string(name(type)) + " does not hold " + std::to_string(number), token);
    }
    value = Expr::literal(number, type);
  }
  if (accept(":")) take();
  return value;
}

Result<Expr> Parser::named(const ExprScope& scope) {
  const Token& token = take();
  const auto parts = numberedName(token.text);
  if (!parts) return error("unknown name '" + token.text + "' in an expression", token);
  const auto [stem, number] = *parts;
  const auto known = [&, number = number](size_t count) {
    return static_cast<size_t>(number) < count;
  };
  const auto outOfRange = [&] { return error("there is no '" + token.text + "' here", token); };
  if (stem == "d") {
    if (number >= scope.domainRank) return outOfRange();
    return Expr::axis(number);
  }
  if (stem == "r") {
    if (number >= scope.reductionRank) return outOfRange();
    return Expr::axis(scope.domainRank + number);
  }
  if (stem == "s") {
    if (!known(scope.states.size())) return outOfRange();
    return Expr::state(number, scope.states[static_cast<size_t>(number)]);
  }
  if (stem == "e") {
    if (!known(scope.elements.size())) return outOfRange();
    return Expr::element(number, scope.elements[static_cast<size_t>(number)]);
  }
  if (stem != "in") return error("unknown name '" + token.text + "' in an expression", token);
  if (!known(scope.operands.size())) return outOfRange();
  return load(number, scope);
}

Status Parser::index(const Expr& x, const Token& token) {
  if (x.dtype() == DType::I64) return {};
  return error("an index is i64, found " + std::string(name(x.dtype())), token);
}

Result<Expr> Parser::load(int input, const ExprScope& scope) {
  QT_CHECK(expect("["));
  const Token& token = peek();
  std::vector<Expr> indices = QT_TRY(exprsUntil("]", scope));
  for (const Expr& x : indices) QT_CHECK(index(x, token));
  return Expr::load(input, scope.operands[static_cast<size_t>(input)], std::move(indices));
}

Result<Expr> Parser::call(const ExprScope& scope) {
  const Token& token = take();
  if (token.text == "cast") {
    QT_CHECK(expect("."));
    const DType to = QT_TRY(dtype());
    QT_CHECK(expect("("));
    const Expr x = QT_TRY(expr(scope));
    QT_CHECK(expect(")"));
    return Expr::cast(x, to);
  }
  QT_CHECK(expect("("));
  if (token.text == "extent") {
    Dim size = QT_TRY(dim());
    QT_CHECK(expect(")"));
    return Expr::extent(std::move(size));
  }
  if (token.text == "bounded") {
    const Expr x = QT_TRY(expr(scope));
    QT_CHECK(index(x, token));
    QT_CHECK(expect(","));
    Dim size = QT_TRY(dim());
    QT_CHECK(expect(")"));
    return Expr::bounded(x, std::move(size));
  }
  const auto opcode = parseOpcode(token.text);
  if (!opcode || !isScalar(*opcode) || *opcode == Opcode::Cast) {
    return error("'" + token.text + "' is not a scalar operation", token);
  }
  std::vector<Expr> args = QT_TRY(exprsUntil(")", scope));
  return applied(token, *opcode, std::move(args));
}

Result<TensorExpr> TensorExpr::parse(std::string_view text, const std::vector<DType>& operands) {
  Parser parser = QT_TRY(Parser::create(text, {.file = "<expression>"}));
  TensorExpr expr = QT_TRY(parser.tensorExpr(operands));
  QT_CHECK(parser.end());
  return expr;
}

}  // namespace quartet::ir
