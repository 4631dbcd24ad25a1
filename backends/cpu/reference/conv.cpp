// conv and conv_transpose: for a block of output positions the inputs that each kernel point meets
// become the columns of a matrix product with the weights.

#include "backends/cpu/reference/ops.h"
#include "backends/cpu/reference/product.h"

namespace quartet::reference {
namespace {

struct Geometry {
  int64_t batch, channels, filters, groups;
  Ints input, kernel, output;  // spatial extents
  Ints strides, dilations, begins;
  bool transposed;

  int64_t kernelPoints() const { return countOf(kernel); }
  int64_t depth() const { return channels / groups * kernelPoints(); }
};

Geometry geometryOf(const Call& call, bool transposed) {
  const Ints& x = call.in[0]->shape;
  const Ints& w = call.in[1]->shape;
  const ir::Attributes& attributes = call.attributes();
  const auto spatial = [](const Ints& shape) { return Ints(shape.begin() + 2, shape.end()); };
  const Ints& pads = attributes.ints("pads");
  return {.batch = x[0],
          .channels = x[1],
          .filters = call.shape[1],
          .groups = attributes.integer("group"),
          .input = spatial(x),
          .kernel = spatial(w),
          .output = spatial(call.shape),
          .strides = attributes.ints("strides"),
          .dilations = attributes.ints("dilations"),
          .begins = Ints(pads.begin(), pads.begin() + static_cast<std::ptrdiff_t>(x.size() - 2)),
          .transposed = transposed};
}

// Where on one axis of the input kernel point k meets output position o; -1: nowhere.
int64_t meet(const Geometry& g, size_t axis, int64_t o, int64_t k) {
  int64_t position = 0;
  if (!g.transposed) {
    position = o * g.strides[axis] - g.begins[axis] + k * g.dilations[axis];
  } else {
    // Input i contributes to i * stride - begin + k * dilation.
    const int64_t scaled = o + g.begins[axis] - k * g.dilations[axis];
    if (scaled % g.strides[axis] != 0) return -1;
    position = scaled / g.strides[axis];
  }
  return position >= 0 && position < g.input[axis] ? position : -1;
}

// The same over all axes, as offset into one channel of the input.
int64_t meetOffset(const Geometry& g, int64_t output, int64_t kernel) {
  int64_t offset = 0;
  int64_t stride = 1;
  for (size_t axis = g.input.size(); axis-- > 0;) {
    const int64_t position = meet(g, axis, output % g.output[axis], kernel % g.kernel[axis]);
    if (position < 0) return -1;
    offset += position * stride;
    stride *= g.input[axis];
    output /= g.output[axis];
    kernel /= g.kernel[axis];
  }
  return offset;
}

// The weights with one line per filter, [filters, depth]; a transposed convolution has them as
// [channels, filters / groups, kernel points].
template <class W>
std::vector<W> filterLines(const Geometry& g, const ir::ConstantData& weights) {
  std::vector<W> values = widen<W>(weights);
  if (!g.transposed) return values;
  const int64_t points = g.kernelPoints();
  const int64_t channels = g.channels / g.groups;
  const int64_t filters = g.filters / g.groups;
  std::vector<W> lines(values.size());
  W* line = lines.data();
  for (int64_t f = 0; f < g.filters; ++f) {
    const int64_t firstChannel = f / filters * channels;
    for (int64_t c = firstChannel; c < firstChannel + channels; ++c) {
      const W* source = values.data() + (c * filters + f % filters) * points;
      line = std::copy(source, source + points, line);
    }
  }
  return lines;
}

// Output positions first .. first + some of one image, all filters.
template <class W>
void convolveBlock(const Geometry& g, const std::vector<W>& lines, const std::vector<W>& image,
                   int64_t first, int64_t some, int64_t imageIndex, Output& out) {
  const int64_t points = g.kernelPoints();
  const int64_t channels = g.channels / g.groups;
  const int64_t filters = g.filters / g.groups;
  const int64_t inputSize = countOf(g.input);
  const int64_t outputSize = countOf(g.output);
  Ints offsets;  // [kernel point, output position]
  for (int64_t k = 0; k < points; ++k) {
    for (int64_t o = first; o < first + some; ++o) offsets.push_back(meetOffset(g, o, k));
  }
  ColumnBlock<W> block(g.depth());
  for (int64_t group = 0; group < g.groups; ++group) {
    for (int64_t c = 0; c < channels; ++c) {
      const W* plane = image.data() + (group * channels + c) * inputSize;
      const int64_t* offset = offsets.data();
      for (int64_t k = 0; k < points; ++k) {
        for (int64_t i = 0; i < some; ++i, ++offset) {
          block.at(c * points + k, i) = *offset < 0 ? W{0} : plane[*offset];
        }
      }
    }
    const W* groupLines = lines.data() + group * filters * g.depth();
    multiply(groupLines, filters, block, some, [&](int64_t f, const W* sums) {
      const int64_t filter = imageIndex * g.filters + group * filters + f;
      narrow(sums, some, out, filter * outputSize + first);
    });
  }
}

template <class W>
void convolve(const Geometry& g, const Call& call, Output& out) {
  using Block = ColumnBlock<W>;
  const std::vector<W> lines = filterLines<W>(g, *call.in[1]);
  const int64_t imageSize = g.channels * countOf(g.input);
  const int64_t outputSize = countOf(g.output);
  const int64_t blocks = (outputSize + Block::kColumns - 1) / Block::kColumns;
  std::vector<W> image(static_cast<size_t>(imageSize));
  for (int64_t n = 0; n < g.batch; ++n) {
    widen(*call.in[0], n * imageSize, 1, imageSize, image.data());
    parallelFor(blocks, g.filters * g.depth() * outputSize, [&](int64_t i) {
      const int64_t first = i * Block::kColumns;
      const int64_t some = std::min(Block::kColumns, outputSize - first);
      convolveBlock(g, lines, image, first, some, n, out);
    });
  }
}

Tensor evaluate(const Call& call, bool transposed) {
  const Geometry geometry = geometryOf(call, transposed);
  Output out(call.dtype, call.shape);
  if (ir::isFloat(call.dtype)) {
    convolve<double>(geometry, call, out);
  } else {
    convolve<uint64_t>(geometry, call, out);  // exact modulo 2^64, for signed operands too
  }
  return std::move(out).finish();
}

}  // namespace

Tensor evalConv(const Call& call) { return evaluate(call, false); }
Tensor evalConvTranspose(const Call& call) { return evaluate(call, true); }

}  // namespace quartet::reference
