#include <algorithm>

#include "frontend/onnx/builders.h"
#include "frontend/onnx/spatial.h"
#include "frontend/onnx/widen.h"

namespace quartet::frontend {

using ir::Dim;
using ir::Dims;
using ir::DType;
using ir::Ints;
using ir::Opcode;

namespace {

struct Weights {
  std::vector<int64_t> shape;
  int64_t group;
};

// Checks x, w and group against each other, and kernel_shape against w.
Result<Weights> readWeights(const Context& c) {
  const Tensor& x = c.in(0);
  const Tensor& w = c.in(1);
  QT_CHECK(c.rankAtLeast(0, 3));
  QT_CHECK(c.rankIs(1, x.rank()));
  const auto shape = constantShape(w.shape);
  if (!shape) return c.failUnsupported("the shape " + str(w.shape) + " of the weights is open");
  const std::vector<int64_t> kernel(shape->begin() + 2, shape->end());
  if (c.hasAttribute("kernel_shape") && c.integers("kernel_shape", {}) != kernel) {
    return c.fail("attribute 'kernel_shape' does not agree with the weights of shape " +
                  str(w.shape));
  }
  const int64_t group = c.integer("group", 1);
  if (group < 1) return c.fail("attribute 'group' is " + std::to_string(group));
  return Weights{*shape, group};
}

// Adds input 2, one number per output channel.
Result<Tensor> addBias(const Context& c, const Tensor& y) {
  if (!c.has(2)) return y;
  const Tensor& bias = c.in(2);
  QT_CHECK(c.sameDType({y, bias}));
  if (bias.rank() != 1 || bias.shape[0] != y.shape[1]) {
    return c.fail("the bias has shape " + str(bias.shape) + ", required is [" + y.shape[1].str() +
                  "]");
  }
  Dims shape(y.shape.size() - 1, Dim(1));
  shape[0] = y.shape[1];
  return c.e.add(y, c.e.reshape(bias, shape));
}

ir::Attributes attributesFor(const Spatial& spatial, int64_t group) {
  return attributesOf({{"strides", spatial.strides},
                       {"dilations", spatial.dilations},
                       {"pads", spatial.pads()},
                       {"group", group}});
}

struct Convolution {
  Spatial spatial;
  int64_t group = 1;
  Dims out;
};

Result<Convolution> readConvolution(const Context& c) {
  const auto [shape, group] = QT_TRY(readWeights(c));
  const Tensor& x = c.in(0);
  QT_CHECK(
      c.agree(x.shape[1], Dim(shape[1]) * Dim(group), "channels of the input and of the weights"));
  if (shape[0] % group != 0) {
    return c.fail(std::to_string(shape[0]) + " output channels are not divisible into " +
                  std::to_string(group) + " groups");
  }
  Convolution read;
  read.group = group;
  read.spatial = QT_TRY(readSpatial(c, {shape.begin() + 2, shape.end()}));
  QT_CHECK(resolveAutoPad(c, spatialExtents(x), read.spatial));
  const Dims extents = QT_TRY(outputExtents(c, spatialExtents(x), read.spatial));
  read.out = {x.shape[0], Dim(shape[0])};
  read.out.insert(read.out.end(), extents.begin(), extents.end());
  return read;
}

Status conv(Context& c) {
  QT_CHECK(c.sameDType({c.in(0), c.in(1)}));
  const Convolution read = QT_TRY(readConvolution(c));
  const Tensor y = c.e.op(Opcode::Conv, {c.in(0), c.in(1)}, c.in(0).dtype, read.out,
                          attributesFor(read.spatial, read.group));
  const Tensor biased = QT_TRY(addBias(c, y));
  c.set(0, biased);
  return {};
}

// Input `i` as what is taken away from every element of input `of` of an integer convolution, in
// i32: a scalar as [1], or one number for each of `channels`; nothing where that is 0.
Result<std::optional<Tensor>> zeroPoint(const Context& c, int i, int of, const Dim& channels) {
  if (!c.has(i) || uniformValue(c.in(i)) == 0) return std::optional<Tensor>{};
  QT_CHECK(c.sameDType({c.in(of), c.in(i)}));
  const Tensor& zero = c.in(i);
  const bool scalar = constantCount(zero.shape) == 1;
  if (!scalar && (of == 0 || zero.rank() != 1 || zero.shape[0] != channels)) {
    return c.fail("zero point of shape " + str(zero.shape) + ", required is " +
                  (of == 0 ? "a scalar" : "a scalar or [" + channels.str() + "]"));
  }
  return std::optional(c.e.cast(c.e.reshape(zero, {scalar ? Dim(1) : channels}), DType::I32));
}

// One number per channel, which is the axis in front of `axes` others.
Tensor perChannel(Emitter& e, const Tensor& x, int axes) {
  Dims shape(static_cast<size_t>(axes) + 1, Dim(1));
  shape[0] = x.shape[0];
  return e.reshape(x, shape);
}

// Input 0 with all that `spatial` pads it with, its zero point.
Tensor paddedWith(const Context& c, const Tensor& zero, Spatial& spatial) {
  Ints begin(2, 0);
  Ints end(2, 0);
  begin.insert(begin.end(), spatial.begin.begin(), spatial.begin.end());
  end.insert(end.end(), spatial.end.begin(), spatial.end.end());
  spatial.begin.assign(spatial.rank(), 0);
  spatial.end.assign(spatial.rank(), 0);
  return c.e.pad(c.in(0), c.e.reshape(zero, {}), "constant", begin, end);
}

}  // namespace

Status buildConvInteger(Context& c) {
  Emitter& e = c.e;
  QT_CHECK(c.bytes({0, 1}));
  const Convolution read = QT_TRY(readConvolution(c));
  const auto zeroOfX = QT_TRY(zeroPoint(c, 2, 0, read.out[1]));
  const auto zeroOfW = QT_TRY(zeroPoint(c, 3, 1, read.out[1]));
  Spatial spatial = read.spatial;
  Tensor x = zeroOfX ? paddedWith(c, c.in(2), spatial) : c.in(0);
  Tensor w = c.in(1);
  if (zeroOfW) {
    w = e.sub(e.cast(w, DType::I32), perChannel(e, *zeroOfW, w.rank() - 1));
    x = e.cast(x, DType::I32);
  }
  Tensor y = e.op(Opcode::Conv, {x, w}, DType::I32, read.out, attributesFor(spatial, read.group));
  if (zeroOfX) {  // bytes stay bytes: the sum of (x - p) * w is that of x * w, less p times that of
                  // w
    std::vector<int> axes;
    for (int axis = 1; axis < w.rank(); ++axis) axes.push_back(axis);
    const Tensor sums = e.reduce(Opcode::Add, e.cast(w, DType::I32), axes);
    y = e.sub(y, e.mul(perChannel(e, *zeroOfX, y.rank() - 2), perChannel(e, sums, y.rank() - 2)));
  }
  c.set(0, y);
  return {};
}

namespace {

// Extents of the result, and the pads where output_shape or auto_pad determine them.
Result<Dims> transposedExtents(const Context& c, Spatial& spatial) {
  const Dims extents = spatialExtents(c.in(0));
  const auto extra = c.integers("output_padding", std::vector<int64_t>(spatial.rank(), 0));
  const auto fixed = c.integers("output_shape", {});
  const std::string mode = c.text("auto_pad", "NOTSET");
  QT_CHECK(checkEntries(c, "output_padding", extra, spatial.rank(), 0));
  if (!fixed.empty()) QT_CHECK(checkEntries(c, "output_shape", fixed, spatial.rank(), 0));
  Dims out;
  for (size_t i = 0; i < spatial.rank(); ++i) {
    const Dim full =
        Dim(spatial.strides[i]) * (extents[i] - Dim(1)) + Dim(extra[i] + spatial.span(i));
    const bool same = mode == "SAME_UPPER" || mode == "SAME_LOWER";
    if (fixed.empty() && !same) {
      out.push_back(full - Dim(spatial.begin[i] + spatial.end[i]));
    } else {
      out.push_back(fixed.empty() ? extents[i] * Dim(spatial.strides[i]) : Dim(fixed[i]));
      const Dim total = full - out.back();
      if (!total.isConstant()) {
        return c.failUnsupported("the pads depend on the extent " + extents[i].str(),
                                 "pin it with --shape");
      }
      // What the pads cannot take away is padding of the result.
      const int64_t pads = std::max<int64_t>(total.value(), 0);
      const int64_t smaller = pads / 2;
      spatial.begin[i] = mode == "SAME_UPPER" ? smaller : pads - smaller;
      spatial.end[i] = pads - spatial.begin[i];
    }
    if (out.back().isConstant() && out.back().value() < 0) {
      return c.fail("extent " + out.back().str() + " of the result is negative");
    }
  }
  return out;
}

Status convTranspose(Context& c) {
  QT_CHECK(c.sameDType({c.in(0), c.in(1)}));
  const auto [shape, group] = QT_TRY(readWeights(c));
  const Tensor& x = c.in(0);
  QT_CHECK(c.agree(x.shape[1], Dim(shape[0]), "channels of the input and of the weights"));
  if (shape[0] % group != 0) {
    return c.fail(std::to_string(shape[0]) + " input channels are not divisible into " +
                  std::to_string(group) + " groups");
  }
  Spatial spatial = QT_TRY(readSpatial(c, {shape.begin() + 2, shape.end()}));
  const Dims extents = QT_TRY(transposedExtents(c, spatial));
  Dims out = {x.shape[0], Dim(shape[1]) * Dim(group)};
  out.insert(out.end(), extents.begin(), extents.end());
  const Tensor y =
      c.e.op(Opcode::ConvTranspose, {x, c.in(1)}, x.dtype, out, attributesFor(spatial, group));
  const Tensor biased = QT_TRY(addBias(c, y));
  c.set(0, biased);
  return {};
}

// A sum of products is rounded once; with a bias, that is added first.
Status biased(Context& c, Status (*build)(Context&)) {
  return c.has(2) ? buildWidened(c, build) : build(c);
}

}  // namespace

Status buildConv(Context& c) { return biased(c, conv); }
Status buildConvTranspose(Context& c) { return biased(c, convTranspose); }

}  // namespace quartet::frontend
