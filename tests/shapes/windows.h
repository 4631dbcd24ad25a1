// Windows over the spatial axes of an image: of convolutions and pools.
#pragma once

#include "tests/shapes/builder.h"

namespace quartet::shapes {

struct Windows {
  Ints kernel;
  Ints strides;
  Ints dilations;
  Ints pads;  // begins, then ends

  size_t rank() const { return kernel.size(); }
  int64_t span(size_t axis) const { return (kernel[axis] - 1) * dilations[axis] + 1; }
  bool dilated() const;
};

/// Windows over so many axes, without pads.
Windows anyWindows(Builder& b, size_t rank, bool dilates);
/// Pads on some sides, smaller than the windows.
void addPads(Builder& b, Windows& windows);
/// The extents of an image with so many windows along each axis, and sometimes a few elements that
/// no window reaches. Drops pads that would leave nothing of it.
Ints imageFor(Builder& b, Windows& windows, const Ints& counts);
/// What a window costs: the elements that it takes in, or passes over.
int64_t workPerWindow(const Windows& windows);
/// Writes strides, dilations (where there are some) and pads.
void writeWindows(Builder& b, const Windows& windows);

}  // namespace quartet::shapes
