#include <algorithm>

#include "frontend/onnx/builders.h"
#include "frontend/onnx/spatial.h"
#include "frontend/onnx/widen.h"

namespace quartet::frontend {

using ir::Dim;
using ir::Dims;
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
  QT_CHECK(c.sameDType({x, w}));
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

Status conv(Context& c) {
  const auto [shape, group] = QT_TRY(readWeights(c));
  const Tensor& x = c.in(0);
  QT_CHECK(
      c.agree(x.shape[1], Dim(shape[1]) * Dim(group), "channels of the input and of the weights"));
  if (shape[0] % group != 0) {
    return c.fail(std::to_string(shape[0]) + " output channels are not divisible into " +
                  std::to_string(group) + " groups");
  }
  Spatial spatial = QT_TRY(readSpatial(c, {shape.begin() + 2, shape.end()}));
  QT_CHECK(resolveAutoPad(c, spatialExtents(x), spatial));
  const Dims extents = QT_TRY(outputExtents(c, spatialExtents(x), spatial));
  Dims out = {x.shape[0], Dim(shape[0])};
  out.insert(out.end(), extents.begin(), extents.end());
  const Tensor y = c.e.op(Opcode::Conv, {x, c.in(1)}, x.dtype, out, attributesFor(spatial, group));
  const Tensor biased = QT_TRY(addBias(c, y));
  c.set(0, biased);
  return {};
}

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
