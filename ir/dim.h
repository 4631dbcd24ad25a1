// Extents: integer expressions over named symbols (batch, sequence length, ...), immutable and
// shared. A constant extent is the common case and costs no allocation.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace quartet::ir {

/// What is known of a symbol: min <= value <= max, and value % multiple == 0; and `usual`, the
/// value that costs are estimated with, which decides nothing else.
struct SymbolRange {
  int64_t min = 0;
  int64_t max = INT64_C(0x7fffffff);
  int64_t multiple = 1;
  int64_t usual = 64;
  bool operator==(const SymbolRange&) const = default;
};

using SymbolTable = std::map<std::string, SymbolRange, std::less<>>;
using SymbolValues = std::map<std::string, int64_t, std::less<>>;

/// An integer expression over symbols. Operations keep sums and products as polynomials in a
/// canonical order and simplify divisions ((x*c + y)/c, (x/a)/b), so that equal extents usually
/// compare equal; `==` is structural. Constants that overflow stay unfolded: evaluate() reports
/// them. floorDiv and mod follow floor semantics; the divisor must not be zero (asserted when
/// constant).
class Dim {
 public:
  enum class Kind : uint8_t { Constant, Symbol, Add, Mul, FloorDiv, Mod, Min, Max };

  Dim() = default;                       // zero
  Dim(int64_t value) : value_(value) {}  // NOLINT(google-explicit-constructor): extents are numbers
  static Dim symbol(std::string name);

  Kind kind() const;
  bool isConstant() const { return node_ == nullptr; }
  /// The constant; asserts isConstant().
  int64_t value() const;
  std::optional<int64_t> constant() const;
  /// Name of a Symbol; asserts the kind.
  const std::string& symbolName() const;
  /// Left and right side of a compound expression; asserts the kind.
  const Dim& lhs() const;
  const Dim& rhs() const;

  friend Dim operator+(const Dim& a, const Dim& b);
  friend Dim operator-(const Dim& a, const Dim& b);
  friend Dim operator*(const Dim& a, const Dim& b);
  friend bool operator==(const Dim& a, const Dim& b);
  static Dim floorDiv(const Dim& a, const Dim& b);
  static Dim ceilDiv(const Dim& a, const Dim& b);
  static Dim mod(const Dim& a, const Dim& b);
  static Dim min(const Dim& a, const Dim& b);
  static Dim max(const Dim& a, const Dim& b);

  /// Value under `values`; a symbol without a value is a user error that names it.
  Result<int64_t> evaluate(const SymbolValues& values) const;
  /// Value when all symbols have their usual values; that of a symbol which is not in the table is
  /// a default one.
  int64_t usual(const SymbolTable& symbols) const;
  /// The same expression with the known symbols replaced and folded.
  Dim substitute(const SymbolValues& values) const;
  /// Names of all symbols, sorted, each once.
  std::vector<std::string> symbols() const;

  /// "64", "N", "N * 3 + 6", "floordiv(H, 2)", "mod(H, 2)", "min(a, b)", "max(a, b)"; a symbol
  /// that is no identifier stands in quotes.
  std::string str() const;
  static Result<Dim> parse(std::string_view text);

 private:
  struct Node;
  static Dim make(Kind kind, Dim a, Dim b);
  int64_t value_ = 0;
  std::shared_ptr<const Node> node_;
};

/// Product of all extents; 1 for a scalar.
Dim elementCount(const std::vector<Dim>& shape);

}  // namespace quartet::ir
