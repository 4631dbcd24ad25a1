#include "ir/dim.h"

#include <algorithm>
#include <numeric>
#include <set>

#include "base/floor_division.h"
#include "ir/text_util.h"

namespace quartet::ir {

// Compound extents are kept as polynomials in a canonical order over atoms (symbols, divisions,
// remainders, minima, maxima): Add(Add(term, term), constant), a term being Mul(Mul(atom, atom),
// coefficient). An operation whose constants overflow 64 bits stays unfolded, so that evaluate()
// can report it.
struct Dim::Node {
  Kind kind;
  std::string name;
  Dim lhs;
  Dim rhs;
};

namespace {

constexpr size_t kMaxTerms = 64;  // larger products stay unexpanded

int compare(const Dim& a, const Dim& b) {
  if (a.isConstant() || b.isConstant()) {
    if (a.isConstant() != b.isConstant()) return a.isConstant() ? -1 : 1;
    return a.value() < b.value() ? -1 : (a.value() > b.value() ? 1 : 0);
  }
  if (a.kind() != b.kind()) return a.kind() < b.kind() ? -1 : 1;
  if (a.kind() == Dim::Kind::Symbol) return a.symbolName().compare(b.symbolName());
  if (const int left = compare(a.lhs(), b.lhs()); left != 0) return left;
  return compare(a.rhs(), b.rhs());
}

bool less(const Dim& a, const Dim& b) { return compare(a, b) < 0; }

using Monomial = std::vector<Dim>;  // sorted atoms; empty: the constant term

struct MonomialLess {
  bool operator()(const Monomial& a, const Monomial& b) const {
    if (a.size() != b.size()) return a.size() > b.size();  // the constant comes last
    return std::lexicographical_compare(a.begin(), a.end(), b.begin(), b.end(), less);
  }
};

using Polynomial = std::map<Monomial, int64_t, MonomialLess>;

/// a / b is the one division of two int64 that overflows.
bool divisionOverflows(int64_t a, int64_t b) { return a == INT64_MIN && b == -1; }

bool addTerm(Polynomial& sum, const Monomial& monomial, int64_t coefficient) {
  int64_t& value = sum[monomial];
  if (__builtin_add_overflow(value, coefficient, &value)) return false;
  if (value == 0) sum.erase(monomial);
  return true;
}

std::optional<Polynomial> add(const Polynomial& a, const Polynomial& b) {
  Polynomial sum = a;
  for (const auto& [monomial, coefficient] : b) {
    if (!addTerm(sum, monomial, coefficient)) return std::nullopt;
  }
  return sum;
}

std::optional<Polynomial> multiply(const Polynomial& a, const Polynomial& b) {
  if (a.size() * b.size() > kMaxTerms) return std::nullopt;
  Polynomial product;
  for (const auto& [left, x] : a) {
    for (const auto& [right, y] : b) {
      int64_t coefficient = 0;
      if (__builtin_mul_overflow(x, y, &coefficient)) return std::nullopt;
      Monomial monomial;
      std::merge(left.begin(), left.end(), right.begin(), right.end(), std::back_inserter(monomial),
                 less);
      if (!addTerm(product, monomial, coefficient)) return std::nullopt;
    }
  }
  return product;
}

/// The polynomial of `dim`; what cannot be expanded is an atom.
Polynomial polynomialOf(const Dim& dim) {
  if (dim.isConstant()) {
    if (dim.value() == 0) return {};
    return {{Monomial{}, dim.value()}};
  }
  std::optional<Polynomial> result;
  if (dim.kind() == Dim::Kind::Add) result = add(polynomialOf(dim.lhs()), polynomialOf(dim.rhs()));
  if (dim.kind() == Dim::Kind::Mul) {
    result = multiply(polynomialOf(dim.lhs()), polynomialOf(dim.rhs()));
  }
  return result ? *result : Polynomial{{Monomial{dim}, 1}};
}

int64_t constantTerm(const Polynomial& p) {
  const auto found = p.find(Monomial{});
  return found == p.end() ? 0 : found->second;
}

/// q with numerator == q * divisor, when there is one and divisor is a monomial or divides all
/// terms by one constant. The divisor is not zero.
std::optional<Polynomial> exactQuotient(const Polynomial& numerator, const Polynomial& divisor) {
  if (divisor.empty()) return std::nullopt;
  if (numerator.empty()) return Polynomial{};
  if (divisor.size() == 1) {
    const auto& [factor, scale] = *divisor.begin();
    Polynomial quotient;
    for (const auto& [monomial, coefficient] : numerator) {
      if (divisionOverflows(coefficient, scale) || coefficient % scale != 0) return std::nullopt;
      if (!std::includes(monomial.begin(), monomial.end(), factor.begin(), factor.end(), less)) {
        return std::nullopt;
      }
      Monomial rest;
      std::set_difference(monomial.begin(), monomial.end(), factor.begin(), factor.end(),
                          std::back_inserter(rest), less);
      quotient[rest] = coefficient / scale;
    }
    return quotient;
  }
  const int64_t first = numerator.begin()->second;
  const int64_t scale = divisor.begin()->second;
  if (divisionOverflows(first, scale) || first % scale != 0) return std::nullopt;
  const Polynomial factor{{Monomial{}, first / scale}};
  if (multiply(divisor, factor) != numerator) return std::nullopt;
  return factor;
}

std::string parenthesized(const Dim& dim, bool when) {
  return when ? "(" + dim.str() + ")" : dim.str();
}

tl::unexpected<Diagnostic> overflow(const Dim& dim) {
  return userError("the extent " + dim.str() + " overflows 64 bits");
}

}  // namespace

Dim Dim::make(Kind kind, Dim a, Dim b) {
  Dim dim;
  dim.node_ = std::make_shared<const Node>(Node{kind, {}, std::move(a), std::move(b)});
  return dim;
}

Dim Dim::symbol(std::string name) {
  Dim dim;
  dim.node_ = std::make_shared<const Node>(Node{Kind::Symbol, std::move(name), {}, {}});
  return dim;
}

Dim::Kind Dim::kind() const { return node_ ? node_->kind : Kind::Constant; }

int64_t Dim::value() const {
  QT_ASSERT(isConstant(), "the extent " + str() + " is not constant");
  return value_;
}

std::optional<int64_t> Dim::constant() const {
  return isConstant() ? std::optional(value_) : std::nullopt;
}

const std::string& Dim::symbolName() const {
  QT_ASSERT(kind() == Kind::Symbol, "the extent " + str() + " is not a symbol");
  return node_->name;
}

const Dim& Dim::lhs() const {
  QT_ASSERT(kind() > Kind::Symbol, "the extent " + str() + " is not compound");
  return node_->lhs;
}

const Dim& Dim::rhs() const {
  QT_ASSERT(kind() > Kind::Symbol, "the extent " + str() + " is not compound");
  return node_->rhs;
}

namespace {

/// The canonical tree of a polynomial. `make` builds an unfolded node.
template <class Make>
Dim build(const Polynomial& p, const Make& make) {
  std::optional<Dim> sum;
  for (const auto& [monomial, coefficient] : p) {
    std::optional<Dim> term;
    for (const Dim& atom : monomial) term = term ? make(Dim::Kind::Mul, *term, atom) : atom;
    if (!term) {
      term = Dim(coefficient);
    } else if (coefficient != 1) {
      term = make(Dim::Kind::Mul, *term, Dim(coefficient));
    }
    sum = sum ? make(Dim::Kind::Add, *sum, *term) : *term;
  }
  return sum.value_or(Dim(0));
}

}  // namespace

Dim operator+(const Dim& a, const Dim& b) {
  int64_t folded = 0;
  if (a.isConstant() && b.isConstant() && !__builtin_add_overflow(a.value_, b.value_, &folded)) {
    return folded;
  }
  const auto sum = add(polynomialOf(a), polynomialOf(b));
  return sum ? build(*sum, Dim::make) : Dim::make(Dim::Kind::Add, a, b);
}

Dim operator-(const Dim& a, const Dim& b) { return a + b * Dim(-1); }

Dim operator*(const Dim& a, const Dim& b) {
  int64_t folded = 0;
  if (a.isConstant() && b.isConstant() && !__builtin_mul_overflow(a.value_, b.value_, &folded)) {
    return folded;
  }
  const auto product = multiply(polynomialOf(a), polynomialOf(b));
  return product ? build(*product, Dim::make) : Dim::make(Dim::Kind::Mul, a, b);
}

bool operator==(const Dim& a, const Dim& b) {
  if (a.node_ == b.node_) return a.isConstant() ? a.value_ == b.value_ : true;
  return compare(a, b) == 0;
}

Dim Dim::floorDiv(const Dim& a, const Dim& b) {
  const Polynomial numerator = polynomialOf(a);
  if (!b.isConstant()) {
    const auto quotient = exactQuotient(numerator, polynomialOf(b));
    return quotient ? build(*quotient, make) : make(Kind::FloorDiv, a, b);
  }
  int64_t divisor = b.value_;
  QT_ASSERT(divisor != 0, "division of " + a.str() + " by zero");
  if (a.isConstant() && !divisionOverflows(a.value_, divisor)) {
    return floorDivide(a.value_, divisor);
  }
  if (divisor < 0) return make(Kind::FloorDiv, a, b);
  // What divides evenly leaves the division, whole multiples in the constant too.
  Polynomial whole;
  Polynomial rest;
  int64_t common = divisor;
  for (const auto& [monomial, coefficient] : numerator) {
    if (coefficient % divisor == 0 || monomial.empty()) {
      const int64_t quotient = floorDivide(coefficient, divisor);
      if (quotient != 0) whole[monomial] = quotient;
    } else {
      rest[monomial] = coefficient;
      common = std::gcd(common, coefficient);
    }
  }
  if (rest.empty()) return build(whole, make);
  // floor((g*x + c) / (g*d)) == floor((x + floor(c/g)) / d)
  for (auto& [monomial, coefficient] : rest) coefficient /= common;
  divisor /= common;
  int64_t constant = floorMod(constantTerm(numerator), b.value_) / common;
  // floor((floor(x/m) + c) / d) == floor((x + c*m) / (m*d))
  if (rest.size() == 1 && rest.begin()->second == 1 && rest.begin()->first.size() == 1) {
    const Dim& inner = rest.begin()->first.front();
    if (inner.kind() == Kind::FloorDiv && inner.rhs().isConstant() && inner.rhs().value() > 0) {
      const Dim scale = inner.rhs();
      return build(whole, make) +
             floorDiv(inner.lhs() + Dim(constant) * scale, scale * Dim(divisor));
    }
  }
  if (constant != 0) rest[Monomial{}] = constant;
  const Dim division = make(Kind::FloorDiv, build(rest, make), Dim(divisor));
  return build(whole, make) + division;
}

Dim Dim::ceilDiv(const Dim& a, const Dim& b) { return floorDiv(a + b - Dim(1), b); }

Dim Dim::mod(const Dim& a, const Dim& b) {
  const Polynomial numerator = polynomialOf(a);
  if (!b.isConstant()) {
    return exactQuotient(numerator, polynomialOf(b)) ? Dim(0) : make(Kind::Mod, a, b);
  }
  const int64_t divisor = b.value_;
  QT_ASSERT(divisor != 0, "remainder of " + a.str() + " by zero");
  if (divisor == 1 || divisor == -1) return 0;
  if (a.isConstant()) return floorMod(a.value_, divisor);
  if (divisor < 0) return make(Kind::Mod, a, b);
  Polynomial rest;
  for (const auto& [monomial, coefficient] : numerator) {
    if (floorMod(coefficient, divisor) != 0) rest[monomial] = floorMod(coefficient, divisor);
  }
  Dim reduced = build(rest, make);
  if (reduced.isConstant()) return reduced;
  return make(Kind::Mod, reduced, b);
}

namespace {

/// a - b, when that is a constant.
std::optional<int64_t> constantDifference(const Dim& a, const Dim& b) { return (a - b).constant(); }

}  // namespace

Dim Dim::min(const Dim& a, const Dim& b) {
  if (const auto difference = constantDifference(a, b)) return *difference <= 0 ? a : b;
  const auto& [first, second] = a.isConstant() || (!b.isConstant() && less(b, a))
                                    ? std::pair<const Dim&, const Dim&>(b, a)
                                    : std::pair<const Dim&, const Dim&>(a, b);
  if (second.isConstant() && first.kind() == Kind::Min && first.rhs().isConstant()) {
    return min(first.lhs(), std::min(first.rhs().value(), second.value()));
  }
  return make(Kind::Min, first, second);
}

Dim Dim::max(const Dim& a, const Dim& b) {
  if (const auto difference = constantDifference(a, b)) return *difference >= 0 ? a : b;
  const auto& [first, second] = a.isConstant() || (!b.isConstant() && less(b, a))
                                    ? std::pair<const Dim&, const Dim&>(b, a)
                                    : std::pair<const Dim&, const Dim&>(a, b);
  if (second.isConstant() && first.kind() == Kind::Max && first.rhs().isConstant()) {
    return max(first.lhs(), std::max(first.rhs().value(), second.value()));
  }
  return make(Kind::Max, first, second);
}

int64_t Dim::usual(const SymbolTable& symbols) const {
  if (isConstant()) return value_;
  SymbolValues values;
  for (const std::string& name : this->symbols()) {
    const auto known = symbols.find(name);
    values[name] = (known == symbols.end() ? SymbolRange{} : known->second).usual;
  }
  return evaluate(values).value_or(SymbolRange{}.usual);
}

Result<int64_t> Dim::evaluate(const SymbolValues& values) const {
  if (isConstant()) return value_;
  if (kind() == Kind::Symbol) {
    const auto found = values.find(node_->name);
    if (found == values.end()) return userError("the symbol " + node_->name + " has no value");
    return found->second;
  }
  const int64_t a = QT_TRY(node_->lhs.evaluate(values));
  const int64_t b = QT_TRY(node_->rhs.evaluate(values));
  int64_t result = 0;
  switch (kind()) {
    case Kind::Add:
      if (__builtin_add_overflow(a, b, &result)) return overflow(*this);
      return result;
    case Kind::Mul:
      if (__builtin_mul_overflow(a, b, &result)) return overflow(*this);
      return result;
    case Kind::Min:
      return std::min(a, b);
    case Kind::Max:
      return std::max(a, b);
    default:
      break;
  }
  if (b == 0) return userError("the extent " + str() + " divides by zero");
  if (divisionOverflows(a, b)) {
    if (kind() == Kind::Mod) return 0;
    return overflow(*this);
  }
  return kind() == Kind::FloorDiv ? floorDivide(a, b) : floorMod(a, b);
}

Dim Dim::substitute(const SymbolValues& values) const {
  if (isConstant() || values.empty()) return *this;
  if (kind() == Kind::Symbol) {
    const auto found = values.find(node_->name);
    return found == values.end() ? *this : Dim(found->second);
  }
  const Dim a = node_->lhs.substitute(values);
  const Dim b = node_->rhs.substitute(values);
  const bool byZero = b.constant() == 0;  // stays unfolded: evaluate() reports it
  switch (kind()) {
    case Kind::Add:
      return a + b;
    case Kind::Mul:
      return a * b;
    case Kind::FloorDiv:
      return byZero ? make(kind(), a, b) : floorDiv(a, b);
    case Kind::Mod:
      return byZero ? make(kind(), a, b) : mod(a, b);
    case Kind::Min:
      return min(a, b);
    case Kind::Max:
      return max(a, b);
    default:
      throwInternalError("kind", "unknown kind of extent");
  }
}

namespace {

void collectSymbols(const Dim& dim, std::set<std::string>& names) {
  if (dim.isConstant()) return;
  if (dim.kind() == Dim::Kind::Symbol) {
    names.insert(dim.symbolName());
    return;
  }
  collectSymbols(dim.lhs(), names);
  collectSymbols(dim.rhs(), names);
}

/// "lhs + rhs", with a negative right side as a subtraction.
std::string sumText(const Dim& lhs, const Dim& rhs) {
  const auto negative = [](const Dim& dim) {
    return dim.isConstant() && dim.value() < 0 && dim.value() != INT64_MIN;
  };
  if (negative(rhs)) return lhs.str() + " - " + std::to_string(-rhs.value());
  if (rhs.kind() == Dim::Kind::Mul && negative(rhs.rhs())) {
    const Dim& factor = rhs.lhs();
    const bool compound = factor.kind() == Dim::Kind::Add;
    const std::string text = lhs.str() + " - " + parenthesized(factor, compound);
    const int64_t scale = -rhs.rhs().value();
    return scale == 1 ? text : text + " * " + std::to_string(scale);
  }
  return lhs.str() + " + " + parenthesized(rhs, rhs.kind() == Dim::Kind::Add);
}

std::string callText(const char* function, const Dim& lhs, const Dim& rhs) {
  return std::string(function) + "(" + lhs.str() + ", " + rhs.str() + ")";
}

}  // namespace

std::vector<std::string> Dim::symbols() const {
  std::set<std::string> names;
  collectSymbols(*this, names);
  return {names.begin(), names.end()};
}

std::string Dim::str() const {
  switch (kind()) {
    case Kind::Constant:
      return std::to_string(value_);
    case Kind::Symbol:
      return symbolText(node_->name);
    case Kind::Add:
      return sumText(node_->lhs, node_->rhs);
    case Kind::Mul: {
      const Kind right = node_->rhs.kind();
      return parenthesized(node_->lhs, node_->lhs.kind() == Kind::Add) + " * " +
             parenthesized(node_->rhs, right == Kind::Add || right == Kind::Mul);
    }
    case Kind::FloorDiv:
      return callText("floordiv", node_->lhs, node_->rhs);
    case Kind::Mod:
      return callText("mod", node_->lhs, node_->rhs);
    case Kind::Min:
      return callText("min", node_->lhs, node_->rhs);
    case Kind::Max:
      return callText("max", node_->lhs, node_->rhs);
  }
  throwInternalError("kind", "unknown kind of extent");
}

Dim elementCount(const std::vector<Dim>& shape) {
  Dim count = 1;
  for (const Dim& extent : shape) count = count * extent;
  return count;
}

}  // namespace quartet::ir
