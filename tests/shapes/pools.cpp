#include "tests/shapes/families.h"
#include "tests/shapes/windows.h"

namespace quartet::shapes {

namespace {

constexpr int64_t kOpset = 19;  // the first whose AveragePool has dilations
constexpr int64_t kMostBatch = 5;
constexpr int64_t kMostChannels = 257;
constexpr int64_t kMostWindows = 1031;

/// Batch, channels, and counts of windows or extents.
Ints anyImage(Builder& b, size_t rank, int64_t work) {
  Ints most{kMostBatch, kMostChannels};
  most.insert(most.end(), rank, kMostWindows);
  return oddExtents(b.random, most, work);
}

Case globalPool(Builder& b, bool average, size_t rank) {
  const Ints image = anyImage(b, rank, b.work);
  b.operand(image, Origin::Input);
  if (!average) return b.finish("GlobalMaxPool", kOpset, {});
  const int64_t terms = product({image.begin() + 2, image.end()});
  return b.finish("GlobalAveragePool", kOpset, b.sum(terms, 0, kFunction));
}

}  // namespace

Case pool(Builder& b) {
  const bool average = b.chance(0.5);
  b.pickDType(average ? std::vector<DType>{DType::F16}
                      : std::vector<DType>{DType::F16, DType::I8, DType::U8});
  const auto rank = static_cast<size_t>(b.random.pick<int64_t>({1, 2, 2, 2, 3}));
  if (b.chance(0.2)) {
    if (!ir::isFloat(b.dtype)) b.dtype = DType::F32;
    return globalPool(b, average, rank);
  }
  Windows windows = anyWindows(b, rank, true);
  // A dilated window could lie in the pads alone, where there is no maximum and no average.
  if (!windows.dilated()) {
    addPads(b, windows);
    b.maybe("ceil_mode", int64_t{1});
  }
  Ints image = anyImage(b, rank, b.work / workPerWindow(windows));
  const Ints extents = imageFor(b, windows, {image.begin() + 2, image.end()});
  std::copy(extents.begin(), extents.end(), image.begin() + 2);
  b.operand(image, Origin::Input);
  b.attribute("kernel_shape", windows.kernel);
  writeWindows(b, windows);
  if (!average) return b.finish("MaxPool", kOpset, {});
  b.maybe("count_include_pad", int64_t{1});
  return b.finish("AveragePool", kOpset, b.sum(product(windows.kernel), 0, kFunction));
}

}  // namespace quartet::shapes
