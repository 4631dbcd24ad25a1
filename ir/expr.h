// Scalar expressions: what a tensor expression computes at one point of its iteration domain.
// Immutable, shared nodes; the same type serves values and indices.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "ir/dim.h"
#include "ir/dtype.h"
#include "ir/opcode.h"

namespace quartet::ir {

/// A node of a scalar expression.
///
/// Leaves: Literal; Axis(i): iteration variable i (i64; domain axes come first, then reduction
/// axes); Extent: the value of a Dim (i64); State(i), Element(i): in a reduction's combine and
/// finish. Load reads operand `input` at `args` (one i64 index per axis). With a guard it is `guard
/// ? operand[args] : other`, and nothing is read where the guard is false. Bounded(x, extent) is
/// the index x (i64) made safe: a negative x counts from the end; out of
/// [-extent, extent) the status word reports IndexOutOfRange and the value is 0. On an axis of
/// extent 0 that is no index either: a load of an empty operand through it gives 0, and a result
/// without elements is not written. Apply is a scalar operation of scalar.def on `args`.
class Expr {
 public:
  enum class Kind : uint8_t { Literal, Axis, Extent, State, Element, Load, Bounded, Apply };

  Expr() = default;  // empty; valid() is false
  bool valid() const { return node_ != nullptr; }
  /// Identity of the shared node: for memoisation only, never for order.
  const void* id() const { return node_.get(); }

  static Expr literal(double value, DType dtype);   // float dtypes
  static Expr literal(int64_t value, DType dtype);  // integer dtypes and bool
  static Expr index(int64_t value) { return literal(value, DType::I64); }
  static Expr axis(int i);
  static Expr extent(Dim dim);
  static Expr state(int i, DType dtype);
  static Expr element(int i, DType dtype);
  static Expr load(int input, DType dtype, std::vector<Expr> indices);
  static Expr guardedLoad(int input, DType dtype, std::vector<Expr> indices, Expr guard,
                          Expr other);
  static Expr bounded(Expr index, Dim extent);
  /// Applies a scalar op; folds literals and integer identities (x+0, x*1, x*0, index arithmetic).
  /// The dtype follows scalar.def; for Cast use cast().
  static Expr apply(Opcode op, std::vector<Expr> args);
  static Expr cast(Expr x, DType to);

  Kind kind() const;
  DType dtype() const;
  Opcode op() const;                      // Apply
  const std::vector<Expr>& args() const;  // Apply: operands; Load: indices; Bounded: the index
  int number() const;                     // Axis, State, Element: which; Load: input
  double floatValue() const;              // Literal of a float dtype
  int64_t intValue() const;               // Literal of an integer dtype or bool
  const Dim& dim() const;                 // Extent, Bounded
  bool guarded() const;                   // Load
  const Expr& guard() const;
  const Expr& other() const;

  bool isLiteral() const { return valid() && kind() == Kind::Literal; }
  bool isInt(int64_t value) const;  // an integer literal with this value

  /// What the node is made of: args, then guard and other of a guarded load.
  size_t childCount() const { return args().size() + (guarded() ? 2 : 0); }
  const Expr& child(size_t i) const;

  // Walks over an expression are these three and what stands on them (foldUp, conjuncts): a node
  // that is shared many times is looked at once, and depth costs no stack.

  /// Rebuilds the tree bottom up: `f` maps a node whose children are already rewritten.
  Expr rewrite(const std::function<Expr(const Expr&)>& f) const;
  /// Visits every distinct node once, children first.
  void visit(const std::function<void(const Expr&)>& f) const;
  /// Whether a Bounded takes part in it.
  bool containsBounded() const;
  /// Replaces axes by expressions (axes beyond the list stay).
  Expr substituteAxes(const std::vector<Expr>& axes) const;
  /// Replaces symbols in all Dims.
  Expr substituteSymbols(const SymbolValues& values) const;

  /// Structural.
  friend bool operator==(const Expr& a, const Expr& b);

  /// "mul(in0[d0, r0], in1[r0, d1])"; a guarded load is "in0[d0] if (cond) else x"; a literal is
  /// "1.5:f32", "3:i32" (plain "3" is i64); casts are "cast.f32(x)"; index arithmetic is infix:
  /// "d0 * 2 + r0 - 1"; "bounded(x, N)"; "extent(N + 1)". `domainRank` tells d from r axes.
  std::string str(int domainRank) const;

 private:
  struct Node;
  explicit Expr(std::shared_ptr<const Node> node) : node_(std::move(node)) {}
  /// An application as it stands, not folded.
  static Expr makeApply(Opcode op, DType dtype, std::vector<Expr> args);
  std::shared_ptr<const Node> node_;
};

// Index arithmetic reads better with operators; all operands are i64.
Expr operator+(const Expr& a, const Expr& b);
Expr operator-(const Expr& a, const Expr& b);
Expr operator*(const Expr& a, const Expr& b);

/// A value for every distinct node, children first: `f(node, of)` makes it, where `of(child)` is
/// that of a child. Gives the root's.
template <class T, class F>
T foldUp(const Expr& root, const F& f) {
  std::unordered_map<const void*, T> values;  // by id: never iterated
  const auto of = [&](const Expr& child) -> const T& { return values.at(child.id()); };
  root.visit([&](const Expr& node) { values.emplace(node.id(), f(node, of)); });
  return std::move(values.at(root.id()));
}

/// Whether an axis takes part in an expression.
bool mentions(const Expr& e, int axis);

/// The conditions that a bool expression joins by `and`, each once, from left to right.
std::vector<Expr> conjuncts(const Expr& condition);

/// An i64 expression as sum of coefficient * axis + constant, when it is one with constant
/// coefficients. coefficients[i] belongs to axis i (size: `axes`).
struct AffineForm {
  std::vector<int64_t> coefficients;
  int64_t constant = 0;
};
std::optional<AffineForm> affineForm(const Expr& index, int axes);
/// The same for a node, given the forms of its children.
std::optional<AffineForm> affineForm(
    const Expr& node, int axes,
    const std::function<const std::optional<AffineForm>&(const Expr&)>& of);

}  // namespace quartet::ir
