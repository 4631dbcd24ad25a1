#include <algorithm>

#include "tests/operators/families.h"

namespace quartet::operators {

namespace {

/// Attributes of windows over the spatial axes of an input.
struct Windows {
  Ints kernel;
  Ints strides;
  Ints dilations;
  Ints pads;

  size_t rank() const { return kernel.size(); }
  int64_t span(size_t i) const { return (kernel[i] - 1) * dilations[i] + 1; }
};

enum class Dilates { No, Yes };

/// Windows that fit into these extents.
Windows anyWindows(Draft& d, const Ints& extents, Dilates dilates) {
  Windows w;
  w.pads.assign(2 * extents.size(), 0);
  for (const int64_t extent : extents) {
    const int64_t dilation = dilates == Dilates::Yes && d.chance(0.25) ? 2 : 1;
    const int64_t most = std::min<int64_t>((extent - 1) / dilation + 1, 5);
    w.kernel.push_back(d.between(1, most));
    w.dilations.push_back(dilation);
    w.strides.push_back(d.between(1, 3));
  }
  return w;
}

/// Writes strides, dilations and pads, or how to find them.
void writeWindows(Draft& d, Windows& w, bool dilates, bool autoPad) {
  const auto differs = [](const Ints& values, int64_t from) {
    return std::any_of(values.begin(), values.end(), [&](int64_t x) { return x != from; });
  };
  d.maybe("strides", w.strides, differs(w.strides, 1) ? 1 : 0.3);
  if (dilates) d.maybe("dilations", w.dilations, differs(w.dilations, 1) ? 1 : 0.3);
  if (autoPad && !differs(w.dilations, 1) && d.chance(0.3)) {
    d.set("auto_pad", d.random.pick<std::string>({"SAME_UPPER", "SAME_LOWER", "VALID", "NOTSET"}));
    return;
  }
  if (d.chance(0.5)) return;
  for (size_t i = 0; i < w.pads.size(); ++i) w.pads[i] = d.between(0, w.kernel[i % w.rank()] - 1);
  d.set("pads", w.pads);
}

Operand image(Draft& d, Types types, std::optional<DType> dtype = std::nullopt) {
  const int64_t rank = d.random.pick<int64_t>({3, 4, 4, 4, 5});
  return d.operand(
      {.types = types, .dtype = dtype, .minRank = rank, .maxRank = rank, .empty = false});
}

Ints extentsOf(const Operand& x) { return {x.shape.begin() + 2, x.shape.end()}; }

int64_t anyDivisor(Draft& d, int64_t of) {
  Ints divisors;
  for (int64_t i = 1; i <= of; ++i) {
    if (of % i == 0) divisors.push_back(i);
  }
  return d.chance(0.4) ? 1 : d.random.pick(divisors);
}

void bias(Draft& d, DType dtype, int64_t channels) {
  if (d.chance(0.5)) d.operand({.dtype = dtype, .shape = Ints{channels}});
}

}  // namespace

namespace {

/// The weights of a convolution of `x`, and its attributes.
Operand weights(Draft& d, const Operand& x, DType dtype) {
  const int64_t group = anyDivisor(d, x.shape[1]);
  const int64_t out = group * d.between(1, group > 4 ? 2 : 9);
  Windows w = anyWindows(d, extentsOf(x), Dilates::Yes);
  Ints shape{out, x.shape[1] / group};
  shape.insert(shape.end(), w.kernel.begin(), w.kernel.end());
  Operand made = d.operand({.dtype = dtype, .shape = shape});
  d.maybe("group", group, group > 1 ? 1 : 0.3);
  d.maybe("kernel_shape", w.kernel);
  writeWindows(d, w, true, true);
  return made;
}

}  // namespace

void conv(Draft& d) {
  const Operand x = image(d, d.types());
  const Operand w = weights(d, x, x.dtype);
  bias(d, x.dtype, w.shape[0]);
}

void convInteger(Draft& d) {
  const Operand x = image(d, Types::Integer, d.anyByte());
  const Operand w = weights(d, x, d.anyByte());
  if (d.chance(0.3)) return;
  if (d.chance(0.3)) {
    d.leaveOut();
  } else {
    d.operand({.dtype = x.dtype, .shape = Ints{}});
  }
  if (d.chance(0.5)) return;
  d.operand({.dtype = w.dtype, .shape = d.chance(0.5) ? Ints{} : Ints{w.shape[0]}});
}

void convTranspose(Draft& d) {
  const Operand x = image(d, d.types());
  const int64_t group = anyDivisor(d, x.shape[1]);
  const int64_t perGroup = d.between(1, 5);
  Windows w = anyWindows(d, Ints(x.shape.size() - 2, 5), Dilates::Yes);
  Ints shape{x.shape[1], perGroup};
  shape.insert(shape.end(), w.kernel.begin(), w.kernel.end());
  d.operand({.dtype = x.dtype, .shape = shape});
  d.maybe("group", group, group > 1 ? 1 : 0.3);
  d.maybe("kernel_shape", w.kernel);
  d.set("strides", w.strides);
  d.set("dilations", w.dilations);
  const double which = d.random.uniform();
  if (which < 0.2) {
    d.set("auto_pad", d.random.pick<std::string>({"SAME_UPPER", "SAME_LOWER"}));
  } else if (which < 0.4) {
    Ints output;
    for (size_t i = 0; i < w.rank(); ++i) {
      const int64_t full = w.strides[i] * (x.shape[i + 2] - 1) + w.span(i);
      output.push_back(std::max<int64_t>(full - d.between(0, w.span(i) - 1), 1));
    }
    d.set("output_shape", output);
  } else if (which < 0.8) {
    for (size_t i = 0; i < w.pads.size(); ++i) {
      w.pads[i] = d.between(0, (w.span(i % w.rank()) - 1) / 2);
    }
    d.set("pads", w.pads);
    Ints extra;
    for (size_t i = 0; i < w.rank(); ++i) extra.push_back(d.between(0, w.strides[i] - 1));
    d.maybe("output_padding", extra);
  }
  bias(d, x.dtype, perGroup * group);
}

void averagePool(Draft& d) {
  const Operand x = image(d, d.types());
  const bool dilates = d.opset >= 19;
  Windows w = anyWindows(d, extentsOf(x), dilates ? Dilates::Yes : Dilates::No);
  d.set("kernel_shape", w.kernel);
  writeWindows(d, w, dilates, true);
  if (d.opset >= 7) d.maybe("count_include_pad", d.between(0, 1));
  if (d.opset >= 10) d.maybe("ceil_mode", d.between(0, 1));
}

void maxPool(Draft& d) {
  const Operand x = image(d, d.types());
  const bool dilates = d.opset >= 10;
  Windows w = anyWindows(d, extentsOf(x), dilates ? Dilates::Yes : Dilates::No);
  d.set("kernel_shape", w.kernel);
  const bool undilated = std::all_of(w.dilations.begin(), w.dilations.end(),
                                     [](int64_t dilation) { return dilation == 1; });
  // A dilated window can lie in the pads alone, where there is no maximum.
  if (undilated) {
    writeWindows(d, w, dilates, true);
  } else {
    d.set("strides", w.strides);
    d.set("dilations", w.dilations);
  }
  if (d.opset >= 10 && undilated) d.maybe("ceil_mode", d.between(0, 1));
  if (d.opset < 8) return;
  d.maybe("storage_order", d.between(0, 1), 0.3);
  if (d.chance(0.4)) d.outputs({true});
}

void lpPool(Draft& d) {
  const Operand x = image(d, d.types());
  const bool later = d.opset >= 18;
  Windows w = anyWindows(d, extentsOf(x), later ? Dilates::Yes : Dilates::No);
  d.set("kernel_shape", w.kernel);
  writeWindows(d, w, later, true);
  d.maybe("p", d.between(1, 3));
  if (later) d.maybe("ceil_mode", d.between(0, 1));
}

void globalPool(Draft& d) { d.operand({.types = d.types(), .minRank = 3, .empty = false}); }

void globalLpPool(Draft& d) {
  globalPool(d);
  d.maybe("p", d.between(1, 3));
}

namespace {

/// Scales such that the result stays small.
std::vector<double> anyScales(Draft& d, const Ints& shape, size_t axes,
                              const std::vector<double>& factors) {
  std::vector<double> scales;
  for (size_t i = 0; i < axes; ++i) {
    const size_t axis = shape.size() - axes + i;
    const double scale = d.random.pick(factors);
    const bool fits = scale * static_cast<double>(shape[axis]) >= 1 && shape[axis] < 64;
    scales.push_back(fits ? scale : 1);
  }
  return scales;
}

}  // namespace

void upsample(Draft& d) {
  const Operand x = d.operand({.types = d.types(), .minRank = 1, .maxRank = 4, .empty = false});
  const bool linear = x.rank() == 4 && d.chance(0.4);
  const bool rounds = linear && ir::isInteger(x.dtype);
  const std::vector<double> factors =
      rounds ? std::vector<double>{1, 2} : std::vector<double>{1, 1, 1, 2, 1.5, 3};
  std::vector<double> scales = anyScales(d, x.shape, x.shape.size(), factors);
  if (linear) scales[0] = scales[1] = 1;
  d.maybe("mode", std::string(linear ? "linear" : "nearest"), linear ? 1 : 0.5);
  if (d.opset < 9) {
    d.set("scales", std::vector<float>(scales.begin(), scales.end()));
  } else {
    d.known(DType::F32, {x.rank()}, scales);
  }
}

void resize(Draft& d) {
  std::vector<std::string> modes = {"nearest", "linear"};
  if (d.opset >= 11) modes.emplace_back("cubic");
  const std::string& mode = d.random.pick(modes);
  const Operand x = d.operand({.types = d.types(), .minRank = 1, .maxRank = 4, .empty = false});
  d.maybe("mode", mode, mode == "nearest" ? 0.5 : 1);
  // What is halfway between two integers is so exactly when the weights are sums of powers of two.
  const bool rounds = ir::isInteger(x.dtype) && mode != "nearest";
  const std::vector<double> factors =
      rounds ? std::vector<double>{1, 2, 0.5} : std::vector<double>{1, 1, 1, 2, 1.5, 0.5, 3};
  if (d.opset < 11) {
    d.known(DType::F32, {x.rank()}, anyScales(d, x.shape, x.shape.size(), factors));
    return;
  }
  std::vector<std::string> coordinates = {"half_pixel", "pytorch_half_pixel", "asymmetric"};
  if (!rounds) coordinates.emplace_back("align_corners");
  if (!rounds && d.opset >= 19) coordinates.emplace_back("half_pixel_symmetric");
  d.maybe("coordinate_transformation_mode", d.random.pick(coordinates), 0.7);
  if (mode == "nearest") {
    d.maybe("nearest_mode", d.random.pick<std::string>(
                                {"round_prefer_floor", "round_prefer_ceil", "floor", "ceil"}));
  }
  if (mode == "cubic") {
    if (!rounds) d.maybe("exclude_outside", d.between(0, 1));
    d.maybe("cubic_coeff_a", -0.5F);
  }
  const bool someAxes = d.opset >= 18 && d.chance(0.3);
  if (mode != "nearest" && d.opset >= 18) d.maybe("antialias", d.between(0, 1));
  const size_t axes = someAxes ? static_cast<size_t>(d.between(1, x.rank())) : x.shape.size();
  if (someAxes) {
    Ints list;
    for (size_t i = x.shape.size() - axes; i < x.shape.size(); ++i) {
      list.push_back(d.writtenAxis(static_cast<int64_t>(i), x.rank()));
    }
    d.set("axes", list);
  }
  // The region is an empty tensor in version 11, later it is left out.
  if (d.opset >= 13 && d.chance(0.7)) {
    d.leaveOut();
  } else {
    d.known(DType::F32, {0}, {});
  }
  const std::vector<double> scales = anyScales(d, x.shape, axes, factors);
  if (rounds || d.chance(0.5)) {
    d.known(DType::F32, {static_cast<int64_t>(axes)}, scales);
    return;
  }
  d.opset >= 13 ? d.leaveOut() : static_cast<void>(d.known(DType::F32, {0}, {}));
  Ints sizes;
  for (size_t i = 0; i < axes; ++i) {
    sizes.push_back(
        static_cast<int64_t>(scales[i] * static_cast<double>(x.shape[x.shape.size() - axes + i])));
  }
  d.known(sizes);
}

namespace {

/// An image whose channels, or whose rows and columns, are multiples of something.
void blocks(Draft& d, int64_t channels, int64_t rows) {
  const Ints shape{d.between(1, 3), channels * d.between(1, 4), rows * d.between(1, 5),
                   rows * d.between(1, 7)};
  const DType dtype = d.anyDType(d.types());
  d.operand({.dtype = dtype, .shape = shape, .special = true});
}

}  // namespace

void depthToSpace(Draft& d) {
  const int64_t block = d.between(1, 3);
  d.set("blocksize", block);
  if (d.opset >= 11) d.maybe("mode", std::string(d.chance(0.5) ? "DCR" : "CRD"), 0.7);
  blocks(d, block * block, 1);
}

void spaceToDepth(Draft& d) {
  const int64_t block = d.between(1, 3);
  d.set("blocksize", block);
  blocks(d, 1, block);
}

}  // namespace quartet::operators
