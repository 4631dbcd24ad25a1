#include <algorithm>

#include "frontend/onnx/builders.h"
#include "frontend/onnx/widen.h"

namespace quartet::frontend {

using ir::Dim;
using ir::Dims;
using ir::DType;
using ir::Ints;
using ir::Opcode;

namespace {

struct Reduction {
  std::vector<int> axes;
  bool keep = true;
  bool nothing = false;  // no axes, and the node asks for none
};

// Axes: an attribute in the first versions, then input 1.
Result<Reduction> readReduction(const Context& c) {
  Reduction reduction;
  const int rank = c.in(0).rank();
  std::vector<int64_t> axes = c.integers("axes", {});
  if (c.has(1)) axes = QT_TRY(c.integers(1, "the list of axes"));
  reduction.nothing = axes.empty() && c.integer("noop_with_empty_axes", 0) != 0;
  if (!reduction.nothing) reduction.axes = QT_TRY(c.axes(axes, rank));
  reduction.keep = c.integer("keepdims", 1) != 0;
  return reduction;
}

Tensor apply(Emitter& e, const Reduction& r, Opcode fn, const Tensor& x) {
  return r.keep ? e.reduceKeep(fn, x, r.axes) : e.reduce(fn, x, r.axes);
}

Dims reducedShape(const Reduction& r, const Tensor& x) {
  Dims shape;
  for (int axis = 0; axis < x.rank(); ++axis) {
    const bool reduced = std::find(r.axes.begin(), r.axes.end(), axis) != r.axes.end();
    if (!reduced) shape.push_back(x.shape[static_cast<size_t>(axis)]);
    if (reduced && r.keep) shape.emplace_back(1);
  }
  return shape;
}

Tensor magnitude(Emitter& e, const Tensor& x) { return e.unary(Opcode::Abs, x); }
Tensor square(Emitter& e, const Tensor& x) { return e.mul(x, x); }
Tensor logarithm(Emitter& e, const Tensor& x) { return e.unary(Opcode::Log, x); }

Status extremum(Context& c, Opcode onNumbers, Opcode onBool) {
  const Reduction r = QT_TRY(readReduction(c));
  c.set(0, apply(c.e, r, c.in(0).dtype == DType::Bool ? onBool : onNumbers, c.in(0)));
  return {};
}

}  // namespace

Status buildReduceSum(Context& c) {
  const Reduction r = QT_TRY(readReduction(c));
  c.set(0, apply(c.e, r, Opcode::Add, c.in(0)));
  return {};
}

Status buildReduceMean(Context& c) {
  const Reduction r = QT_TRY(readReduction(c));
  const Tensor mean = c.e.meanKeep(c.in(0), r.axes);
  c.set(0, c.e.reshape(mean, reducedShape(r, c.in(0))));
  return {};
}

Status buildReduceMax(Context& c) { return extremum(c, Opcode::Max, Opcode::Or); }
Status buildReduceMin(Context& c) { return extremum(c, Opcode::Min, Opcode::And); }

Status buildReduceProd(Context& c) {
  const Reduction r = QT_TRY(readReduction(c));
  c.set(0, apply(c.e, r, Opcode::Mul, c.in(0)));
  return {};
}

Status buildReduceL1(Context& c) {
  const Reduction r = QT_TRY(readReduction(c));
  c.set(0, apply(c.e, r, Opcode::Add, magnitude(c.e, c.in(0))));
  return {};
}

// Roots and logarithms of integers are floats, cut off as by Cast.
Status buildReduceL2(Context& c) {
  const Reduction r = QT_TRY(readReduction(c));
  const DType dtype = c.in(0).dtype;
  const Tensor sum = apply(c.e, r, Opcode::Add, square(c.e, c.in(0)));
  c.set(0, c.e.cast(c.e.unary(Opcode::Sqrt, c.e.cast(sum, realType(dtype))), dtype));
  return {};
}

Status buildReduceLogSum(Context& c) {
  const Reduction r = QT_TRY(readReduction(c));
  const DType dtype = c.in(0).dtype;
  const Tensor sum = apply(c.e, r, Opcode::Add, c.in(0));
  c.set(0, c.e.cast(logarithm(c.e, c.e.cast(sum, realType(dtype))), dtype));
  return {};
}

Status buildReduceLogSumExp(Context& c) {
  Emitter& e = c.e;
  const Reduction r = QT_TRY(readReduction(c));
  const DType dtype = c.in(0).dtype;
  const Tensor x = e.cast(c.in(0), realType(dtype));
  // The largest element is taken out, unless it is infinite.
  Tensor largest = e.reduceKeep(Opcode::Max, x, r.axes);
  largest = e.select(e.unary(Opcode::IsInf, largest), e.number(x.dtype, 0), largest);
  const Tensor powers = e.unary(Opcode::Exp, e.sub(x, largest));
  const Tensor sum = logarithm(e, e.reduceKeep(Opcode::Add, powers, r.axes));
  c.set(0, e.cast(e.reshape(e.add(sum, largest), reducedShape(r, x)), dtype));
  return {};
}

Status buildReduceSumSquare(Context& c) {
  const Reduction r = QT_TRY(readReduction(c));
  c.set(0, apply(c.e, r, Opcode::Add, square(c.e, c.in(0))));
  return {};
}

namespace {

Status argReduce(Context& c, Opcode fn) {
  Emitter& e = c.e;
  const Tensor& x = c.in(0);
  QT_CHECK(c.rankAtLeast(0, 1));
  const int axis = QT_TRY(c.axis(c.integer("axis", 0), x.rank()));
  if (x.shape[static_cast<size_t>(axis)] == Dim(0)) {
    return c.fail("axis " + std::to_string(axis) + " is empty: it has no extremum");
  }
  const int64_t last = c.integer("select_last_index", 0) != 0 ? 1 : 0;
  Dims shape = x.shape;
  shape.erase(shape.begin() + axis);
  Tensor index = e.op(Opcode::ArgReduce, {x}, DType::I64, shape,
                      attributesOf({{"fn", fn}, {"axis", int64_t{axis}}, {"last", last}}));
  if (c.integer("keepdims", 1) != 0) {
    shape.insert(shape.begin() + axis, Dim(1));
    index = e.reshape(index, shape);
  }
  c.set(0, index);
  return {};
}

}  // namespace

Status buildArgMax(Context& c) { return argReduce(c, Opcode::Max); }
Status buildArgMin(Context& c) { return argReduce(c, Opcode::Min); }

}  // namespace quartet::frontend
