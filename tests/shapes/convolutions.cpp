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

}  // namespace

Case convolution(Builder& b) {
  b.pickDType({DType::F16});
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
  b.operand(image, Origin::Input);
  b.operand(weights, b.chance(0.75) ? Origin::Initializer : Origin::Input);
  if (b.chance(0.5)) b.operand({weights[0]}, Origin::Initializer);
  if (channels.groups > 1) b.attribute("group", channels.groups);
  b.maybe("kernel_shape", windows.kernel);
  writeWindows(b, windows);
  constexpr int64_t kBias = 1;
  return b.finish("Conv", 11, b.sum(channels.in * product(windows.kernel), kBias));
}

}  // namespace quartet::shapes
