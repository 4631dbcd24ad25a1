#include "ir/expr.h"

#include <bit>
#include <cmath>
#include <limits>
#include <set>
#include <unordered_map>

#include "ir/scalar_eval.h"

namespace quartet::ir {

struct Expr::Node {
  Kind kind = Kind::Literal;
  DType dtype = DType::I64;
  Opcode op = Opcode::Add;
  bool guarded = false;
  int number = 0;
  int64_t integer = 0;
  double real = 0;
  Dim dim;
  std::vector<Expr> args;
  Expr guard;
  Expr other;
};

namespace {

const Expr& require(const Expr& x, const char* what) {
  QT_ASSERT(x.valid(), std::string("an empty expression as ") + what);
  return x;
}

}  // namespace

Expr Expr::literal(double value, DType dtype) {
  QT_ASSERT(isFloat(dtype), "a float literal of dtype " + std::string(name(dtype)));
  Node node;
  node.dtype = dtype;
  // All NaNs are one: no operation tells them apart, and the text has one.
  node.real =
      std::isnan(value) ? std::numeric_limits<double>::quiet_NaN() : roundFloat(dtype, value);
  return Expr(std::make_shared<const Node>(std::move(node)));
}

Expr Expr::literal(int64_t value, DType dtype) {
  QT_ASSERT(!isFloat(dtype), "an integer literal of dtype " + std::string(name(dtype)));
  Node node;
  node.dtype = dtype;
  node.integer = wrapInteger(dtype, value);
  return Expr(std::make_shared<const Node>(std::move(node)));
}

Expr Expr::axis(int i) {
  Node node;
  node.kind = Kind::Axis;
  node.number = i;
  return Expr(std::make_shared<const Node>(std::move(node)));
}

Expr Expr::extent(Dim dim) {
  if (dim.isConstant()) return index(dim.value());
  Node node;
  node.kind = Kind::Extent;
  node.dim = std::move(dim);
  return Expr(std::make_shared<const Node>(std::move(node)));
}

Expr Expr::state(int i, DType dtype) {
  Node node;
  node.kind = Kind::State;
  node.dtype = dtype;
  node.number = i;
  return Expr(std::make_shared<const Node>(std::move(node)));
}

Expr Expr::element(int i, DType dtype) {
  Node node;
  node.kind = Kind::Element;
  node.dtype = dtype;
  node.number = i;
  return Expr(std::make_shared<const Node>(std::move(node)));
}

Expr Expr::load(int input, DType dtype, std::vector<Expr> indices) {
  for (const Expr& index : indices) {
    QT_ASSERT(require(index, "an index").dtype() == DType::I64, "an index must be i64");
  }
  Node node;
  node.kind = Kind::Load;
  node.dtype = dtype;
  node.number = input;
  node.args = std::move(indices);
  return Expr(std::make_shared<const Node>(std::move(node)));
}

Expr Expr::guardedLoad(int input, DType dtype, std::vector<Expr> indices, Expr guard, Expr other) {
  QT_ASSERT(require(guard, "a guard").dtype() == DType::Bool, "a guard must be bool");
  QT_ASSERT(require(other, "a guarded load's alternative").dtype() == dtype,
            "a guarded load and its alternative have one dtype");
  if (guard.isLiteral()) {
    return guard.intValue() != 0 ? load(input, dtype, std::move(indices)) : other;
  }
  Node node = *load(input, dtype, std::move(indices)).node_;
  node.guarded = true;
  node.guard = std::move(guard);
  node.other = std::move(other);
  return Expr(std::make_shared<const Node>(std::move(node)));
}

Expr Expr::bounded(Expr index, Dim extent) {
  QT_ASSERT(require(index, "an index").dtype() == DType::I64, "a bounded index must be i64");
  if (index.isLiteral() && extent.isConstant()) {
    const int64_t value = index.intValue();
    const int64_t size = extent.value();
    if (value >= 0 && value < size) return index;
    if (value < 0 && value >= -size) return Expr::index(value + size);
  }
  Node node;
  node.kind = Kind::Bounded;
  node.dim = std::move(extent);
  node.args = {std::move(index)};
  return Expr(std::make_shared<const Node>(std::move(node)));
}

Expr Expr::cast(Expr x, DType to) {
  if (require(x, "an operand of cast").dtype() == to) return x;
  if (x.isLiteral()) {
    const Scalar operand =
        isFloat(x.dtype()) ? floatScalar(x.floatValue()) : intScalar(x.intValue());
    const Scalar value = castScalar(operand, x.dtype(), to);
    return isFloat(to) ? literal(value.f, to) : literal(value.i, to);
  }
  Node node;
  node.kind = Kind::Apply;
  node.op = Opcode::Cast;
  node.dtype = to;
  node.args = {std::move(x)};
  return Expr(std::make_shared<const Node>(std::move(node)));
}

Expr::Kind Expr::kind() const {
  QT_ASSERT(valid(), "kind of an empty expression");
  return node_->kind;
}

DType Expr::dtype() const {
  QT_ASSERT(valid(), "dtype of an empty expression");
  return node_->dtype;
}

Opcode Expr::op() const {
  QT_ASSERT(kind() == Kind::Apply, "not an application");
  return node_->op;
}

const std::vector<Expr>& Expr::args() const {
  QT_ASSERT(valid(), "operands of an empty expression");
  return node_->args;
}

int Expr::number() const {
  QT_ASSERT(kind() == Kind::Axis || kind() == Kind::State || kind() == Kind::Element ||
                kind() == Kind::Load,
            "the expression has no number");
  return node_->number;
}

double Expr::floatValue() const {
  QT_ASSERT(isLiteral() && isFloat(dtype()), "not a float literal");
  return node_->real;
}

int64_t Expr::intValue() const {
  QT_ASSERT(isLiteral() && !isFloat(dtype()), "not an integer literal");
  return node_->integer;
}

const Dim& Expr::dim() const {
  QT_ASSERT(kind() == Kind::Extent || kind() == Kind::Bounded, "the expression has no extent");
  return node_->dim;
}

bool Expr::guarded() const { return kind() == Kind::Load && node_->guarded; }

const Expr& Expr::guard() const {
  QT_ASSERT(guarded(), "not a guarded load");
  return node_->guard;
}

const Expr& Expr::other() const {
  QT_ASSERT(guarded(), "not a guarded load");
  return node_->other;
}

bool Expr::isInt(int64_t value) const {
  return isLiteral() && !isFloat(dtype()) && intValue() == value;
}

Expr Expr::makeApply(Opcode op, DType dtype, std::vector<Expr> args) {
  Node node;
  node.kind = Kind::Apply;
  node.op = op;
  node.dtype = dtype;
  node.args = std::move(args);
  return Expr(std::make_shared<const Node>(std::move(node)));
}

namespace {

using Rewrite = std::function<Expr(const Expr&)>;
using Memo = std::unordered_map<const void*, Expr>;

/// The same node over rewritten children.
Expr rebuild(const Expr& x, const std::function<Expr(const Expr&)>& child) {
  bool changed = false;
  const auto map = [&](const Expr& old) {
    Expr now = child(old);
    changed = changed || now.id() != old.id();
    return now;
  };
  if (x.args().empty() && !x.guarded()) return x;
  std::vector<Expr> args;
  for (const Expr& arg : x.args()) args.push_back(map(arg));
  if (x.guarded()) {
    const Expr guard = map(x.guard());
    const Expr other = map(x.other());
    if (!changed) return x;
    return Expr::guardedLoad(x.number(), x.dtype(), std::move(args), guard, other);
  }
  if (!changed) return x;
  switch (x.kind()) {
    case Expr::Kind::Load:
      return Expr::load(x.number(), x.dtype(), std::move(args));
    case Expr::Kind::Bounded:
      return Expr::bounded(args[0], x.dim());
    case Expr::Kind::Apply:
      if (x.op() == Opcode::Cast) return Expr::cast(args[0], x.dtype());
      return Expr::apply(x.op(), std::move(args));
    default:
      return x;
  }
}

Expr rewriteNode(const Expr& x, const Rewrite& f, Memo& memo) {
  const auto known = memo.find(x.id());
  if (known != memo.end()) return known->second;
  Expr result = f(rebuild(x, [&](const Expr& child) { return rewriteNode(child, f, memo); }));
  memo.emplace(x.id(), result);
  return result;
}

void visitNode(const Expr& x, const std::function<void(const Expr&)>& f,
               std::set<const void*>& seen) {
  if (!seen.insert(x.id()).second) return;
  for (const Expr& arg : x.args()) visitNode(arg, f, seen);
  if (x.guarded()) {
    visitNode(x.guard(), f, seen);
    visitNode(x.other(), f, seen);
  }
  f(x);
}

}  // namespace

Expr Expr::rewrite(const std::function<Expr(const Expr&)>& f) const {
  if (!valid()) return *this;
  Memo memo;
  return rewriteNode(*this, f, memo);
}

bool Expr::containsBounded() const {
  bool found = false;
  visit([&](const Expr& node) { found |= node.kind() == Kind::Bounded; });
  return found;
}

void Expr::visit(const std::function<void(const Expr&)>& f) const {
  if (!valid()) return;
  std::set<const void*> seen;  // membership only: the order is that of the tree
  visitNode(*this, f, seen);
}

Expr Expr::substituteAxes(const std::vector<Expr>& axes) const {
  return rewrite([&](const Expr& x) {
    if (x.kind() != Kind::Axis || static_cast<size_t>(x.number()) >= axes.size()) return x;
    return axes[static_cast<size_t>(x.number())];
  });
}

Expr Expr::substituteSymbols(const SymbolValues& values) const {
  return rewrite([&](const Expr& x) {
    if (x.kind() == Kind::Extent) return extent(x.dim().substitute(values));
    if (x.kind() == Kind::Bounded) return bounded(x.args()[0], x.dim().substitute(values));
    return x;
  });
}

struct Expr::Comparison {
  std::set<std::pair<const Node*, const Node*>> proven;  // membership only

  bool equal(const Expr& a, const Expr& b) {
    if (a.node_ == b.node_) return true;
    if (!a.node_ || !b.node_) return false;
    const Node& x = *a.node_;
    const Node& y = *b.node_;
    if (x.kind != y.kind || x.dtype != y.dtype || x.op != y.op || x.number != y.number ||
        x.integer != y.integer || x.guarded != y.guarded || x.args.size() != y.args.size() ||
        std::bit_cast<uint64_t>(x.real) != std::bit_cast<uint64_t>(y.real) || !(x.dim == y.dim)) {
      return false;
    }
    if (proven.count({&x, &y}) != 0) return true;
    for (size_t i = 0; i < x.args.size(); ++i) {
      if (!equal(x.args[i], y.args[i])) return false;
    }
    if (!equal(x.guard, y.guard) || !equal(x.other, y.other)) return false;
    proven.insert({&x, &y});
    return true;
  }
};

bool operator==(const Expr& a, const Expr& b) { return Expr::Comparison{}.equal(a, b); }

Expr operator+(const Expr& a, const Expr& b) { return Expr::apply(Opcode::Add, {a, b}); }

Expr operator-(const Expr& a, const Expr& b) { return Expr::apply(Opcode::Sub, {a, b}); }

Expr operator*(const Expr& a, const Expr& b) { return Expr::apply(Opcode::Mul, {a, b}); }

namespace {

std::optional<AffineForm> combine(const AffineForm& a, const AffineForm& b, int64_t scale) {
  AffineForm sum = a;
  for (size_t i = 0; i < sum.coefficients.size(); ++i) {
    int64_t term = 0;
    if (__builtin_mul_overflow(b.coefficients[i], scale, &term) ||
        __builtin_add_overflow(sum.coefficients[i], term, &sum.coefficients[i])) {
      return std::nullopt;
    }
  }
  int64_t term = 0;
  if (__builtin_mul_overflow(b.constant, scale, &term) ||
      __builtin_add_overflow(sum.constant, term, &sum.constant)) {
    return std::nullopt;
  }
  return sum;
}

bool isConstant(const AffineForm& form) {
  for (const int64_t coefficient : form.coefficients) {
    if (coefficient != 0) return false;
  }
  return true;
}

}  // namespace

std::optional<AffineForm> affineForm(const Expr& index, int axes) {
  AffineForm form;
  form.coefficients.assign(static_cast<size_t>(axes), 0);
  if (!index.valid() || index.dtype() != DType::I64) return std::nullopt;
  if (index.isLiteral()) {
    form.constant = index.intValue();
    return form;
  }
  if (index.kind() == Expr::Kind::Axis) {
    if (index.number() >= axes) return std::nullopt;
    form.coefficients[static_cast<size_t>(index.number())] = 1;
    return form;
  }
  if (index.kind() != Expr::Kind::Apply) return std::nullopt;
  if (index.op() == Opcode::Neg) {
    const auto x = affineForm(index.args()[0], axes);
    return x ? combine(form, *x, -1) : std::nullopt;
  }
  if (index.op() != Opcode::Add && index.op() != Opcode::Sub && index.op() != Opcode::Mul) {
    return std::nullopt;
  }
  const auto a = affineForm(index.args()[0], axes);
  const auto b = affineForm(index.args()[1], axes);
  if (!a || !b) return std::nullopt;
  if (index.op() == Opcode::Add) return combine(*a, *b, 1);
  if (index.op() == Opcode::Sub) return combine(*a, *b, -1);
  if (isConstant(*b)) return combine(form, *a, b->constant);
  if (isConstant(*a)) return combine(form, *b, a->constant);
  return std::nullopt;
}

}  // namespace quartet::ir
