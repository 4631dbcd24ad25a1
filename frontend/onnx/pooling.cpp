#include <cmath>
#include <numeric>

#include "frontend/onnx/builders.h"
#include "frontend/onnx/pooling_indices.h"
#include "frontend/onnx/spatial.h"

namespace quartet::frontend {

using ir::Dim;
using ir::Dims;
using ir::DType;
using ir::Ints;
using ir::Opcode;

namespace {

struct Pool {
  Spatial spatial;
  std::vector<int64_t> paddedEnd;  // end pads before ceil_mode lengthened them
  Dims out;                        // the whole shape of the result
};

Result<Pool> readPool(const Context& c) {
  QT_CHECK(c.rankAtLeast(0, 3));
  QT_CHECK(c.require("kernel_shape"));
  const Tensor& x = c.in(0);
  const auto kernel = c.integers("kernel_shape", {});
  if (static_cast<int>(kernel.size()) != x.rank() - 2) {
    return c.fail("attribute 'kernel_shape' has " + std::to_string(kernel.size()) +
                  " entries, the input has " + std::to_string(x.rank() - 2) + " spatial axes");
  }
  Pool pool;
  pool.spatial = QT_TRY(readSpatial(c, kernel));
  QT_CHECK(resolveAutoPad(c, spatialExtents(x), pool.spatial));
  pool.paddedEnd = pool.spatial.end;
  QT_CHECK(applyCeilMode(c, spatialExtents(x), pool.spatial));
  const Dims extents = QT_TRY(outputExtents(c, spatialExtents(x), pool.spatial));
  pool.out = {x.shape[0], x.shape[1]};
  pool.out.insert(pool.out.end(), extents.begin(), extents.end());
  return pool;
}

// The window op over all axes of x: batch and channel are windows of one.
Tensor window(Emitter& e, Opcode fn, const Tensor& x, const Spatial& spatial, const Dims& out) {
  const auto widen = [](const std::vector<int64_t>& values, int64_t filler) {
    Ints all = {filler, filler};
    all.insert(all.end(), values.begin(), values.end());
    return all;
  };
  Ints pads = widen(spatial.begin, 0);
  const Ints end = widen(spatial.end, 0);
  pads.insert(pads.end(), end.begin(), end.end());
  return e.op(Opcode::Window, {x}, x.dtype, out,
              attributesOf({{"fn", fn},
                            {"window", widen(spatial.kernel, 1)},
                            {"strides", widen(spatial.strides, 1)},
                            {"dilations", widen(spatial.dilations, 1)},
                            {"pads", pads}}));
}

// How many positions of each window along one axis lie in [low, high).
std::vector<double> countsAlong(const Spatial& s, size_t axis, int64_t out, int64_t low,
                                int64_t high) {
  std::vector<double> counts(static_cast<size_t>(out), 0);
  for (int64_t o = 0; o < out; ++o) {
    for (int64_t k = 0; k < s.kernel[axis]; ++k) {
      const int64_t at = o * s.strides[axis] - s.begin[axis] + k * s.dilations[axis];
      if (at >= low && at < high) ++counts[static_cast<size_t>(o)];
    }
  }
  return counts;
}

// 1 / (number of positions that each window averages), broadcasting over batch and channel.
Tensor reciprocalCounts(Context& c, const Pool& pool, bool includePads) {
  const Tensor& x = c.in(0);
  const Spatial& s = pool.spatial;
  std::vector<double> factors = {1};
  std::vector<int64_t> shape;
  for (size_t i = 0; i < s.rank(); ++i) {
    const int64_t out = pool.out[i + 2].value();
    const int64_t extent = x.shape[i + 2].value();
    const auto counts = includePads
                            ? countsAlong(s, i, out, -s.begin[i], extent + pool.paddedEnd[i])
                            : countsAlong(s, i, out, 0, extent);
    std::vector<double> next;
    for (const double factor : factors) {
      for (const double count : counts) next.push_back(count > 0 ? factor / count : 0);
    }
    factors = std::move(next);
    shape.push_back(out);
  }
  std::vector<std::byte> bytes;
  for (const double factor : factors) {
    const auto element = encode(x.dtype, factor);
    bytes.insert(bytes.end(), element.begin(), element.end());
  }
  return c.e.constant(ir::makeConstant(x.dtype, shape, std::move(bytes)));
}

// Every window averages the whole kernel.
bool uniformCount(const Pool& pool, bool includePads) {
  const Spatial& s = pool.spatial;
  if (s.end != pool.paddedEnd) return false;
  if (includePads) return true;
  return s.pads() == Ints(2 * s.rank(), 0);
}

// The table of every position of every window of an image.
Status checkPositions(const Context& c, const Pool& pool) {
  std::vector<int64_t> extents = pool.spatial.kernel;
  for (size_t i = 2; i < pool.out.size(); ++i) extents.push_back(pool.out[i].value());
  return c.tableFits(extents, "the list of positions that the second output chooses from");
}

// The table of factors, and the positions gone through to count them.
Status checkCounts(const Context& c, const Pool& pool) {
  std::vector<int64_t> extents;
  for (size_t i = 0; i < pool.spatial.rank(); ++i) {
    extents.push_back(pool.out[i + 2].value());
    QT_CHECK(c.tableFits({extents.back(), pool.spatial.kernel[i]}, "the positions of an axis"));
  }
  return c.tableFits(extents, "the number of positions in each window");
}

}  // namespace

Status buildMaxPool(Context& c) {
  const Pool pool = QT_TRY(readPool(c));
  if (c.wants(1)) {
    if (!constantCount(c.in(0).shape)) {
      return c.failUnsupported("the second output (indices) needs all extents",
                               "pin the shapes of the inputs with --shape");
    }
    QT_CHECK(checkPositions(c, pool));
    const bool columnMajor = c.integer("storage_order", 0) != 0;
    c.set(1, largestPositions(c.e, c.in(0), pool.spatial, pool.out, columnMajor));
  }
  c.set(0, window(c.e, Opcode::Max, c.in(0), pool.spatial, pool.out));
  return {};
}

Status buildAveragePool(Context& c) {
  Emitter& e = c.e;
  const Tensor& x = c.in(0);
  const Pool pool = QT_TRY(readPool(c));
  const bool includePads = c.integer("count_include_pad", 0) != 0;
  const Tensor sum = window(e, Opcode::Add, x, pool.spatial, pool.out);
  if (uniformCount(pool, includePads)) {
    double size = 1;
    for (const int64_t extent : pool.spatial.kernel) size *= static_cast<double>(extent);
    c.set(0, e.mul(sum, 1 / size));
  } else if (constantCount(spatialExtents(x))) {
    QT_CHECK(checkCounts(c, pool));
    c.set(0, e.mul(sum, reciprocalCounts(c, pool, includePads)));
  } else {
    Dims ones = x.shape;
    Dims out = pool.out;
    ones[0] = ones[1] = out[0] = out[1] = Dim(1);
    const Tensor inside = e.broadcast(e.number(x.dtype, 1), ones);
    c.set(0, e.div(sum, window(e, Opcode::Add, inside, pool.spatial, out)));
  }
  return {};
}

namespace {

// |x|^p summed by `sum`, to the power 1/p.
template <class Sum>
Tensor lpNorm(Emitter& e, const Tensor& x, int64_t p, const Sum& sum) {
  const Tensor magnitude = e.unary(Opcode::Abs, x);
  if (p == 1) return sum(magnitude);
  if (p == 2) return e.unary(Opcode::Sqrt, sum(e.mul(x, x)));
  const auto power = static_cast<double>(p);
  const Tensor powers = e.scalar(Opcode::Pow, {magnitude, e.number(x.dtype, power)});
  return e.scalar(Opcode::Pow, {sum(powers), e.number(x.dtype, 1 / power)});
}

std::vector<int> spatialAxes(const Tensor& x) {
  std::vector<int> axes(static_cast<size_t>(x.rank() - 2));
  std::iota(axes.begin(), axes.end(), 2);
  return axes;
}

Result<int64_t> readP(const Context& c) {
  const int64_t p = c.integer("p", 2);
  if (p < 1) return c.fail("attribute 'p' is " + std::to_string(p) + ", required is 1 or more");
  return p;
}

}  // namespace

Status buildLpPool(Context& c) {
  const Pool pool = QT_TRY(readPool(c));
  const int64_t p = QT_TRY(readP(c));
  c.set(0, lpNorm(c.e, c.in(0), p, [&](const Tensor& x) {
          return window(c.e, Opcode::Add, x, pool.spatial, pool.out);
        }));
  return {};
}

Status buildGlobalAveragePool(Context& c) {
  QT_CHECK(c.rankAtLeast(0, 2));
  c.set(0, c.e.meanKeep(c.in(0), spatialAxes(c.in(0))));
  return {};
}

Status buildGlobalMaxPool(Context& c) {
  QT_CHECK(c.rankAtLeast(0, 2));
  c.set(0, c.e.reduceKeep(Opcode::Max, c.in(0), spatialAxes(c.in(0))));
  return {};
}

Status buildGlobalLpPool(Context& c) {
  QT_CHECK(c.rankAtLeast(0, 2));
  const int64_t p = QT_TRY(readP(c));
  c.set(0, lpNorm(c.e, c.in(0), p,
                  [&](const Tensor& x) { return c.e.reduceKeep(Opcode::Add, x, spatialAxes(x)); }));
  return {};
}

}  // namespace quartet::frontend
