#include "tests/shapes/families.h"
#include "tests/shapes/windows.h"

namespace quartet::shapes {

namespace {

constexpr int64_t kMostBatch = 3;
constexpr int64_t kMostChannels = 257;
constexpr int64_t kMostWindows = 521;

/// Groups and their channels.
struct Channels {
  int64_t groups = 1;
  int64_t in = 1;  // of a group
  int64_t out = 1;
};

void zeroPoint(Builder& b, DType dtype, const Ints& shape) {
  if (b.chance(0.4)) return b.none();
  const DType weights = b.dtype;
  b.dtype = dtype;
  b.operand(shape, b.chance(0.5) ? Origin::Initializer : Origin::Input);
  b.dtype = weights;
}

}  // namespace

Case convolution(Builder& b) {
  b.pickDType({DType::F16});
  const bool bytes = b.chance(0.15);
  const auto byte = [&] { return b.chance(0.5) ? DType::U8 : DType::I8; };
  const auto rank = static_cast<size_t>(b.random.pick<int64_t>({1, 2, 2, 2, 3}));
  Windows windows = anyWindows(b, rank, true);
  addPads(b, windows);
  const double kind = b.random.uniform();
  const bool grouped = kind > 0.5;
  const bool depthwise = kind > 0.75;
  Ints most{kMostBatch, grouped ? kMostChannels : 1, depthwise ? 1 : kMostChannels,
            depthwise ? 3 : kMostChannels};
  most.insert(most.end(), rank, kMostWindows);
  const Ints drawn = oddExtents(b.random, most, b.work / workPerWindow(windows));
  const Channels channels{drawn[1], drawn[2], drawn[3]};

  Ints image{drawn[0], channels.groups * channels.in};
  const Ints extents = imageFor(b, windows, {drawn.begin() + 4, drawn.end()});
  image.insert(image.end(), extents.begin(), extents.end());
  Ints weights{channels.groups * channels.out, channels.in};
  weights.insert(weights.end(), windows.kernel.begin(), windows.kernel.end());
  if (bytes) b.dtype = byte();
  const DType ofImage = b.dtype;
  b.operand(image, Origin::Input);
  if (bytes) b.dtype = byte();
  b.operand(weights, b.chance(0.75) ? Origin::Initializer : Origin::Input);
  if (bytes) {
    zeroPoint(b, ofImage, {});
    zeroPoint(b, b.dtype, b.chance(0.5) ? Ints{} : Ints{weights[0]});
  } else if (b.chance(0.5)) {
    b.operand({weights[0]}, Origin::Initializer);
  }
  if (channels.groups > 1) b.attribute("group", channels.groups);
  b.maybe("kernel_shape", windows.kernel);
  writeWindows(b, windows);
  if (bytes) return b.finish("ConvInteger", 10, {});
  constexpr int64_t kBias = 1;
  return b.finish("Conv", 11, b.sum(channels.in * product(windows.kernel), kBias));
}

}  // namespace quartet::shapes
