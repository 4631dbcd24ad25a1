// Tensor expressions: the meaning of a computing op, without its name. Fusion legality, footprint,
// traffic and code generation derive from them.
#pragma once

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
/// `reduction`
///         through `combine` (expressions over State(i) and Element(i), where Element(i) is
///         element[i] at that point), and gives `results` (over State(i) and domain axes).
/// The order of a reduction is row-major over `reduction`; `order` says what may be changed.
struct TensorExpr {
  enum class Form : uint8_t { Map, Reduce };
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

  int domainRank() const { return static_cast<int>(domain.size()); }
  int axisCount() const { return static_cast<int>(domain.size() + reduction.size()); }
  bool operator==(const TensorExpr&) const = default;

  TensorExpr substituteSymbols(const SymbolValues& values) const;

  /// "map (64, 32) -> (max(in0[d0, d1], 0:f32))",
  /// "reduce (64, 32 | 128) init (0:f32) each (mul(in0[d0, r0], in1[r0, d1])) combine (add(s0, e0))
  ///  commutative -> (s0)".
  std::string str() const;
  /// `operands` give the dtypes of loads.
  static Result<TensorExpr> parse(std::string_view text, const std::vector<DType>& operands);
};

/// All loads of an expression's element and results, each distinct one once, in a fixed order.
std::vector<Expr> loadsOf(const TensorExpr& expr);

/// A box of indices: lo <= i < hi per axis. Empty when hi <= lo on any axis.
struct Box {
  std::vector<int64_t> lo;
  std::vector<int64_t> hi;
  bool empty() const;
  int64_t count() const;
  bool operator==(const Box&) const = default;
};

/// What an expression reads of operand `input` to compute `output` (a box of the domain; extents
/// must be constant): the smallest box when all index maps are affine and unguarded (exact),
/// otherwise a superset; an indirect axis covers the whole operand. Nothing read: an empty box.
/// `operandShape` bounds the result.
Box propagate(const TensorExpr& expr, const Box& output, int input,
              const std::vector<int64_t>& operandShape);

}  // namespace quartet::ir
