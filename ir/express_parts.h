// What the files of express.cpp share: one function per graph primitive, and the parts that they
// are made of. Not for use outside of them.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "ir/express.h"
#include "ir/module.h"

namespace quartet::ir::express_parts {

/// A graph op with the types around it.
struct Primitive {
  const Module& module;
  const Op& op;

  const Type& operand(int i) const { return module.type(op.operands[static_cast<size_t>(i)]); }
  const Type& result() const { return module.type(op.results[0]); }
  int operands() const { return static_cast<int>(op.operands.size()); }
};

// One per primitive of ops.def.
Result<TensorExpr> scalarOp(const Primitive& p);
Result<TensorExpr> iota(const Primitive& p);
Result<TensorExpr> contract(const Primitive& p);
Result<TensorExpr> conv(const Primitive& p);
Result<TensorExpr> convTranspose(const Primitive& p);
Result<TensorExpr> window(const Primitive& p);
Result<TensorExpr> reduce(const Primitive& p);
Result<TensorExpr> argReduce(const Primitive& p);
Result<TensorExpr> transpose(const Primitive& p);
Result<TensorExpr> broadcast(const Primitive& p);
Result<TensorExpr> slice(const Primitive& p);
Result<TensorExpr> concat(const Primitive& p);
Result<TensorExpr> pad(const Primitive& p);
Result<TensorExpr> gather(const Primitive& p);
Result<TensorExpr> gatherElements(const Primitive& p);
Result<TensorExpr> gatherNd(const Primitive& p);
Result<TensorExpr> scan(const Primitive& p);
Result<TensorExpr> scatterElements(const Primitive& p);
Result<TensorExpr> scatterNd(const Primitive& p);
Result<TensorExpr> argsort(const Primitive& p);

// ---- parts ----

/// Axes first, first + 1, ... of `count`.
std::vector<Expr> axes(int count, int first = 0);
/// The value of a dim: a literal when it is constant.
Expr extentOf(const Dim& dim);
Expr zero(DType dtype);
/// The identity of a reduction function, as a literal.
Expr identity(Opcode fn, DType dtype);
/// The dtype in which sums and products accumulate: f32 for f16 and bf16, else the dtype itself.
DType accumulator(DType dtype);
/// `a and b`, where an invalid expression stands for true.
Expr both(const Expr& a, const Expr& b);
/// The load, guarded when `guard` is valid.
Expr loadWhere(int input, DType dtype, std::vector<Expr> indices, const Expr& guard, Expr other);
/// Operand `input` at the domain point, by numpy's broadcasting rules.
Expr broadcastLoad(const Primitive& p, int input);

/// The index that operand 1 holds at `from`, made safe for an axis of `extent`.
Expr loadedIndex(const Primitive& p, std::vector<Expr> from, const Dim& extent);

TensorExpr mapOf(std::vector<Dim> domain, Expr result);
/// A reduction of `element` (of the accumulator's dtype) by `fn`, in `result`'s shape and dtype; a
/// map when there is no reduction axis.
TensorExpr reduceOf(const Type& result, std::vector<Dim> reduction, Opcode fn, Expr element);

/// One axis of a window that slides over an input: out = (in + pads - dilation*(kernel-1) - 1) /
/// stride + 1, where what is outside of the input is read as something else.
struct Sliding {
  int64_t stride = 1;
  int64_t dilation = 1;
  int64_t padBegin = 0;
  int64_t padEnd = 0;
  Dim in;
  Dim kernel;
  Dim out;

  /// Where in the input the window's element `k` lies for the output `o`.
  Expr position(const Expr& o, const Expr& k) const;
  /// Whether a position lies inside the input; invalid when all of them do.
  Expr inside(const Expr& position) const;

 private:
  bool leavesAtEnd() const;
};

}  // namespace quartet::ir::express_parts
