// Extents that no tile likes: primes, 1, multiples of vector widths and their neighbours.
#pragma once

#include <cstdint>
#include <vector>

#include "tests/fuzz/random.h"

namespace quartet::shapes {

using Ints = std::vector<int64_t>;

/// An extent of at most `most`.
int64_t oddExtent(fuzz::Random& random, int64_t most);

/// An extent for each of `most`, of at most that, whose product is at most `work`. Drawn in any
/// order, so that each of them is the large one now and then.
Ints oddExtents(fuzz::Random& random, const Ints& most, int64_t work);

int64_t product(const Ints& extents);

}  // namespace quartet::shapes
