// Resize and Upsample: per axis, a sum of gathers with constant index tables and weights.
#include <algorithm>
#include <cmath>
#include <numeric>

#include "frontend/onnx/builders.h"
#include "frontend/onnx/widen.h"

namespace quartet::frontend {

using ir::Dim;
using ir::Dims;
using ir::DType;

namespace {

struct Options {
  std::string mode = "nearest";  // nearest, linear, cubic
  std::string coordinates = "half_pixel";
  std::string nearest = "round_prefer_floor";
  double cubicA = -0.75;
  double extrapolation = 0;
  bool excludeOutside = false;
  bool antialias = false;
};

// One resized axis.
struct Axis {
  int axis;
  int64_t in;
  int64_t out;
  double scale;
  bool scaled;  // by a given scale, not to a given size
  double roiStart = 0;
  double roiEnd = 1;
};

double coordinate(const Options& o, const Axis& a, int64_t index) {
  const auto x = static_cast<double>(index);
  const auto in = static_cast<double>(a.in);
  const auto out = static_cast<double>(a.out);
  if (o.coordinates == "asymmetric") return x / a.scale;
  if (o.coordinates == "align_corners") {
    // The resized length is scale * in: with scales it need not be the extent of the result.
    const double length = a.scaled ? a.scale * in : out;
    return out <= 1 ? 0 : x * (in - 1) / (length - 1);
  }
  if (o.coordinates == "pytorch_half_pixel") return out > 1 ? (x + 0.5) / a.scale - 0.5 : 0;
  if (o.coordinates == "tf_half_pixel_for_nn") return (x + 0.5) / a.scale;
  if (o.coordinates == "tf_crop_and_resize") {
    if (out <= 1) return 0.5 * (a.roiStart + a.roiEnd) * (in - 1);
    return a.roiStart * (in - 1) + x * (a.roiEnd - a.roiStart) * (in - 1) / (out - 1);
  }
  if (o.coordinates == "half_pixel_symmetric") {
    const double adjustment = out / (a.scale * in);
    const double offset = in / 2 * (1 - adjustment);
    return offset + (x + 0.5) / a.scale - 0.5;
  }
  return (x + 0.5) / a.scale - 0.5;  // half_pixel
}

double nearestIndex(const Options& o, double x) {
  if (o.nearest == "floor") return std::floor(x);
  if (o.nearest == "ceil") return std::ceil(x);
  if (o.nearest == "round_prefer_ceil") return std::floor(x + 0.5);
  return std::ceil(x - 0.5);
}

double kernelWeight(const Options& o, double distance) {
  const double d = std::fabs(distance);
  if (o.mode == "linear") return std::max(0.0, 1 - d);
  const double a = o.cubicA;
  if (d <= 1) return ((a + 2) * d - (a + 3)) * d * d + 1;
  if (d < 2) return ((a * d - 5 * a) * d + 8 * a) * d - 4 * a;
  return 0;
}

// For every output position, `taps` pairs of an index and a weight.
struct Table {
  int64_t taps = 1;
  std::vector<std::vector<int64_t>> indices;  // [tap][position]
  std::vector<std::vector<double>> weights;
  std::vector<bool> outside;  // tf_crop_and_resize: takes the extrapolation value
};

void fillPosition(const Options& o, const Axis& a, double x, size_t position, Table& table) {
  // Antialiasing widens the kernel when an axis shrinks.
  const double stretch = o.antialias ? std::max(1.0, 1 / a.scale) : 1.0;
  const double reach = (o.mode == "linear" ? 1.0 : 2.0) * stretch;
  const double first = std::floor(x) - std::ceil(reach) + 1;
  double sum = 0;
  for (size_t tap = 0; tap < table.indices.size(); ++tap) {
    const double at = first + static_cast<double>(tap);
    const bool inside = at >= 0 && at < static_cast<double>(a.in);
    double weight = kernelWeight(o, (at - x) / stretch);
    if (!inside && o.excludeOutside) weight = 0;
    sum += weight;
    table.weights[tap][position] = weight;
    table.indices[tap][position] =
        static_cast<int64_t>(std::clamp(at, 0.0, static_cast<double>(a.in - 1)));
  }
  if (sum == 0) return;
  for (auto& weights : table.weights) weights[position] /= sum;
}

// Elements that one of the result is made of.
double tapsOf(const Options& o, const Axis& a) {
  if (o.mode == "nearest") return 1;
  const double stretch = o.antialias ? std::max(1.0, 1 / a.scale) : 1.0;
  return 2 * std::ceil((o.mode == "linear" ? 1.0 : 2.0) * stretch);
}

Table makeTable(const Options& o, const Axis& a) {
  const auto positions = static_cast<size_t>(a.out);
  Table table;
  table.taps = static_cast<int64_t>(tapsOf(o, a));
  table.indices.assign(static_cast<size_t>(table.taps), std::vector<int64_t>(positions));
  table.weights.assign(static_cast<size_t>(table.taps), std::vector<double>(positions, 1));
  table.outside.assign(positions, false);
  for (size_t i = 0; i < positions; ++i) {
    const double x = coordinate(o, a, static_cast<int64_t>(i));
    const auto last = static_cast<double>(a.in - 1);
    table.outside[i] = o.coordinates == "tf_crop_and_resize" && (x < 0 || x > last);
    if (o.mode == "nearest") {
      table.indices[0][i] = static_cast<int64_t>(std::clamp(nearestIndex(o, x), 0.0, last));
    } else {
      fillPosition(o, a, x, i, table);
    }
  }
  return table;
}

// A constant along one axis of a tensor of `rank`.
Tensor along(Emitter& e, DType dtype, const std::vector<double>& values, int axis, int rank) {
  std::vector<std::byte> bytes;
  for (const double value : values) {
    const auto element = encode(dtype, value);
    bytes.insert(bytes.end(), element.begin(), element.end());
  }
  ir::Ints shape(static_cast<size_t>(rank), 1);
  shape[static_cast<size_t>(axis)] = static_cast<int64_t>(values.size());
  return e.constant(ir::makeConstant(dtype, shape, std::move(bytes)));
}

Tensor resizeAxis(Emitter& e, const Tensor& x, const Options& o, const Axis& a) {
  const Table table = makeTable(o, a);
  const bool allZero = std::all_of(table.indices[0].begin(), table.indices[0].end(),
                                   [](int64_t i) { return i == 0; });
  Tensor sum;
  for (size_t tap = 0; tap < table.indices.size(); ++tap) {
    Tensor part = x;
    if (o.mode != "nearest" || a.in != 1 || !allZero) {
      part = e.gather(x, e.ints(table.indices[tap]), a.axis);
    } else {
      Dims shape = x.shape;
      shape[static_cast<size_t>(a.axis)] = Dim(a.out);
      part = e.broadcast(x, shape);
    }
    if (o.mode != "nearest") {
      part = e.mul(part, along(e, x.dtype, table.weights[tap], a.axis, x.rank()));
    }
    sum = tap == 0 ? part : e.add(sum, part);
  }
  if (std::find(table.outside.begin(), table.outside.end(), true) != table.outside.end()) {
    const std::vector<double> mask(table.outside.begin(), table.outside.end());
    const Tensor outside = along(e, DType::Bool, mask, a.axis, x.rank());
    sum = e.select(outside, e.number(x.dtype, o.extrapolation), sum);
  }
  return sum;
}

// ---- Attributes and inputs ----

Result<Options> readOptions(const Context& c) {
  Options o;
  o.mode = c.text("mode", "nearest");
  if (o.mode == "bilinear") o.mode = "linear";
  if (o.mode != "nearest" && o.mode != "linear" && o.mode != "cubic") {
    return c.fail("attribute 'mode' is '" + o.mode + "', required is nearest, linear or cubic");
  }
  const bool first = c.node.type == "Upsample" || c.opset < 11;
  o.coordinates = first ? "asymmetric" : c.text("coordinate_transformation_mode", "half_pixel");
  o.nearest = first ? "floor" : c.text("nearest_mode", "round_prefer_floor");
  static const std::vector<std::string> kCoordinates = {
      "half_pixel", "half_pixel_symmetric", "pytorch_half_pixel", "align_corners",
      "asymmetric", "tf_half_pixel_for_nn", "tf_crop_and_resize"};
  if (std::find(kCoordinates.begin(), kCoordinates.end(), o.coordinates) == kCoordinates.end()) {
    return c.fail("attribute 'coordinate_transformation_mode' is '" + o.coordinates + "'");
  }
  static const std::vector<std::string> kNearest = {"round_prefer_floor", "round_prefer_ceil",
                                                    "floor", "ceil"};
  if (std::find(kNearest.begin(), kNearest.end(), o.nearest) == kNearest.end()) {
    return c.fail("attribute 'nearest_mode' is '" + o.nearest + "'");
  }
  o.cubicA = c.number("cubic_coeff_a", -0.75);
  o.extrapolation = c.number("extrapolation_value", 0);
  o.excludeOutside = c.integer("exclude_outside", 0) != 0;
  o.antialias = c.integer("antialias", 0) != 0;
  return o;
}

// The extents and scales that the node asks for, per entry of `axes`.
struct Target {
  std::vector<int64_t> axes;
  std::vector<double> scales;  // or
  std::vector<int64_t> sizes;  // one of both is empty
  std::vector<double> roi;
};

bool given(const Context& c, int i) { return c.has(i) && constantCount(c.in(i).shape) != 0; }

Result<Target> readTarget(const Context& c) {
  Target t;
  t.axes = c.integers("axes", {});
  if (t.axes.empty()) {
    t.axes.resize(c.in(0).shape.size());
    std::iota(t.axes.begin(), t.axes.end(), 0);
  }
  if (c.node.type == "Upsample" && c.opset < 9) {
    QT_CHECK(c.require("scales"));
    t.scales = c.numbers("scales", {});
  } else if (c.node.type == "Upsample" || c.opset < 11) {
    t.scales = QT_TRY(c.numbers(1, "the list of scales"));
  } else {
    if (c.text("coordinate_transformation_mode", "") == "tf_crop_and_resize" && given(c, 1)) {
      t.roi = QT_TRY(c.numbers(1, "the region of interest"));
    }
    if (given(c, 2)) t.scales = QT_TRY(c.numbers(2, "the list of scales"));
    if (given(c, 3)) t.sizes = QT_TRY(c.integers(3, "the list of sizes"));
    if (t.scales.empty() == t.sizes.empty()) {
      return c.fail("exactly one of scales and sizes must be given");
    }
  }
  const size_t entries = t.scales.empty() ? t.sizes.size() : t.scales.size();
  if (entries != t.axes.size()) {
    return c.fail(std::to_string(entries) + " scales or sizes for " +
                  std::to_string(t.axes.size()) + " axes");
  }
  if (!t.roi.empty() && t.roi.size() != 2 * t.axes.size()) {
    return c.fail("the region of interest has " + std::to_string(t.roi.size()) + " entries");
  }
  return t;
}

// keep_aspect_ratio_policy: one scale for all axes, the smallest or the largest of those asked for.
Status applyPolicy(const Context& c, Target& t) {
  const std::string policy = c.text("keep_aspect_ratio_policy", "stretch");
  if (policy == "stretch" || t.sizes.empty()) return {};
  if (policy != "not_larger" && policy != "not_smaller") {
    return c.fail("attribute 'keep_aspect_ratio_policy' is '" + policy + "'");
  }
  double scale = policy == "not_larger" ? INFINITY : 0;
  std::vector<double> extents;
  for (size_t i = 0; i < t.axes.size(); ++i) {
    const auto axis = static_cast<size_t>(QT_TRY(c.axis(t.axes[i], c.in(0).rank())));
    const Dim& extent = c.in(0).shape[axis];
    if (!extent.isConstant()) {
      return c.failUnsupported("the extent " + extent.str() + " is open", "pin it with --shape");
    }
    extents.push_back(static_cast<double>(extent.value()));
    const double wanted = static_cast<double>(t.sizes[i]) / extents.back();
    scale = policy == "not_larger" ? std::min(scale, wanted) : std::max(scale, wanted);
  }
  constexpr double kBeyond = 1e18;  // an int64 that no extent can be
  for (size_t i = 0; i < t.axes.size(); ++i) {
    t.sizes[i] = static_cast<int64_t>(std::min(std::floor(extents[i] * scale + 0.5), kBeyond));
  }
  t.scales.assign(t.axes.size(), scale);
  return {};
}

Result<Axis> readAxis(const Context& c, const Target& t, size_t entry) {
  constexpr double kMaxExtent = 1e9;
  Axis a{};
  a.axis = QT_TRY(c.axis(t.axes[entry], c.in(0).rank()));
  const Dim& extent = c.in(0).shape[static_cast<size_t>(a.axis)];
  const bool hasScale = !t.scales.empty();
  if (hasScale && !(t.scales[entry] > 0)) {
    return c.fail("scale " + std::to_string(t.scales[entry]) + " is not positive");
  }
  if (!extent.isConstant()) {
    a.in = a.out = -1;  // left as it is
    if (hasScale && t.scales[entry] == 1) return a;
    return c.failUnsupported("the extent " + extent.str() + " is open", "pin it with --shape");
  }
  a.in = extent.value();
  a.roiEnd = 1;
  if (!t.roi.empty()) {
    a.roiStart = t.roi[entry];
    a.roiEnd = t.roi[entry + t.axes.size()];
  }
  const auto in = static_cast<double>(a.in);
  if (t.sizes.empty()) {
    const bool crops = !t.roi.empty();
    const double wanted = in * t.scales[entry] * (crops ? a.roiEnd - a.roiStart : 1);
    if (!(wanted >= 0 && wanted < kMaxExtent)) return c.fail("the extent of the result overflows");
    a.out = static_cast<int64_t>(std::floor(wanted));
    a.scale = t.scales[entry];
    a.scaled = true;
  } else {
    a.out = t.sizes[entry];
    if (a.out < 0 || static_cast<double>(a.out) > kMaxExtent) {
      return c.fail("size " + std::to_string(a.out) + " is out of range");
    }
    a.scale = hasScale ? t.scales[entry] : static_cast<double>(a.out) / std::max(in, 1.0);
  }
  if (a.in == 0 && a.out != 0) return c.fail("an empty axis cannot be resized");
  return a;
}

// Every tap is a gather of the graph, every element of the result an entry of its table.
Status checkTable(const Context& c, const Options& o, const Axis& a) {
  constexpr double kMaxTaps = 4096;
  const double taps = tapsOf(o, a);
  if (!(taps <= kMaxTaps)) {
    return c.failUnsupported("axis " + std::to_string(a.axis) + " shrinks by so much that " +
                             std::to_string(taps) + " elements make one, at most " +
                             std::to_string(static_cast<int64_t>(kMaxTaps)) + " can");
  }
  return c.tableFits({static_cast<int64_t>(taps), a.out},
                     "the interpolation of axis " + std::to_string(a.axis));
}

// Back in the dtype of the input. Integers are rounded to nearest, ties to even, and saturate, as
// ONNX's reference evaluator does; ONNX Runtime cuts the fraction off.
Tensor deinterpolated(Emitter& e, const Tensor& x, DType dtype) {
  if (x.dtype == dtype) return x;
  return e.cast(ir::isInteger(dtype) ? e.unary(ir::Opcode::Round, x) : x, dtype);
}

Status resize(Context& c) {
  const Options o = QT_TRY(readOptions(c));
  Target t = QT_TRY(readTarget(c));
  QT_CHECK(applyPolicy(c, t));
  const DType dtype = c.in(0).dtype;
  const DType computed = o.mode == "nearest" ? dtype : realType(dtype);
  Tensor x = c.in(0);
  for (size_t i = 0; i < t.axes.size(); ++i) {
    const Axis a = QT_TRY(readAxis(c, t, i));
    const bool crops = o.coordinates == "tf_crop_and_resize" && (a.roiStart != 0 || a.roiEnd != 1);
    if (a.in == a.out && !crops && (a.scale == 1 || a.in <= 0)) continue;
    if (a.out == 0) {
      x = c.e.sliceAxis(x, a.axis, 0, Dim(0));
      continue;
    }
    QT_CHECK(checkTable(c, o, a));
    x = resizeAxis(c.e, c.e.cast(x, computed), o, a);
  }
  c.set(0, deinterpolated(c.e, x, dtype));
  return {};
}

}  // namespace

Status buildUpsample(Context& c) { return resize(c); }
Status buildResize(Context& c) { return resize(c); }

}  // namespace quartet::frontend
