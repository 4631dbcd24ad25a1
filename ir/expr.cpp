#include "ir/expr.h"

#include <bit>
#include <cmath>
#include <limits>
#include <set>
#include <unordered_set>

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
  // Mutable for the destructor alone.
  mutable std::vector<Expr> args;
  mutable Expr guard;
  mutable Expr other;

  Node() = default;
  Node(const Node&) = default;
  Node(Node&&) = default;
  Node& operator=(const Node&) = delete;
  Node& operator=(Node&&) = delete;
  ~Node() { release(); }

 private:
  /// Moves the children that die with this node to `dying`.
  void detach(std::vector<Expr>& dying) const {
    const auto take = [&](Expr& child) {
      const bool last = child.node_ && child.node_.use_count() == 1;
      if (last && child.childCount() > 0) dying.push_back(std::move(child));
    };
    for (Expr& arg : args) take(arg);
    take(guard);
    take(other);
  }

  /// Takes a deep expression apart node by node: destructors calling destructors would need a stack
  /// as deep as it.
  void release() const {
    std::vector<Expr> dying;
    detach(dying);
    while (!dying.empty()) {
      const Expr node = std::move(dying.back());
      dying.pop_back();
      node.node_->detach(dying);
    }
  }
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

}  // namespace

const Expr& Expr::child(size_t i) const {
  if (i < args().size()) return args()[i];
  return i == args().size() ? guard() : other();
}

Expr Expr::rewrite(const std::function<Expr(const Expr&)>& f) const {
  if (!valid()) return *this;
  return foldUp<Expr>(*this,
                      [&](const Expr& node, const auto& of) { return f(rebuild(node, of)); });
}

bool Expr::containsBounded() const {
  bool found = false;
  visit([&](const Expr& node) { found |= node.kind() == Kind::Bounded; });
  return found;
}

void Expr::visit(const std::function<void(const Expr&)>& f) const {
  if (!valid()) return;
  struct Open {
    const Expr* node;
    size_t next;  // child
  };
  std::unordered_set<const void*> seen{id()};  // membership only: the order is that of the tree
  std::vector<Open> open{{this, 0}};
  while (!open.empty()) {
    Open& top = open.back();
    if (top.next == top.node->childCount()) {
      f(*top.node);
      open.pop_back();
      continue;
    }
    const Expr& child = top.node->child(top.next++);
    if (seen.insert(child.id()).second) open.push_back({&child, 0});
  }
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

bool operator==(const Expr& a, const Expr& b) {
  using Pair = std::pair<const Expr*, const Expr*>;
  std::set<std::pair<const void*, const void*>> met;  // membership only
  std::vector<Pair> pending{{&a, &b}};
  const auto same = [](const Expr::Node& x, const Expr::Node& y) {  // but for the children
    return x.kind == y.kind && x.dtype == y.dtype && x.op == y.op && x.number == y.number &&
           x.integer == y.integer && x.guarded == y.guarded && x.args.size() == y.args.size() &&
           std::bit_cast<uint64_t>(x.real) == std::bit_cast<uint64_t>(y.real) && x.dim == y.dim;
  };
  while (!pending.empty()) {
    const auto [x, y] = pending.back();
    pending.pop_back();
    if (x->node_ == y->node_) continue;
    if (!x->node_ || !y->node_ || !same(*x->node_, *y->node_)) return false;
    const size_t children = x->childCount();
    if (children == 0 || !met.insert({x->id(), y->id()}).second) continue;
    for (size_t i = children; i-- > 0;) pending.emplace_back(&x->child(i), &y->child(i));
  }
  return true;
}

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

std::optional<AffineForm> affineForm(
    const Expr& node, int axes,
    const std::function<const std::optional<AffineForm>&(const Expr&)>& of) {
  if (node.dtype() != DType::I64) return std::nullopt;
  AffineForm form;
  form.coefficients.assign(static_cast<size_t>(axes), 0);
  if (node.isLiteral()) {
    form.constant = node.intValue();
    return form;
  }
  if (node.kind() == Expr::Kind::Axis) {
    if (node.number() >= axes) return std::nullopt;
    form.coefficients[static_cast<size_t>(node.number())] = 1;
    return form;
  }
  if (node.kind() != Expr::Kind::Apply) return std::nullopt;
  if (node.op() == Opcode::Neg) {
    const auto& x = of(node.args()[0]);
    return x ? combine(form, *x, -1) : std::nullopt;
  }
  if (node.op() != Opcode::Add && node.op() != Opcode::Sub && node.op() != Opcode::Mul) {
    return std::nullopt;
  }
  const auto& a = of(node.args()[0]);
  const auto& b = of(node.args()[1]);
  if (!a || !b) return std::nullopt;
  if (node.op() == Opcode::Add) return combine(*a, *b, 1);
  if (node.op() == Opcode::Sub) return combine(*a, *b, -1);
  if (isConstant(*b)) return combine(form, *a, b->constant);
  if (isConstant(*a)) return combine(form, *b, a->constant);
  return std::nullopt;
}

std::optional<AffineForm> affineForm(const Expr& index, int axes) {
  if (!index.valid()) return std::nullopt;
  return foldUp<std::optional<AffineForm>>(
      index, [&](const Expr& node, const auto& of) { return affineForm(node, axes, of); });
}

bool mentions(const Expr& e, int axis) {
  bool found = false;
  e.visit(
      [&](const Expr& node) { found |= node.kind() == Expr::Kind::Axis && node.number() == axis; });
  return found;
}

std::vector<Expr> conjuncts(const Expr& condition) {
  std::vector<Expr> found;
  std::unordered_set<const void*> seen;  // membership only
  std::vector<const Expr*> pending{&condition};
  while (!pending.empty()) {
    const Expr& part = *pending.back();
    pending.pop_back();
    if (!seen.insert(part.id()).second) continue;
    if (part.kind() == Expr::Kind::Apply && part.op() == Opcode::And &&
        part.dtype() == DType::Bool) {
      for (size_t i = part.args().size(); i-- > 0;) pending.push_back(&part.args()[i]);
    } else {
      found.push_back(part);
    }
  }
  return found;
}

}  // namespace quartet::ir
