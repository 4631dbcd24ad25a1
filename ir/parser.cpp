// Modules, regions and ops.
#include "ir/parser.h"

namespace quartet::ir {

namespace {

DType dtypeOf(const Module& module, ValueId id) { return module.type(id).dtype; }

}  // namespace

Result<std::vector<Module>> Parser::modules() {
  std::vector<Module> modules;
  do {
    modules.push_back(QT_TRY(module()));
  } while (peek().kind != Token::Kind::End);
  return modules;
}

Result<Module> Parser::module() {
  values_.clear();
  renamed_.clear();
  Level level = Level::Graph;
  if (acceptWord("plan")) {
    level = Level::Plan;
  } else if (acceptWord("kernel")) {
    level = Level::Kernel;
  } else if (!acceptWord("graph")) {
    return expected("'graph', 'plan' or 'kernel'");
  }
  if (peek().kind != Token::Kind::Symbol) return expected("the module's name (@name)");
  Module module(level, take().text);
  QT_CHECK(header(module));
  QT_CHECK(expect("{"));
  QT_CHECK(ops(module, module.top()));
  while (acceptWord("constant")) QT_CHECK(constant(module));
  for (int i = 0; i < module.opCount(); ++i) {
    Op& op = module.op({i});
    if (op.opcode != Opcode::Constant) continue;
    const Attribute* hash = op.attributes.find("hash");
    if (hash == nullptr || !std::holds_alternative<std::string>(*hash)) continue;
    const auto renamed = renamed_.find(std::get<std::string>(*hash));
    if (renamed != renamed_.end()) op.attributes.set("hash", renamed->second);
  }
  return module;
}

Status Parser::header(Module& module) {
  QT_CHECK(expect("("));
  QT_CHECK(parameters(module, module.top()));
  if (accept("->")) {
    QT_CHECK(expect("("));
    QT_CHECK(listUntil(")", [&]() -> Status {
      module.outputs.push_back(QT_TRY(string()));
      return {};
    }));
  }
  if (acceptWord("symbols")) module.symbols = QT_TRY(symbols());
  if (acceptWord("attributes")) module.attributes = QT_TRY(attributes({}));
  return {};
}

Status Parser::parameters(Module& module, RegionId region) {
  return listUntil(")", [&]() -> Status {
    if (peek().kind != Token::Kind::Value) return expected("a parameter (%name)");
    const Token& name = take();
    QT_CHECK(expect(":"));
    const Type type = QT_TRY(this->type());
    const ValueId value = module.addParameter(region, type);
    return define(module, value, name);
  });
}

Result<SymbolTable> Parser::symbols() {
  QT_CHECK(expect("{"));
  SymbolTable table;
  QT_CHECK(listUntil("}", [&]() -> Status {
    const Token& name = peek();
    if (name.kind != Token::Kind::Identifier && name.kind != Token::Kind::String) {
      return expected("a symbol");
    }
    take();
    QT_CHECK(expect(":"));
    SymbolRange range;
    range.min = QT_TRY(integer());
    QT_CHECK(expect(".."));
    range.max = QT_TRY(integer());
    if (acceptWord("multiple")) range.multiple = QT_TRY(integer());
    if (acceptWord("usual")) range.usual = QT_TRY(integer());
    if (range.min > range.max || range.multiple < 1) {
      return error("the range of symbol '" + name.text + "' is empty", name);
    }
    if (!table.emplace(name.text, range).second) {
      return error("the symbol '" + name.text + "' is there twice", name);
    }
    return {};
  }));
  return table;
}

Status Parser::ops(Module& module, RegionId region) {
  const Nesting nesting(*this);
  QT_CHECK(nest());
  while (!accept("}")) QT_CHECK(op(module, region));
  return {};
}

Result<ValueId> Parser::use(const Module& module) {
  if (peek().kind != Token::Kind::Value) return expected("a value (%name)");
  const Token& token = take();
  const auto found = values_.find(token.text);
  if (found == values_.end()) return error("the value %" + token.text + " is not defined", token);
  QT_ASSERT(found->second.index < module.valueCount(), "a value of another module");
  return found->second;
}

Status Parser::define(Module& module, ValueId value, const Token& name) {
  module.value(value).name = name.text;
  if (values_.emplace(name.text, value).second) return {};
  return error("the value %" + name.text + " is defined twice", name);
}

bool Parser::atResults() const {
  size_t ahead = 0;
  while (peek(ahead).kind == Token::Kind::Value) {
    if (!peek(ahead + 1).is(Token::Kind::Punctuation, ",")) break;
    ahead += 2;
  }
  return peek(ahead).kind == Token::Kind::Value &&
         peek(ahead + 1).is(Token::Kind::Punctuation, "=");
}

Status Parser::op(Module& module, RegionId region) {
  std::vector<Token> results;
  if (peek().kind == Token::Kind::Value) {
    do {
      if (peek().kind != Token::Kind::Value) return expected("a result (%name)");
      results.push_back(take());
    } while (accept(","));
    QT_CHECK(expect("="));
  }
  const auto opcode = parseOpcode(peek().text);
  if (peek().kind != Token::Kind::Identifier || !opcode) return expected("an operation");
  const Token& opToken = take();
  std::vector<ValueId> operands;
  std::vector<DType> dtypes;
  if (peek().kind == Token::Kind::Value && !atResults()) {
    do {
      operands.push_back(QT_TRY(use(module)));
      dtypes.push_back(dtypeOf(module, operands.back()));
    } while (accept(","));
  }
  Attributes opAttributes;
  const bool named = peek(1).kind == Token::Kind::Identifier || peek(1).kind == Token::Kind::String;
  if (at("{") && named && peek(2).is(Token::Kind::Punctuation, "=")) {
    opAttributes = QT_TRY(attributes(dtypes));
  }
  std::vector<RegionId> inner;
  QT_CHECK(regions(module, inner));
  std::vector<Type> types;
  if (accept(":")) {
    do {
      types.push_back(QT_TRY(type()));
    } while (accept(","));
  }
  if (types.size() != results.size()) {
    return error("the op has " + std::to_string(results.size()) + " results and " +
                     std::to_string(types.size()) + " result types",
                 opToken);
  }
  Origin origin;
  if (acceptWord("from")) {
    do {
      origin.push_back(QT_TRY(string()));
    } while (accept(","));
  }
  const OpId id = module.addOp(region, *opcode, std::move(operands), std::move(types),
                               std::move(opAttributes), std::move(inner), std::move(origin));
  for (size_t i = 0; i < results.size(); ++i) {
    QT_CHECK(define(module, module.op(id).results[i], results[i]));
  }
  return {};
}

Status Parser::regions(Module& module, std::vector<RegionId>& inner) {
  while (at("{") || at("(")) {
    const RegionId id = module.addRegion();
    inner.push_back(id);
    if (accept("(")) QT_CHECK(parameters(module, id));
    QT_CHECK(expect("{"));
    QT_CHECK(ops(module, id));
  }
  return {};
}

Result<std::vector<Module>> parseModules(std::string_view text, const ParseOptions& options) {
  Parser parser = QT_TRY(Parser::create(text, options));
  return parser.modules();
}

Result<Module> parse(std::string_view text, const ParseOptions& options) {
  std::vector<Module> modules = QT_TRY(parseModules(text, options));
  if (modules.size() != 1) {
    return userError("expected one module, found " + std::to_string(modules.size()), options.file);
  }
  return std::move(modules.front());
}

}  // namespace quartet::ir
