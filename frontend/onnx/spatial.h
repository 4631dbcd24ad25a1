// Attributes that convolutions and poolings share: kernel, strides, dilations, pads, auto_pad.
#pragma once

#include <vector>

#include "frontend/onnx/context.h"

namespace quartet::frontend {

/// One entry per spatial axis.
struct Spatial {
  std::vector<int64_t> kernel;
  std::vector<int64_t> strides;
  std::vector<int64_t> dilations;
  std::vector<int64_t> begin;
  std::vector<int64_t> end;

  size_t rank() const { return kernel.size(); }
  /// Positions that the dilated kernel spans on an axis.
  int64_t span(size_t axis) const { return dilations[axis] * (kernel[axis] - 1) + 1; }
  /// begin..., end...
  ir::Ints pads() const;
};

/// An attribute has `length` entries, each at least `least` and small enough for sums and products.
Status checkEntries(const Context& c, const std::string& name, const std::vector<int64_t>& values,
                    size_t length, int64_t least);

/// Reads the attributes; `kernel` is the shape of the weights or of the attribute kernel_shape.
/// auto_pad is not resolved yet. Errors: wrong lengths, values out of range.
Result<Spatial> readSpatial(const Context& c, std::vector<int64_t> kernel);

/// Resolves auto_pad of a convolution or pooling for the extents of x behind batch and channel.
Status resolveAutoPad(const Context& c, const ir::Dims& extents, Spatial& spatial);

/// Extents of the result, behind batch and channel; an error where the kernel exceeds the padded
/// input.
Result<ir::Dims> outputExtents(const Context& c, const ir::Dims& extents, const Spatial& spatial);

/// ceil_mode: lengthens the pads at the end such that `outputExtents` rounds up; windows that would
/// start behind the input and its first pad are left out.
Status applyCeilMode(const Context& c, const ir::Dims& extents, Spatial& spatial);

/// The extents behind batch and channel.
ir::Dims spatialExtents(const Tensor& x);

}  // namespace quartet::frontend
