// Where the buffers of a program lie in device memory.
#pragma once

#include <span>
#include <vector>

#include "base/result.h"

namespace quartet::gpu {

/// Items of some sizes packed into blocks, in order, each item in one block.
struct Placement {
  struct Place {
    int block = 0;
    int64_t offset = 0;
  };
  std::vector<Place> places;        // one per item
  std::vector<int64_t> blockBytes;  // each at most `maxBytes`, unless a single item is larger
};

/// `align`: of every item's offset, a power of two.
Placement place(std::span<const int64_t> bytes, int64_t align, int64_t maxBytes);

}  // namespace quartet::gpu
