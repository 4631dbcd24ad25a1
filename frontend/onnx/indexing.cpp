#include <algorithm>
#include <numeric>

#include "frontend/onnx/builders.h"

namespace quartet::frontend {

using ir::Dim;
using ir::Dims;
using ir::DType;
using ir::Ints;
using ir::Opcode;

namespace {

struct Range {
  Dim start;
  Dim end;
  int64_t step = 1;
};

struct Piece {
  int64_t start;
  Dim count;
};

// An index that counts from the end when negative, clamped to [low, high].
int64_t clampIndex(int64_t index, int64_t extent, int64_t low, int64_t high) {
  if (index < 0) index += extent;
  return std::clamp(index, low, high);
}

Result<Piece> constantPiece(const Context& c, const Range& r, int64_t extent) {
  const int64_t step = r.step;
  if (step == INT64_MIN) return c.fail("the step overflows");
  if (step > 0) {
    const int64_t start = clampIndex(r.start.value(), extent, 0, extent);
    const int64_t end = clampIndex(r.end.value(), extent, 0, extent);
    const int64_t room = std::max<int64_t>(end - start, 0);
    return Piece{room == 0 ? 0 : start, Dim(room / step + (room % step != 0 ? 1 : 0))};
  }
  const int64_t start = clampIndex(r.start.value(), extent, 0, std::max<int64_t>(extent - 1, 0));
  const int64_t end = clampIndex(r.end.value(), extent, -1, extent - 1);
  const int64_t room = extent == 0 ? 0 : std::max<int64_t>(start - end, 0);
  return Piece{room == 0 ? 0 : start, Dim(room / -step + (room % -step != 0 ? 1 : 0))};
}

// A number that stands for "to the end": exporters write at least a milliard.
bool isHuge(const Dim& dim) { return dim.isConstant() && dim.value() >= 1000000000; }

// Extents over symbols: what can be said without knowing them. An end over symbols is taken to lie
// inside the extent: a model that slices a table to its sequence length means lengths that the
// table has. For others the graph does not hold (ir/close.h).
Result<Piece> symbolicPiece(Context& c, const Range& r, const Dim& extent) {
  const auto open = [&] {
    return c.failUnsupported("a slice from " + r.start.str() + " to " + r.end.str() +
                                 " of the open extent " + extent.str(),
                             "pin it with --shape");
  };
  if (r.step < 1 || !r.start.isConstant() || r.start.value() < 0) return open();
  if (!r.end.isConstant() && !nonNegative(r.end)) return open();  // may count from the end
  Dim end = r.end;
  if (isHuge(end)) {
    end = extent;
  } else if (end.isConstant() && end.value() < 0) {
    end = extent + end;
  } else if (end.isConstant() && !extent.isConstant()) {
    end = Dim::min(end, extent);
  }
  Dim room = end - r.start;
  if (!nonNegative(room)) room = Dim::max(room, Dim(0));
  return Piece{r.start.value(), Dim::ceilDiv(room, Dim(r.step))};
}

Status emitSlice(Context& c, const Dims& starts, const Dims& ends, const std::vector<int64_t>& axes,
                 const std::vector<int64_t>& steps) {
  const Tensor& x = c.in(0);
  const size_t count = starts.size();
  if (ends.size() != count || axes.size() != count || steps.size() != count) {
    return c.fail("starts, ends, axes and steps have different lengths: " + std::to_string(count) +
                  ", " + std::to_string(ends.size()) + ", " + std::to_string(axes.size()) + ", " +
                  std::to_string(steps.size()));
  }
  Ints from(x.shape.size(), 0);
  Ints by(x.shape.size(), 1);
  Dims shape = x.shape;
  if (!axes.empty()) QT_CHECK(c.axes(axes, x.rank()));
  for (size_t i = 0; i < count; ++i) {
    const auto axis = static_cast<size_t>(QT_TRY(c.axis(axes[i], x.rank())));
    if (steps[i] == 0) return c.fail("the step of axis " + std::to_string(axis) + " is 0");
    const Range range{starts[i], ends[i], steps[i]};
    const Dim& extent = x.shape[axis];
    const bool known = extent.isConstant() && starts[i].isConstant() && ends[i].isConstant();
    const Piece piece = known ? QT_TRY(constantPiece(c, range, extent.value()))
                              : QT_TRY(symbolicPiece(c, range, extent));
    from[axis] = piece.start;
    by[axis] = steps[i];
    shape[axis] = piece.count;
  }
  c.set(0, c.e.slice(x, from, by, shape));
  return {};
}

std::vector<int64_t> firstAxes(size_t count) {
  std::vector<int64_t> axes(count);
  std::iota(axes.begin(), axes.end(), 0);
  return axes;
}

}  // namespace

Status buildSliceAttributes(Context& c) {
  QT_CHECK(c.require("starts"));
  QT_CHECK(c.require("ends"));
  const auto starts = c.integers("starts", {});
  const auto axes = c.integers("axes", firstAxes(starts.size()));
  return emitSlice(c, toDims(starts), toDims(c.integers("ends", {})), axes,
                   std::vector<int64_t>(starts.size(), 1));
}

Status buildSlice(Context& c) {
  const Dims starts = QT_TRY(c.contents(1, "the start of the slice"));
  const Dims ends = QT_TRY(c.contents(2, "the end of the slice"));
  auto axes = firstAxes(starts.size());
  std::vector<int64_t> steps(starts.size(), 1);
  if (c.has(3)) axes = QT_TRY(c.integers(3, "the list of axes"));
  if (c.has(4)) steps = QT_TRY(c.integers(4, "the step of the slice"));
  return emitSlice(c, starts, ends, axes, steps);
}

Status checkIndices(const Context& c, const Tensor& indices) {
  if (indices.dtype == DType::I32 || indices.dtype == DType::I64) return {};
  return c.fail("indices are " + std::string(ir::name(indices.dtype)) + ", required is i32 or i64");
}

Status checkRange(const Context& c, const Tensor& indices, const Dim& extent) {
  const auto values = integersOf(indices);
  if (!values || !extent.isConstant()) return {};
  for (const int64_t value : *values) {
    if (value < -extent.value() || value >= extent.value()) {
      return c.fail("index " + std::to_string(value) + " is out of range for extent " +
                    extent.str());
    }
  }
  return {};
}

Status checkBesideAxis(const Context& c, const Tensor& indices, int axis) {
  const Tensor& data = c.in(0);
  for (int i = 0; i < data.rank(); ++i) {
    const Dim& have = data.shape[static_cast<size_t>(i)];
    const Dim& want = indices.shape[static_cast<size_t>(i)];
    if (i != axis && have.isConstant() && want.isConstant() && want.value() > have.value()) {
      return c.fail("indices of shape " + str(indices.shape) + " exceed data of shape " +
                    str(data.shape) + " on axis " + std::to_string(i));
    }
  }
  return {};
}

Status buildGather(Context& c) {
  const Tensor& data = c.in(0);
  QT_CHECK(c.rankAtLeast(0, 1));
  QT_CHECK(checkIndices(c, c.in(1)));
  const int axis = QT_TRY(c.axis(c.integer("axis", 0), data.rank()));
  QT_CHECK(checkRange(c, c.in(1), data.shape[static_cast<size_t>(axis)]));
  c.set(0, c.e.gather(data, c.in(1), axis));
  return {};
}

Status buildGatherElements(Context& c) {
  const Tensor& data = c.in(0);
  const Tensor& indices = c.in(1);
  QT_CHECK(c.rankAtLeast(0, 1));
  QT_CHECK(c.rankIs(1, data.rank()));
  QT_CHECK(checkIndices(c, indices));
  const int axis = QT_TRY(c.axis(c.integer("axis", 0), data.rank()));
  QT_CHECK(checkRange(c, indices, data.shape[static_cast<size_t>(axis)]));
  QT_CHECK(checkBesideAxis(c, indices, axis));
  c.set(0, c.e.op(Opcode::GatherElements, {data, indices}, data.dtype, indices.shape,
                  attributesOf({{"axis", int64_t{axis}}})));
  return {};
}

Status buildGatherNd(Context& c) {
  const Tensor& data = c.in(0);
  const Tensor& indices = c.in(1);
  QT_CHECK(c.rankAtLeast(0, 1));
  QT_CHECK(c.rankAtLeast(1, 1));
  QT_CHECK(checkIndices(c, indices));
  const int64_t batch = c.integer("batch_dims", 0);
  const Dim& last = indices.shape.back();
  if (!last.isConstant()) return c.failUnsupported("the last extent of the indices is open");
  const int64_t depth = last.value();
  if (batch < 0 || batch >= indices.rank() || depth < 1 || batch + depth > data.rank()) {
    return c.fail("indices of shape " + str(indices.shape) + " with batch_dims " +
                  std::to_string(batch) + " do not fit data of shape " + str(data.shape));
  }
  for (int64_t i = 0; i < batch; ++i) {
    QT_CHECK(c.agree(data.shape[static_cast<size_t>(i)], indices.shape[static_cast<size_t>(i)],
                     "batch extents of data and indices"));
  }
  Dims shape(indices.shape.begin(), indices.shape.end() - 1);
  shape.insert(shape.end(), data.shape.begin() + batch + depth, data.shape.end());
  c.set(0, c.e.op(Opcode::GatherNd, {data, indices}, data.dtype, shape,
                  attributesOf({{"batch_dims", batch}})));
  return {};
}

}  // namespace quartet::frontend
