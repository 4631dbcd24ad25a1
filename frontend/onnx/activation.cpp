#include <cmath>
#include <numeric>

#include "frontend/onnx/builders.h"
#include "frontend/onnx/widen.h"

namespace quartet::frontend {

using ir::Dim;
using ir::Dims;
using ir::DType;
using ir::Opcode;

namespace {

Tensor isNegative(Emitter& e, const Tensor& x) {
  return e.scalar(Opcode::Lt, {x, e.number(x.dtype, 0)});
}

Tensor exponential(Emitter& e, const Tensor& x) { return e.unary(Opcode::Exp, x); }

// log(1 + exp(x)) without overflow.
Tensor softplus(Emitter& e, const Tensor& x) {
  const Tensor decay = exponential(e, e.unary(Opcode::Neg, e.unary(Opcode::Abs, x)));
  return e.add(e.max(x, 0), e.unary(Opcode::Log, e.add(decay, 1)));
}

Tensor hardSigmoid(Emitter& e, const Tensor& x, double alpha, double beta) {
  return e.min(e.max(e.add(e.mul(x, alpha), beta), 0), 1);
}

}  // namespace

Status buildRelu(Context& c) {
  c.set(0, c.e.max(c.in(0), 0));
  return {};
}

namespace {

Tensor sigmoid(Emitter& e, const Tensor& x) {
  const Tensor decay = exponential(e, e.unary(Opcode::Neg, x));
  return e.div(e.number(x.dtype, 1), e.add(decay, 1));
}

}  // namespace

Status buildSigmoid(Context& c) {
  c.set(0, sigmoid(c.e, c.in(0)));
  return {};
}

namespace {

Status emitPRelu(Context& c, const Tensor& slope) {
  const Tensor& x = c.in(0);
  QT_CHECK(c.sameDType({x, slope}));
  if (broadcastShapes(x.shape, slope.shape) != x.shape) {
    return c.fail("slope of shape " + str(slope.shape) + " does not broadcast to " + str(x.shape));
  }
  c.set(0, c.e.select(isNegative(c.e, x), c.e.mul(x, slope), x));
  return {};
}

}  // namespace

Status buildPRelu(Context& c) { return emitPRelu(c, c.in(1)); }

// One slope, or one per channel (axis 1).
Status buildLegacyPRelu(Context& c) {
  const Tensor& x = c.in(0);
  Dims shape = c.in(1).shape;
  if (shape.size() == 1 && shape[0] != Dim(1) && x.rank() > 2) {
    shape.insert(shape.end(), static_cast<size_t>(x.rank() - 2), Dim(1));
  }
  return emitPRelu(c, c.e.reshape(c.in(1), shape));
}

Status buildLeakyRelu(Context& c) {
  const Tensor& x = c.in(0);
  c.set(0, c.e.select(isNegative(c.e, x), c.e.mul(x, c.number("alpha", 0.01)), x));
  return {};
}

Status buildElu(Context& c) {
  Emitter& e = c.e;
  const Tensor& x = c.in(0);
  const Tensor low = e.mul(e.sub(exponential(e, x), 1), c.number("alpha", 1));
  c.set(0, e.select(isNegative(e, x), low, x));
  return {};
}

Status buildSelu(Context& c) {
  Emitter& e = c.e;
  const Tensor& x = c.in(0);
  const double alpha = c.number("alpha", 1.67326319217681884765625);
  const double gamma = c.number("gamma", 1.05070102214813232421875);
  const Tensor low = e.mul(e.sub(exponential(e, x), 1), alpha * gamma);
  c.set(0, e.select(isNegative(e, x), low, e.mul(x, gamma)));
  return {};
}

Status buildCelu(Context& c) {
  Emitter& e = c.e;
  const Tensor& x = c.in(0);
  const double alpha = c.number("alpha", 1);
  if (alpha == 0) return c.fail("attribute 'alpha' must not be 0");
  const Tensor low = e.mul(e.sub(exponential(e, e.div(x, alpha)), 1), alpha);
  c.set(0, e.select(isNegative(e, x), low, x));
  return {};
}

Status buildThresholdedRelu(Context& c) {
  Emitter& e = c.e;
  const Tensor& x = c.in(0);
  const Tensor above = e.scalar(Opcode::Gt, {x, e.number(x.dtype, c.number("alpha", 1))});
  c.set(0, e.select(above, x, e.number(x.dtype, 0)));
  return {};
}

Status buildHardSigmoid(Context& c) {
  c.set(0, hardSigmoid(c.e, c.in(0), c.number("alpha", 0.2), c.number("beta", 0.5)));
  return {};
}

Status buildHardSwish(Context& c) {
  c.set(0, c.e.mul(c.in(0), hardSigmoid(c.e, c.in(0), 1.0 / 6.0, 0.5)));
  return {};
}

Status buildSwish(Context& c) {
  const Tensor& x = c.in(0);
  c.set(0, c.e.mul(x, sigmoid(c.e, c.e.mul(x, c.number("alpha", 1)))));
  return {};
}

Status buildMish(Context& c) {
  c.set(0, c.e.mul(c.in(0), c.e.unary(Opcode::Tanh, softplus(c.e, c.in(0)))));
  return {};
}

Status buildGelu(Context& c) {
  Emitter& e = c.e;
  const Tensor& x = c.in(0);
  const std::string approximate = c.text("approximate", "none");
  Tensor inner;
  if (approximate == "none") {
    inner = e.unary(Opcode::Erf, e.mul(x, std::sqrt(0.5)));
  } else if (approximate == "tanh") {
    const Tensor cubic = e.mul(e.mul(e.mul(x, x), x), 0.044715);
    inner = e.unary(Opcode::Tanh, e.mul(e.add(x, cubic), std::sqrt(2.0 / M_PI)));
  } else {
    return c.fail("attribute 'approximate' is '" + approximate + "', required is none or tanh");
  }
  c.set(0, e.mul(e.mul(x, 0.5), e.add(inner, 1)));
  return {};
}

Status buildSoftplus(Context& c) {
  c.set(0, softplus(c.e, c.in(0)));
  return {};
}

Status buildSoftsign(Context& c) {
  c.set(0, c.e.div(c.in(0), c.e.add(c.e.unary(Opcode::Abs, c.in(0)), 1)));
  return {};
}

Status buildShrink(Context& c) {
  Emitter& e = c.e;
  const DType dtype = c.in(0).dtype;
  const double bias = c.number("bias", 0);
  double lambda = c.number("lambd", 0.5);
  Tensor x = c.in(0);
  if (ir::isInteger(dtype)) {
    // x > 1.5 is x > 1; with a bias that no integer is, a float, cut off as by Cast.
    lambda = std::floor(lambda);
    if (lambda < 0 || !represents(dtype, bias)) x = e.cast(x, realType(dtype));
  }
  const Tensor below = e.scalar(Opcode::Lt, {x, e.number(x.dtype, -lambda)});
  const Tensor above = e.scalar(Opcode::Gt, {x, e.number(x.dtype, lambda)});
  const Tensor high = e.select(above, e.sub(x, bias), e.number(x.dtype, 0));
  c.set(0, e.cast(e.select(below, e.add(x, bias), high), dtype));
  return {};
}

namespace {

// The axes over which a softmax sums: one since opset 13, before that all from `axis` on.
Result<std::vector<int>> softmaxAxes(const Context& c) {
  const int rank = c.in(0).rank();
  const bool flattens = c.opset < 13;
  if (rank == 0) return std::vector<int>{};
  if (flattens && c.integer("axis", 1) == rank) return std::vector<int>{};
  const int axis = QT_TRY(c.axis(c.integer("axis", flattens ? 1 : -1), rank));
  std::vector<int> axes(static_cast<size_t>(flattens ? rank - axis : 1));
  std::iota(axes.begin(), axes.end(), axis);
  return axes;
}

}  // namespace

Status buildSoftmax(Context& c) {
  Emitter& e = c.e;
  const auto axes = QT_TRY(softmaxAxes(c));
  const Tensor shifted = e.sub(c.in(0), e.reduceKeep(Opcode::Max, c.in(0), axes));
  const Tensor powers = exponential(e, shifted);
  c.set(0, e.div(powers, e.reduceKeep(Opcode::Add, powers, axes)));
  return {};
}

Status buildLogSoftmax(Context& c) {
  Emitter& e = c.e;
  const auto axes = QT_TRY(softmaxAxes(c));
  const Tensor shifted = e.sub(c.in(0), e.reduceKeep(Opcode::Max, c.in(0), axes));
  const Tensor sum = e.reduceKeep(Opcode::Add, exponential(e, shifted), axes);
  c.set(0, e.sub(shifted, e.unary(Opcode::Log, sum)));
  return {};
}

// 1 at the first largest element along the axes, flattened; 0 elsewhere.
Status buildHardmax(Context& c) {
  Emitter& e = c.e;
  const Tensor& x = c.in(0);
  const auto axes = QT_TRY(softmaxAxes(c));
  if (axes.empty()) {
    c.set(0, e.broadcast(e.number(x.dtype, 1), x.shape));
    return {};
  }
  Dims flat(x.shape.begin(), x.shape.begin() + axes[0]);
  flat.push_back(e.reducedCount(x, axes));
  flat.insert(flat.end(), x.shape.begin() + axes.back() + 1, x.shape.end());
  const Tensor rows = e.reshape(x, flat);
  Dims kept = flat;
  kept[static_cast<size_t>(axes[0])] = Dim(1);
  Dims dropped = flat;
  dropped.erase(dropped.begin() + axes[0]);
  const Tensor best =
      e.op(Opcode::ArgReduce, {rows}, DType::I64, dropped,
           attributesOf({{"fn", Opcode::Max}, {"axis", int64_t{axes[0]}}, {"last", int64_t{0}}}));
  const Tensor positions =
      e.indicesAlong(DType::I64, flat[static_cast<size_t>(axes[0])], axes[0], rows.rank());
  const Tensor hit = e.scalar(Opcode::Eq, {positions, e.reshape(best, kept)});
  c.set(0, e.reshape(e.cast(hit, x.dtype), x.shape));
  return {};
}

}  // namespace quartet::frontend
