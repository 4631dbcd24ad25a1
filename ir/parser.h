// The recursive-descent parser of the text form. Each member parses one construct from the current
// token on; errors carry "file:line:column" of the token that does not fit.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "ir/lexer.h"
#include "ir/module.h"
#include "ir/text.h"

namespace quartet::ir {

class Parser {
 public:
  static Result<Parser> create(std::string_view text, const ParseOptions& options);

  Result<std::vector<Module>> modules();
  Result<Dim> dim();
  /// `operands`: dtypes of what the loads read.
  Result<TensorExpr> tensorExpr(const std::vector<DType>& operands);
  /// An error unless all text has been read.
  Status end() const;

 private:
  /// What the names in a scalar expression stand for.
  struct ExprScope {
    const std::vector<DType>& operands;
    int domainRank = 0;
    int reductionRank = 0;
    std::vector<DType> states = {};
    std::vector<DType> elements = {};
  };

  Status bodyOf(TensorExpr& result, const std::vector<DType>& operands);

  Parser(std::string_view text, ParseOptions options, std::vector<Token> tokens)
      : text_(text), options_(std::move(options)), tokens_(std::move(tokens)) {}

  // Tokens.
  const Token& peek(size_t ahead = 0) const;
  const Token& take();
  bool at(std::string_view punctuation) const;
  bool atWord(std::string_view identifier) const;
  bool accept(std::string_view punctuation);
  bool acceptWord(std::string_view identifier);
  Status expect(std::string_view punctuation);
  Status expectWord(std::string_view identifier);
  tl::unexpected<Diagnostic> error(std::string message) const;
  tl::unexpected<Diagnostic> error(std::string message, const Token& token) const;
  tl::unexpected<Diagnostic> expected(const std::string& what) const;
  /// "[" item, ... "]" with any brackets; the opening one has been read.
  template <class F>
  Status listUntil(std::string_view close, const F& item);

  // Numbers.
  Result<int64_t> integer();
  Result<std::string> string();
  /// A float with its sign, as `dtype` rounds it.
  Result<double> floatingPoint(DType dtype);
  bool atFloat() const;

  // Extents, types, layouts: parser_type.cpp.
  Result<Dim> dimProduct();
  Result<Dim> dimPrimary();
  Result<Dim> dimCall(const std::string& function);
  Result<Dims> dimsUntil(std::string_view close);
  Result<Type> type();
  Result<Type> bufferType();
  Result<Type> variableType();
  Result<Type> matrixType();
  Result<std::pair<DType, int>> lanes();
  Result<DType> dtype();
  Result<Layout> layout();

  // Attributes: parser_attribute.cpp.
  Result<Attributes> attributes(const std::vector<DType>& operands);
  Result<Attribute> attribute(const std::vector<DType>& operands);
  Result<Attribute> wordAttribute();
  Result<Ints> integers();
  Result<Tile> tile();

  // Scalar expressions: parser_expr.cpp.
  Result<Expr> expr(const ExprScope& scope);
  Result<Expr> sum(const ExprScope& scope);
  Result<Expr> product(const ExprScope& scope);
  Result<Expr> primary(const ExprScope& scope);
  Result<Expr> literal();
  Result<Expr> named(const ExprScope& scope);
  Result<Expr> call(const ExprScope& scope);
  Result<Expr> load(int input, const ExprScope& scope);
  Result<Expr> applied(const Token& token, Opcode op, std::vector<Expr> args);
  Result<std::vector<Expr>> exprs(const ExprScope& scope);
  Result<std::vector<Expr>> exprsUntil(std::string_view close, const ExprScope& scope);
  Status index(const Expr& x, const Token& token);

  // Modules, ops, constants: parser.cpp, parser_constant.cpp.
  Result<Module> module();
  Status header(Module& module);
  Status parameters(Module& module, RegionId region);
  Result<SymbolTable> symbols();
  Status ops(Module& module, RegionId region);
  Status op(Module& module, RegionId region);
  Status regions(Module& module, std::vector<RegionId>& regions);
  Result<ValueId> use(const Module& module);
  /// At the results of an op ("%a, %b ="), not at operands of the one before.
  bool atResults() const;
  Status define(Module& module, ValueId value, const Token& name);
  Status constant(Module& module);
  Result<std::vector<std::byte>> elements(DType dtype, int64_t count);
  Status element(DType dtype, std::byte* to);

  /// Nesting of expressions and regions is bounded, so that no text overflows the stack.
  class Nesting;
  Status nest() const;

  std::string_view text_;
  ParseOptions options_;
  std::vector<Token> tokens_;
  size_t position_ = 0;
  int depth_ = 0;
  std::map<std::string, ValueId> values_;       // of the module that is being read
  std::map<std::string, std::string> renamed_;  // constants with a made-up name -> hash
};

/// Counts one level of nesting while it lives.
class Parser::Nesting {
 public:
  explicit Nesting(Parser& parser) : parser_(parser) { ++parser_.depth_; }
  ~Nesting() { --parser_.depth_; }
  Nesting(const Nesting&) = delete;
  Nesting& operator=(const Nesting&) = delete;

 private:
  Parser& parser_;
};

template <class F>
Status Parser::listUntil(std::string_view close, const F& item) {
  if (accept(close)) return {};
  for (;;) {
    QT_CHECK(item());
    if (accept(close)) return {};
    if (!accept(",")) return expected("',' or '" + std::string(close) + "'");
  }
}

}  // namespace quartet::ir
