// Fourier transforms as contractions and convolutions with tables, window functions.
#include <cmath>
#include <numbers>

#include "frontend/onnx/builders.h"
#include "frontend/onnx/element_type.h"

namespace quartet::frontend {

using ir::Dim;
using ir::Dims;
using ir::DType;
using ir::Ints;
using ir::Opcode;

namespace {

/// One number that must be known at import.
Result<int64_t> single(const Context& c, int i, std::string_view what) {
  const auto given = QT_TRY(c.integers(i, what));
  if (given.size() != 1) return c.fail(std::string(what) + " must be one number");
  return given[0];
}

/// How the parts (re, im) of an input become those of output (re, im): exp(sign * i * angle).
double factor(double angle, double sign, int64_t from, int64_t to) {
  if (from == to) return std::cos(angle);
  return (to == 1 ? sign : -sign) * std::sin(angle);
}

/// The angle of element n in bin k of a transform of `length` elements; n * k is reduced first, so
/// that large products lose nothing.
double angleOf(int64_t n, int64_t k, int64_t length) {
  return 2 * std::numbers::pi * static_cast<double>(n * k % length) / static_cast<double>(length);
}

Tensor table(Emitter& e, DType dtype, const Ints& shape, const std::vector<double>& values) {
  return e.cast(e.constant(ir::makeConstant(DType::F64, shape, values)), dtype);
}

/// 1 or 2 numbers per element: real or complex.
Result<int64_t> partsOf(const Context& c, const Tensor& x) {
  const auto parts = x.shape.back().constant();
  if (parts && (*parts == 1 || *parts == 2)) return *parts;
  return c.fail("the last axis has extent " + x.shape.back().str() +
                ", required is 1 (real) or 2 (complex)");
}

}  // namespace

Status buildStft(Context& c) {
  Emitter& e = c.e;
  QT_CHECK(c.rankAtLeast(0, 2));
  Tensor x = c.in(0);
  if (x.rank() == 2) x = e.reshape(x, {x.shape[0], x.shape[1], Dim(1)});
  if (x.rank() != 3) return c.fail("the signal has rank " + std::to_string(x.rank()));
  const int64_t parts = QT_TRY(partsOf(c, x));
  const int64_t step = QT_TRY(single(c, 1, "the step between frames"));
  if (!c.has(2) && !c.has(3)) return c.fail("neither a window nor a frame length is given");
  if (c.has(2)) QT_CHECK(c.rankIs(2, 1));
  int64_t length = 0;
  if (c.has(3)) {
    length = QT_TRY(single(c, 3, "the frame length"));
  } else {
    if (!c.in(2).shape[0].isConstant()) return c.failUnsupported("the window's length is open");
    length = c.in(2).shape[0].value();
  }
  if (length < 1 || step < 1) {
    return c.fail("frames of " + std::to_string(length) + " elements, " + std::to_string(step) +
                  " apart: both must be positive");
  }
  const Dim rest = x.shape[1] - Dim(length);
  if (rest.isConstant() && rest.value() < 0) {
    return c.fail("frames of " + std::to_string(length) + " elements do not fit into a signal of " +
                  x.shape[1].str());
  }
  const bool half = c.integer("onesided", 1) != 0 && parts == 1;
  const int64_t bins = half ? length / 2 + 1 : length;
  QT_CHECK(c.tableFits({bins, 2, parts, length}, "the transform of a frame"));
  // Weights [bins x (re, im), parts, length] of a convolution along the signal.
  std::vector<double> weights;
  for (int64_t k = 0; k < bins; ++k) {
    for (int64_t to = 0; to < 2; ++to) {
      for (int64_t from = 0; from < parts; ++from) {
        for (int64_t n = 0; n < length; ++n) {
          weights.push_back(factor(angleOf(n, k, length), -1, from, to));
        }
      }
    }
  }
  Tensor kernel = table(e, x.dtype, {2 * bins, parts, length}, weights);
  if (c.has(2)) {
    QT_CHECK(c.sameDType({x, c.in(2)}));
    QT_CHECK(c.agree(c.in(2).shape[0], Dim(length), "the window's length and the frame length"));
    kernel = e.mul(kernel, e.reshape(c.in(2), {Dim(1), Dim(1), Dim(length)}));
  }
  const Dim frames = Dim::floorDiv(rest, Dim(step)) + Dim(1);
  const Tensor out = e.op(Opcode::Conv, {e.transpose(x, {0, 2, 1}), kernel}, x.dtype,
                          {x.shape[0], Dim(2 * bins), frames},
                          attributesOf({{"strides", Ints{step}},
                                        {"dilations", Ints{1}},
                                        {"pads", Ints{0, 0}},
                                        {"group", int64_t{1}}}));
  c.set(0, e.reshape(e.transpose(out, {0, 2, 1}), {x.shape[0], frames, Dim(bins), Dim(2)}));
  return {};
}

namespace {

/// Cuts or fills the axis with zeros.
Tensor withExtent(Emitter& e, const Tensor& x, int axis, int64_t have, int64_t want) {
  if (want <= have) return e.sliceAxis(x, axis, 0, Dim(want));
  const Ints none(static_cast<size_t>(x.rank()), 0);
  Ints end = none;
  end[static_cast<size_t>(axis)] = want - have;
  return e.pad(x, e.number(x.dtype, 0), "constant", none, end);
}

/// x with `axis` and the parts contracted with a table [axis, parts, axis out, parts out].
Tensor transformed(Emitter& e, const Tensor& x, int axis, const Tensor& weights) {
  const int last = x.rank() - 1;
  Ints labels;
  for (int i = 0; i <= last; ++i) labels.push_back(i);
  Ints out = labels;
  out[static_cast<size_t>(axis)] = last + 1;
  out.back() = last + 2;
  return e.contract(x, labels, weights, {axis, last, last + 1, last + 2}, out);
}

/// The real signal whose transform's first half (`have` bins) is `x`.
Status realInverse(Context& c, const Tensor& x, int axis, int64_t have) {
  if (x.shape.back() != Dim(2)) return c.fail("half a spectrum has complex elements");
  int64_t length = 2 * (have - 1);
  if (c.has(1)) length = QT_TRY(single(c, 1, "the length of the transform"));
  if (length < 1) return c.fail("the transform has the length " + std::to_string(length));
  const int64_t bins = length / 2 + 1;
  QT_CHECK(c.tableFits({bins, 2, length}, "the transform"));
  std::vector<double> weights;  // [bins, (re, im), length, 1]
  for (int64_t k = 0; k < bins; ++k) {
    // All bins but the first and, of an even length, the last stand for their mirror images too.
    const double twice = k == 0 || 2 * k == length ? 1 : 2;
    for (int64_t from = 0; from < 2; ++from) {
      for (int64_t n = 0; n < length; ++n) {
        const double weight = twice / static_cast<double>(length);
        weights.push_back(weight * factor(angleOf(n, k, length), 1, from, 0));
      }
    }
  }
  const Tensor spectrum = withExtent(c.e, x, axis, have, bins);
  c.set(0, transformed(c.e, spectrum, axis, table(c.e, x.dtype, {bins, 2, length, 1}, weights)));
  return {};
}

Status dft(Context& c, int axis) {
  Emitter& e = c.e;
  Tensor x = c.in(0);
  const int64_t parts = QT_TRY(partsOf(c, x));
  const int last = x.rank() - 1;
  if (axis == last) return c.fail("the transformed axis is the last one, which holds (re, im)");
  const auto have = x.shape[static_cast<size_t>(axis)].constant();
  if (!have) return c.failUnsupported("the transformed axis is open", "pin it with --shape");
  const bool inverse = c.integer("inverse", 0) != 0;
  const bool half = c.integer("onesided", 0) != 0;
  if (inverse && half) return realInverse(c, x, axis, *have);
  const int64_t length = c.has(1) ? QT_TRY(single(c, 1, "the length of the transform")) : *have;
  if (length < 1) return c.fail("the transform has the length " + std::to_string(length));
  const int64_t bins = half ? length / 2 + 1 : length;
  QT_CHECK(c.tableFits({length, parts, bins, 2}, "the transform"));
  x = withExtent(e, x, axis, *have, length);
  const double scale = inverse ? 1.0 / static_cast<double>(length) : 1.0;
  std::vector<double> weights;  // [length, parts, bins, (re, im)]
  for (int64_t n = 0; n < length; ++n) {
    for (int64_t from = 0; from < parts; ++from) {
      for (int64_t k = 0; k < bins; ++k) {
        for (int64_t to = 0; to < 2; ++to) {
          weights.push_back(scale * factor(angleOf(n, k, length), inverse ? 1 : -1, from, to));
        }
      }
    }
  }
  c.set(0, transformed(e, x, axis, table(e, x.dtype, {length, parts, bins, 2}, weights)));
  return {};
}

}  // namespace

Status buildDftAttribute(Context& c) {
  QT_CHECK(c.rankAtLeast(0, 2));
  const int axis = QT_TRY(c.axis(c.integer("axis", 1), c.in(0).rank()));
  return dft(c, axis);
}

Status buildDft(Context& c) {
  QT_CHECK(c.rankAtLeast(0, 2));
  int64_t given = -2;
  if (c.has(2)) given = QT_TRY(single(c, 2, "the axis"));
  const int axis = QT_TRY(c.axis(given, c.in(0).rank()));
  return dft(c, axis);
}

namespace {

/// sum of coefficients[k] * cos(2 pi k n / period).
Status cosineWindow(Context& c, const std::vector<double>& coefficients) {
  const int64_t size = QT_TRY(single(c, 0, "the window's size"));
  if (size < 0) return c.fail("the window's size is " + std::to_string(size));
  QT_CHECK(c.tableFits({size}, "the window"));
  const int64_t type = c.integer("output_datatype", 1);
  const auto dtype = elementType(type);
  if (!dtype) return c.failUnsupported("element type " + elementTypeName(type));
  const auto period = static_cast<double>(c.integer("periodic", 1) != 0 ? size : size - 1);
  std::vector<double> values;
  for (int64_t n = 0; n < size; ++n) {
    double value = 0;
    for (size_t k = 0; k < coefficients.size(); ++k) {
      const double angle = 2 * std::numbers::pi * static_cast<double>(k) * static_cast<double>(n);
      value += coefficients[k] * std::cos(period == 0 ? 0 : angle / period);
    }
    values.push_back(value);
  }
  c.set(0, table(c.e, *dtype, {size}, values));
  return {};
}

}  // namespace

Status buildHannWindow(Context& c) { return cosineWindow(c, {0.5, -0.5}); }
Status buildHammingWindow(Context& c) { return cosineWindow(c, {25.0 / 46, -21.0 / 46}); }
Status buildBlackmanWindow(Context& c) { return cosineWindow(c, {0.42, -0.5, 0.08}); }

Status buildMelWeightMatrix(Context& c) {
  const int64_t mels = QT_TRY(single(c, 0, "the number of mel bins"));
  const int64_t length = QT_TRY(single(c, 1, "the length of the transform"));
  const int64_t rate = QT_TRY(single(c, 2, "the sample rate"));
  const auto lower = QT_TRY(c.numbers(3, "the lower edge"));
  const auto upper = QT_TRY(c.numbers(4, "the upper edge"));
  const int64_t type = c.integer("output_datatype", 1);
  const auto dtype = elementType(type);
  if (!dtype) return c.failUnsupported("element type " + elementTypeName(type));
  if (mels < 1 || length < 1 || rate < 1 || lower.size() != 1 || upper.size() != 1) {
    return c.fail(
        "the number of mel bins, the length and the sample rate must be positive, the "
        "edges one number each");
  }
  const int64_t rows = length / 2 + 1;
  QT_CHECK(c.tableFits({rows, mels}, "the matrix"));
  const auto toMel = [](double hertz) { return 2595 * std::log10(1 + hertz / 700); };
  const double low = toMel(lower[0]);
  const double step = (toMel(upper[0]) - low) / static_cast<double>(mels + 2);
  std::vector<int64_t> edges;
  for (int64_t i = 0; i < mels + 2; ++i) {
    const double hertz = 700 * (std::pow(10, (static_cast<double>(i) * step + low) / 2595) - 1);
    const double row =
        std::floor(static_cast<double>(length + 1) * hertz / static_cast<double>(rate));
    if (!(row >= 0 && row < static_cast<double>(rows))) {  // or not a number
      return c.fail("an edge of " + std::to_string(hertz) + " Hz lies outside of the spectrum");
    }
    edges.push_back(static_cast<int64_t>(row));
  }
  std::vector<double> values(static_cast<size_t>(rows * mels), 0.0);
  for (int64_t i = 0; i < mels; ++i) {
    const auto at = [&](int64_t row) -> double& {
      return values[static_cast<size_t>(row * mels + i)];
    };
    const int64_t from = edges[static_cast<size_t>(i)];
    const int64_t center = edges[static_cast<size_t>(i + 1)];
    const int64_t to = edges[static_cast<size_t>(i + 2)];
    if (center == from) at(center) = 1;
    for (int64_t j = from; center > from && j <= center; ++j) {
      at(j) = static_cast<double>(j - from) / static_cast<double>(center - from);
    }
    for (int64_t j = center; j < to; ++j) {
      at(j) = static_cast<double>(to - j) / static_cast<double>(to - center);
    }
  }
  c.set(0, table(c.e, *dtype, {rows, mels}, values));
  return {};
}

}  // namespace quartet::frontend
