// Tensor expressions: the meaning of a computing op, without its name. Fusion legality, footprint,
// traffic and code generation derive from them.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "ir/expr.h"
#include "ir/type.h"

namespace quartet::ir {

/// Forms.
/// Map:    result[i] at d is results[i] over the domain axes; every result has the shape `domain`.
/// Reduce: at each domain point, a state tuple starts as `init`, takes in every point of
///         `reduction` through `combine` (expressions over State(i) and Element(i), where
///         Element(i) is element[i] at that point), and gives `results` (over State(i) and domain
///         axes).
/// Scan:   a reduction that gives `results` (over State(i) after combining, and all axes) at every
///         point of `reduction` too, written at `target`: per axis of the results, one axis of the
///         expression, as it is or reversed (n - 1 - axis), each once.
/// Scatter: the one result starts as `init[0]` (over the result's axes). Then, for every point of
///         `reduction` in order, its element at `target` becomes `combine[0]` over State(0), the
///         element's value before, and Element(0). Every domain axis is an index of `target` by
///         itself, so that no two points of the domain meet.
/// Opaque: the one result [domain..., reduction...] starts as `init[0]` (over its axes), then the
///         kernel builder `builder` changes it in place by what element[0] (over all axes) is; one
///         group works on one point of the domain. Builders: "argsort_ascending",
///         "argsort_descending" sort i32 indices along the one reduction axis by the elements that
///         they name; NaN counts as larger than all others, smaller indices come first among
///         equals.
/// In a plan, scatter and opaque have no `init`: the result starts as what its buffer holds.
/// The order of a reduction is row-major over `reduction`; `order` says what may be changed.
struct TensorExpr {
  enum class Form : uint8_t { Map, Reduce, Scan, Scatter, Opaque };
  enum class Order : uint8_t {
    Sequential,   // combine must be applied in order
    Commutative,  // partial states may be merged in any order by `combine` with Element := State
  };

  Form form = Form::Map;
  std::vector<Dim> domain;
  std::vector<Dim> reduction;
  std::vector<Expr> element;
  std::vector<Expr> init;
  std::vector<Expr> combine;
  Order order = Order::Commutative;
  std::vector<Expr> results;
  std::vector<Dim> shape;    // Scan, Scatter: of the results
  std::vector<Expr> target;  // Scan, Scatter: where a point writes, one index per axis of `shape`
  std::string builder;       // Opaque

  /// The shape of every result.
  std::vector<Dim> resultShape() const;
  /// dtypes of the results.
  std::vector<DType> resultTypes() const;
  /// Scan or Scatter: points of `reduction` are gone through in order, each writes.
  bool writesEachStep() const { return form == Form::Scan || form == Form::Scatter; }
  /// Scatter or Opaque: the result starts as `init` and is changed in place.
  bool inPlace() const { return form == Form::Scatter || form == Form::Opaque; }
  /// Whether the value that a scatter replaces decides the new one.
  bool readsTarget() const;
  /// The operation of a reduction that vector lanes can share, each with a state of its own, the
  /// states merged at the end: a commutative one of a single state, op(state, element).
  std::optional<Opcode> laneCombine() const;

  int domainRank() const { return static_cast<int>(domain.size()); }
  int axisCount() const { return static_cast<int>(domain.size() + reduction.size()); }
  bool operator==(const TensorExpr&) const = default;

  TensorExpr substituteSymbols(const SymbolValues& values) const;
  /// Calls `f` on every scalar expression.
  void visitParts(const std::function<void(const Expr&)>& f) const;
  /// Replaces every node of every scalar expression by what `f` makes of it (Expr::rewrite).
  void rewrite(const std::function<Expr(const Expr&)>& f);

  /// "map (64, 32) -> (max(in0[d0, d1], 0:f32))",
  /// "reduce (64, 32 | 128) init (0:f32) each (mul(in0[d0, r0], in1[r0, d1])) combine (add(s0, e0))
  ///  commutative -> (s0)", "scan (8 | 9) into (9, 8) init (0:f32) each (in0[r0, d0]) combine
  ///  (add(s0, e0)) -> (s0) at (r0, d0)", "scatter (8 | 3) into (9, 8) init (in0[d0, d1]) each
  ///  (in2[r0, d0]) combine (e0) at (bounded(in1[r0], 9), d0)",
  /// "opaque argsort_ascending (8 | 9) init (cast.i32(d1)) each (in0[d0, r0])".
  std::string str() const;
  /// `operands` give the dtypes of loads.
  static Result<TensorExpr> parse(std::string_view text, const std::vector<DType>& operands);
};

/// All loads of an expression, each distinct one once, in a fixed order.
std::vector<Expr> loadsOf(const TensorExpr& expr);

/// A box of indices: lo <= i < hi per axis. Empty when hi <= lo on any axis.
struct Box {
  std::vector<int64_t> lo;
  std::vector<int64_t> hi;
  bool empty() const;
  int64_t count() const;
  bool operator==(const Box&) const = default;
};

/// What an expression reads of operand `input` to compute the points in `output` (a box of the
/// domain; extents must be constant; the `init` of what is changed in place is read whole): the
/// smallest box when all index maps are affine and unguarded (exact), otherwise a superset; an
/// indirect axis covers the whole operand. Nothing read: an empty box. `operandShape` bounds the
/// result.
Box propagate(const TensorExpr& expr, const Box& output, int input,
              const std::vector<int64_t>& operandShape);

/// What the points in `domain` (a box of the domain; extents must be constant) write of a result:
/// exact for maps, reductions, scans and opaque expressions, a superset for scatters.
Box written(const TensorExpr& expr, const Box& domain);

}  // namespace quartet::ir
