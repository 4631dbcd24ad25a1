#include "tests/shapes/sizes.h"

#include <algorithm>
#include <numeric>

namespace quartet::shapes {

namespace {

/// Every prime up to 61, then those next to powers of two and some between them.
const Ints kPrimes = {2,    3,    5,    7,    11,   13,   17,   19,    23,    29,    31,
                      37,   41,   43,   47,   53,   59,   61,   67,    73,    83,    97,
                      101,  113,  127,  131,  151,  193,  251,  257,   383,   509,   521,
                      1021, 1031, 2039, 2053, 4093, 4099, 8191, 16381, 32771, 65521, 65537};
/// Lanes of vectors and subgroups, and the powers of two that their tiles are made of.
const Ints kWidths = {4, 8, 16, 32, 64, 128, 256};

int64_t prime(fuzz::Random& random, int64_t most) {
  const auto end = std::upper_bound(kPrimes.begin(), kPrimes.end(), most);
  return kPrimes[static_cast<size_t>(random.below(end - kPrimes.begin()))];
}

/// One below, at or above some widths.
int64_t besideWidth(fuzz::Random& random, int64_t most) {
  const auto end = std::upper_bound(kWidths.begin(), kWidths.end(), most);
  const int64_t width = kWidths[static_cast<size_t>(random.below(end - kWidths.begin()))];
  const int64_t times = random.between(1, std::min<int64_t>(most / width, 7));
  return std::min(times * width + random.between(-1, 1), most);
}

}  // namespace

int64_t oddExtent(fuzz::Random& random, int64_t most) {
  const double which = random.uniform();
  if (most < 2 || which < 0.1) return 1;
  if (which < 0.55) return prime(random, most);
  if (which < 0.9 && most >= kWidths.front()) return besideWidth(random, most);
  return random.between(1, std::min<int64_t>(most, 200));
}

Ints oddExtents(fuzz::Random& random, const Ints& most, int64_t work) {
  std::vector<size_t> order(most.size());
  std::iota(order.begin(), order.end(), size_t{0});
  random.shuffle(order);
  Ints extents(most.size(), 1);
  int64_t left = work;
  for (const size_t i : order) {
    extents[i] = oddExtent(random, std::min(most[i], left));
    left /= extents[i];
  }
  return extents;
}

int64_t product(const Ints& extents) {
  return std::accumulate(extents.begin(), extents.end(), int64_t{1}, std::multiplies<>());
}

}  // namespace quartet::shapes
