#include "tests/shapes/generate.h"

#include <cmath>

#include "tests/operators/draft.h"
#include "tests/shapes/families.h"

namespace quartet::shapes {

namespace {

/// Software GPUs take most of their time to compile, and compute slowly.
constexpr uint64_t kSmallEvery = 16;
constexpr int64_t kSmallWork = int64_t{1} << 14;
/// llvmpipe ends an invocation's loops after 65,535 iterations, of which a step may count several.
constexpr int64_t kSmallReduction = int64_t{1} << 13;
constexpr int64_t kWork = int64_t{1} << 20;
/// Now and then: what makes several blocks of tiles, and panels larger than a cache.
constexpr uint64_t kLargeEvery = 25;
constexpr int64_t kLargeWork = int64_t{1} << 24;

using Make = Case (*)(Builder&);
constexpr Make kMakers[kFamilyCount] = {matrixProduct, convolution, reduction, pool};

int64_t workOf(uint64_t seed) {
  if (isSmall(seed)) {
    return familyOf(seed) == Family::Reduction ? kSmallReduction : kSmallWork;
  }
  const bool products =
      familyOf(seed) == Family::MatrixProduct || familyOf(seed) == Family::Convolution;
  if (!products) return kWork / 4;
  return seed % kLargeEvery == 0 ? kLargeWork : kWork;
}

}  // namespace

const char* name(Family family) {
  constexpr const char* kNames[kFamilyCount] = {"matrix product", "convolution", "reduction",
                                                "pool"};
  return kNames[static_cast<int>(family)];
}

Family familyOf(uint64_t seed) {
  return static_cast<Family>((seed / kSmallEvery + seed) % kFamilyCount);
}

bool isSmall(uint64_t seed) { return seed % kSmallEvery == 0; }

Case generate(uint64_t seed) {
  fuzz::Random random(seed);
  Builder builder(random, workOf(seed));
  return kMakers[static_cast<int>(familyOf(seed))](builder);
}

operators::Network magnitudesOf(operators::Network network) {
  for (auto& [name, value] : network.values) {
    const ir::ConstantData& data = *value.fact.data;
    if (!ir::isFloat(data.dtype)) continue;
    std::vector<double> elements = fuzz::toDoubles(data);
    for (double& x : elements) x = std::fabs(x);
    value.fact.data = operators::tensorOf(data.dtype, data.shape, elements);
  }
  return network;
}

}  // namespace quartet::shapes
