#include <cmath>
#include <numeric>

#include "frontend/onnx/builders.h"
#include "frontend/onnx/widen.h"

namespace quartet::frontend {

using ir::Dim;
using ir::Dims;
using ir::DType;
using ir::Ints;
using ir::Opcode;

namespace {

std::vector<int> axesFrom(int first, int rank) {
  std::vector<int> axes(static_cast<size_t>(std::max(rank - first, 0)));
  std::iota(axes.begin(), axes.end(), first);
  return axes;
}

// A vector with one element per channel (axis 1), such that it broadcasts over x.
Result<Tensor> perChannel(const Context& c, int input, const char* name) {
  const Tensor& v = c.in(input);
  const Dim& channels = c.in(0).shape[1];
  if (v.rank() != 1 || v.shape[0] != channels) {
    return c.fail(std::string(name) + " has shape " + str(v.shape) + ", required is [" +
                  channels.str() + "]");
  }
  Dims shape(c.in(0).shape.size() - 1, Dim(1));
  shape[0] = channels;
  return c.e.reshape(v, shape);
}

struct Moments {
  Tensor centred;   // x - mean
  Tensor mean;      // axes kept
  Tensor variance;  // axes kept
};

// Two passes: the variance is the mean of the squared differences.
Moments momentsOf(Emitter& e, const Tensor& x, const std::vector<int>& axes) {
  const Tensor mean = e.meanKeep(x, axes);
  const Tensor centred = e.sub(x, mean);
  return {centred, mean, e.meanKeep(e.mul(centred, centred), axes)};
}

Tensor deviation(Emitter& e, const Tensor& variance, double epsilon) {
  return e.unary(Opcode::Sqrt, e.add(variance, epsilon));
}

struct BatchNorm {
  Tensor x, scale, bias, mean, variance;  // all but x broadcast over x
  double epsilon;
};

// Constants are folded: x * factor + offset.
Tensor normalise(Emitter& e, const BatchNorm& n) {
  const Tensor factor = e.div(n.scale, deviation(e, n.variance, n.epsilon));
  const Tensor offset = e.sub(n.bias, e.mul(n.mean, factor));
  const DType dtype = n.x.dtype;
  return e.add(e.mul(n.x, e.cast(factor, dtype)), e.cast(offset, dtype));
}

// Normalises with the moments of the batch; the further outputs are the running moments.
Status trainBatchNorm(Context& c, const BatchNorm& n) {
  Emitter& e = c.e;
  if (c.opset < 14) return c.failUnsupported("training mode of opset 13 and before");
  std::vector<int> axes = axesFrom(2, n.x.rank());
  axes.insert(axes.begin(), 0);
  const double momentum = c.number("momentum", 0.9);
  const Moments moments = momentsOf(e, n.x, axes);
  const auto running = [&](const Tensor& old, const Tensor& batch) {
    const Tensor flat = e.cast(e.reshape(batch, c.in(3).shape), old.dtype);
    return e.add(e.mul(old, momentum), e.mul(flat, 1 - momentum));
  };
  if (c.wants(1)) c.set(1, running(c.in(3), moments.mean));
  if (c.wants(2)) c.set(2, running(c.in(4), moments.variance));
  const Tensor y = e.div(moments.centred, deviation(e, moments.variance, n.epsilon));
  c.set(0, e.add(e.mul(y, n.scale), n.bias));
  return {};
}

Status batchNormalization(Context& c) {
  QT_CHECK(c.rankAtLeast(0, 2));
  BatchNorm n;
  n.x = c.in(0);
  n.scale = QT_TRY(perChannel(c, 1, "the scale"));
  n.bias = QT_TRY(perChannel(c, 2, "the bias"));
  n.mean = QT_TRY(perChannel(c, 3, "the mean"));
  n.variance = QT_TRY(perChannel(c, 4, "the variance"));
  n.epsilon = c.number("epsilon", 1e-5);
  n.mean = c.e.cast(n.mean, n.scale.dtype);
  n.variance = c.e.cast(n.variance, n.scale.dtype);
  if (c.integer("training_mode", 0) != 0) return trainBatchNorm(c, n);
  if (c.opset < 7 && c.integer("is_test", 0) == 0) {
    return c.failUnsupported("training mode (attribute 'is_test' = 0) is not supported",
                             "export the model for inference");
  }
  if (c.opset < 9 && c.integer("spatial", 1) == 0) {
    return c.failUnsupported("attribute 'spatial' = 0 is not supported");
  }
  c.set(0, normalise(c.e, n));
  return {};
}

}  // namespace

// The input, scale and bias, and the moments may have types of their own; running moments have that
// of the moments.
Status buildBatchNormalization(Context& c) {
  QT_CHECK(c.sameDType({c.in(1), c.in(2)}));
  QT_CHECK(c.sameDType({c.in(3), c.in(4)}));
  const auto outputs = QT_TRY(widenedOutputs(c, batchNormalization));
  for (const auto& [i, output] : outputs) {
    c.set(i, c.e.cast(output, c.in(i == 0 ? 0 : 3).dtype));
  }
  return {};
}

Status buildInstanceNormalization(Context& c) {
  Emitter& e = c.e;
  QT_CHECK(c.rankAtLeast(0, 3));
  QT_CHECK(c.sameDType({c.in(0), c.in(1), c.in(2)}));
  const Tensor scale = QT_TRY(perChannel(c, 1, "the scale"));
  const Tensor bias = QT_TRY(perChannel(c, 2, "the bias"));
  const Moments m = momentsOf(e, c.in(0), axesFrom(2, c.in(0).rank()));
  const Tensor y = e.div(m.centred, deviation(e, m.variance, c.number("epsilon", 1e-5)));
  c.set(0, e.add(e.mul(y, scale), bias));
  return {};
}

namespace {

/// Input `i`, when it is given, broadcasts to the input that is normalised.
Status checkBroadcasts(const Context& c, int i) {
  if (!c.has(i) || broadcastShapes(c.in(0).shape, c.in(i).shape) == c.in(0).shape) return {};
  return c.fail("input " + std::to_string(i) + " has shape " + str(c.in(i).shape) +
                ", required is one that broadcasts to " + str(c.in(0).shape));
}

Status layerNormalization(Context& c) {
  Emitter& e = c.e;
  const Tensor& x = c.in(0);
  const int axis = QT_TRY(c.axis(c.integer("axis", -1), x.rank()));
  QT_CHECK(checkBroadcasts(c, 1));
  QT_CHECK(checkBroadcasts(c, 2));
  const Moments m = momentsOf(e, x, axesFrom(axis, x.rank()));
  const Tensor inverse =
      e.div(e.number(x.dtype, 1), deviation(e, m.variance, c.number("epsilon", 1e-5)));
  Tensor y = e.mul(e.mul(m.centred, inverse), c.in(1));
  if (c.has(2)) y = e.add(y, c.in(2));
  c.set(0, y);
  if (c.wants(1)) c.set(1, m.mean);
  if (c.wants(2)) c.set(2, inverse);
  return {};
}

Status rmsNormalization(Context& c) {
  Emitter& e = c.e;
  const Tensor& x = c.in(0);
  const int axis = QT_TRY(c.axis(c.integer("axis", -1), x.rank()));
  QT_CHECK(checkBroadcasts(c, 1));
  if (!ir::isFloat(c.in(1).dtype)) {
    return c.fail("the scale is " + std::string(ir::name(c.in(1).dtype)) + ", required is a float");
  }
  const Tensor square = e.meanKeep(e.mul(x, x), axesFrom(axis, x.rank()));
  const Tensor normalised = e.div(x, deviation(e, square, c.number("epsilon", 1e-5)));
  c.set(0, e.mul(e.cast(normalised, c.in(1).dtype), c.in(1)));
  return {};
}

}  // namespace

// The moments of 16-bit floats are f32 (stash_type).
Status buildLayerNormalization(Context& c) {
  QT_CHECK(c.sameDType(c.allInputs()));
  const DType dtype = c.in(0).dtype;
  const DType stash = c.integer("stash_type", 1) == 1 ? widenedType(dtype) : dtype;
  const auto outputs = QT_TRY(widenedOutputs(c, layerNormalization));
  for (const auto& [i, output] : outputs) c.set(i, c.e.cast(output, i == 0 ? dtype : stash));
  return {};
}

// The result has the type of the scale.
Status buildRmsNormalization(Context& c) {
  const auto outputs = QT_TRY(widenedOutputs(c, rmsNormalization));
  c.set(0, c.e.cast(outputs.at(0), c.in(1).dtype));
  return {};
}

Status buildGroupNormalization(Context& c) {
  Emitter& e = c.e;
  QT_CHECK(c.rankAtLeast(0, 2));
  QT_CHECK(c.require("num_groups"));
  QT_CHECK(c.sameDType({c.in(0), c.in(1), c.in(2)}));
  const Tensor& x = c.in(0);
  const int64_t groups = c.integer("num_groups", 1);
  const Dim& channels = x.shape[1];
  if (!channels.isConstant() || groups < 1 || channels.value() % groups != 0) {
    return c.fail(channels.str() + " channels are not divisible into " + std::to_string(groups) +
                  " groups");
  }
  Dims shape = {x.shape[0], Dim(groups), Dim(channels.value() / groups)};
  shape.insert(shape.end(), x.shape.begin() + 2, x.shape.end());
  const auto rank = static_cast<int>(shape.size());
  const Moments m = momentsOf(e, e.reshape(x, shape), axesFrom(2, rank));
  Tensor y = e.div(m.centred, deviation(e, m.variance, c.number("epsilon", 1e-5)));
  // Scale and bias: one per group before opset 21, then one per channel.
  for (int i = 1; i <= 2; ++i) {
    Dims own(shape.size() - 1, Dim(1));
    own[0] = Dim(groups);
    if (c.opset >= 21) own[1] = shape[2];
    if (c.in(i).rank() != 1 || c.in(i).shape[0] != ir::elementCount(own)) {
      return c.fail("input " + std::to_string(i) + " has shape " + str(c.in(i).shape) +
                    ", required is [" + ir::elementCount(own).str() + "]");
    }
    const Tensor factor = e.reshape(c.in(i), own);
    y = i == 1 ? e.mul(y, factor) : e.add(y, factor);
  }
  c.set(0, e.reshape(y, x.shape));
  return {};
}

Status buildLrn(Context& c) {
  Emitter& e = c.e;
  QT_CHECK(c.rankAtLeast(0, 2));
  QT_CHECK(c.require("size"));
  const Tensor& x = c.in(0);
  const int64_t size = c.integer("size", 1);
  if (size < 1 || size > (1 << 20)) return c.fail("attribute 'size' is " + std::to_string(size));
  const auto rank = x.shape.size();
  Ints window(rank, 1);
  Ints pads(2 * rank, 0);
  window[1] = size;
  pads[1] = (size - 1) / 2;
  pads[rank + 1] = size - 1 - pads[1];
  const Ints ones(rank, 1);
  const Tensor squares = e.op(Opcode::Window, {e.mul(x, x)}, x.dtype, x.shape,
                              attributesOf({{"fn", Opcode::Add},
                                            {"window", window},
                                            {"strides", ones},
                                            {"dilations", ones},
                                            {"pads", pads}}));
  const double alpha = c.number("alpha", 1e-4) / static_cast<double>(size);
  const Tensor base = e.add(e.mul(squares, alpha), c.number("bias", 1));
  const Tensor exponent = e.number(x.dtype, c.number("beta", 0.75));
  c.set(0, e.div(x, e.scalar(Opcode::Pow, {base, exponent})));
  return {};
}

Status buildLpNormalization(Context& c) {
  Emitter& e = c.e;
  const Tensor& x = c.in(0);
  const int axis = QT_TRY(c.axis(c.integer("axis", -1), x.rank()));
  const int64_t p = c.integer("p", 2);
  if (p != 1 && p != 2) return c.fail("attribute 'p' is " + std::to_string(p));
  Tensor norm;
  if (p == 1) {
    norm = e.reduceKeep(Opcode::Add, e.unary(Opcode::Abs, x), {axis});
  } else {
    norm = e.unary(Opcode::Sqrt, e.reduceKeep(Opcode::Add, e.mul(x, x), {axis}));
  }
  // All zeros stay zeros.
  const Tensor zero = e.number(x.dtype, 0);
  const Tensor divisor = e.select(e.scalar(Opcode::Eq, {norm, zero}), e.number(x.dtype, 1), norm);
  c.set(0, e.div(x, divisor));
  return {};
}

Status buildMeanVarianceNormalization(Context& c) {
  Emitter& e = c.e;
  const auto axes = QT_TRY(c.axes(c.integers("axes", {0, 2, 3}), c.in(0).rank()));
  const Moments m = momentsOf(e, c.in(0), axes);
  c.set(0, e.div(m.centred, e.add(e.unary(Opcode::Sqrt, m.variance), 1e-9)));
  return {};
}

}  // namespace quartet::frontend
