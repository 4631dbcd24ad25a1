#include "frontend/onnx/spatial.h"

#include <algorithm>

namespace quartet::frontend {

using ir::Dim;
using ir::Dims;

namespace {

// Far beyond any real attribute, and small enough that sums and products do not overflow.
constexpr int64_t kMaxValue = 1 << 24;

}  // namespace

Status checkEntries(const Context& c, const std::string& name, const std::vector<int64_t>& values,
                    size_t length, int64_t least) {
  if (values.size() != length) {
    return c.fail("attribute '" + name + "' has " + std::to_string(values.size()) +
                  " entries, required are " + std::to_string(length));
  }
  for (const int64_t value : values) {
    if (value < least || value > kMaxValue) {
      return c.fail("attribute '" + name + "' holds " + std::to_string(value) + ", required is " +
                    std::to_string(least) + " to " + std::to_string(kMaxValue));
    }
  }
  return {};
}

ir::Ints Spatial::pads() const {
  ir::Ints all = begin;
  all.insert(all.end(), end.begin(), end.end());
  return all;
}

Dims spatialExtents(const Tensor& x) { return {x.shape.begin() + 2, x.shape.end()}; }

Result<Spatial> readSpatial(const Context& c, std::vector<int64_t> kernel) {
  const size_t rank = kernel.size();
  Spatial spatial;
  spatial.kernel = std::move(kernel);
  spatial.strides = c.integers("strides", std::vector<int64_t>(rank, 1));
  spatial.dilations = c.integers("dilations", std::vector<int64_t>(rank, 1));
  auto pads = c.integers("pads", std::vector<int64_t>(2 * rank, 0));
  QT_CHECK(checkEntries(c, "kernel_shape", spatial.kernel, rank, 1));
  QT_CHECK(checkEntries(c, "strides", spatial.strides, rank, 1));
  QT_CHECK(checkEntries(c, "dilations", spatial.dilations, rank, 1));
  QT_CHECK(checkEntries(c, "pads", pads, 2 * rank, -kMaxValue));
  const auto middle = pads.begin() + static_cast<std::ptrdiff_t>(rank);
  spatial.begin.assign(pads.begin(), middle);
  spatial.end.assign(middle, pads.end());
  return spatial;
}

Status resolveAutoPad(const Context& c, const Dims& extents, Spatial& spatial) {
  const std::string mode = c.text("auto_pad", "NOTSET");
  if (mode == "NOTSET" || mode.empty()) return {};
  if (mode != "VALID" && mode != "SAME_UPPER" && mode != "SAME_LOWER") {
    return c.fail("attribute 'auto_pad' is '" + mode +
                  "', required is NOTSET, VALID, SAME_UPPER or SAME_LOWER");
  }
  for (size_t i = 0; i < spatial.rank(); ++i) {
    int64_t total = 0;
    if (mode != "VALID") {
      if (spatial.strides[i] == 1) {
        total = spatial.span(i) - 1;
      } else if (extents[i].isConstant()) {
        const int64_t extent = extents[i].value();
        const int64_t out = (extent + spatial.strides[i] - 1) / spatial.strides[i];
        total = std::max<int64_t>(0, (out - 1) * spatial.strides[i] + spatial.span(i) - extent);
      } else {
        return c.failUnsupported("auto_pad " + mode + " needs the extent " + extents[i].str(),
                                 "pin it with --shape");
      }
    }
    const int64_t smaller = total / 2;
    spatial.begin[i] = mode == "SAME_LOWER" ? total - smaller : smaller;
    spatial.end[i] = total - spatial.begin[i];
  }
  return {};
}

Result<Dims> outputExtents(const Context& c, const Dims& extents, const Spatial& spatial) {
  Dims out;
  for (size_t i = 0; i < spatial.rank(); ++i) {
    const Dim room = extents[i] + Dim(spatial.begin[i] + spatial.end[i] - spatial.span(i));
    const bool empty = extents[i] == Dim(0);
    if (room.isConstant() && room.value() < 0) {
      if (empty) {
        out.emplace_back(0);
        continue;
      }
      return c.fail("the kernel spans " + std::to_string(spatial.span(i)) + " of spatial axis " +
                    std::to_string(i) + ", the padded input has only " +
                    (extents[i] + Dim(spatial.begin[i] + spatial.end[i])).str());
    }
    out.push_back(Dim::floorDiv(room, Dim(spatial.strides[i])) + Dim(1));
  }
  return out;
}

Status applyCeilMode(const Context& c, const Dims& extents, Spatial& spatial) {
  if (c.integer("ceil_mode", 0) == 0) return {};
  for (size_t i = 0; i < spatial.rank(); ++i) {
    const int64_t stride = spatial.strides[i];
    if (stride == 1) continue;
    if (!extents[i].isConstant()) {
      return c.failUnsupported("ceil_mode needs the extent " + extents[i].str(),
                               "pin it with --shape");
    }
    const int64_t extent = extents[i].value();
    const int64_t room = extent + spatial.begin[i] + spatial.end[i] - spatial.span(i);
    if (room < 0) continue;
    int64_t out = (room + stride - 1) / stride + 1;
    if ((out - 1) * stride >= extent + spatial.begin[i]) --out;
    const int64_t needed = (out - 1) * stride + spatial.span(i) - extent - spatial.begin[i];
    spatial.end[i] = std::max(spatial.end[i], needed);
  }
  return {};
}

}  // namespace quartet::frontend
