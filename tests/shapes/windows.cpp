#include "tests/shapes/windows.h"

#include <algorithm>

namespace quartet::shapes {

bool Windows::dilated() const {
  return std::ranges::any_of(dilations, [](auto d) { return d > 1; });
}

Windows anyWindows(Builder& b, size_t rank, bool dilates) {
  const Ints sizes = rank < 3 ? Ints{1, 2, 3, 3, 4, 5, 7} : Ints{1, 2, 3};
  const bool pointwise = b.chance(0.2);
  const bool dilated = dilates && b.chance(0.3);
  Windows windows;
  windows.pads.assign(2 * rank, 0);
  for (size_t axis = 0; axis < rank; ++axis) {
    windows.kernel.push_back(pointwise ? 1 : b.random.pick(sizes));
    windows.strides.push_back(b.chance(0.5) ? 1 : b.between(2, 3));
    windows.dilations.push_back(dilated ? b.between(1, 3) : 1);
  }
  return windows;
}

void addPads(Builder& b, Windows& windows) {
  for (size_t side = 0; side < windows.pads.size(); ++side) {
    const size_t axis = side % windows.rank();
    windows.pads[side] = b.chance(0.4) ? 0 : b.between(0, windows.kernel[axis] - 1);
  }
}

Ints imageFor(Builder& b, Windows& windows, const Ints& counts) {
  Ints extents;
  for (size_t axis = 0; axis < windows.rank(); ++axis) {
    const int64_t covered = (counts[axis] - 1) * windows.strides[axis] + windows.span(axis) +
                            b.between(0, windows.strides[axis] - 1);
    int64_t& begin = windows.pads[axis];
    int64_t& end = windows.pads[axis + windows.rank()];
    if (covered - begin - end < 1) begin = end = 0;
    extents.push_back(covered - begin - end);
  }
  return extents;
}

int64_t workPerWindow(const Windows& windows) {
  return std::max(product(windows.kernel), product(windows.strides));
}

void writeWindows(Builder& b, const Windows& windows) {
  b.attribute("strides", windows.strides);
  if (windows.dilated()) b.attribute("dilations", windows.dilations);
  b.attribute("pads", windows.pads);
}

}  // namespace quartet::shapes
