// The case of a seed.
#pragma once

#include <optional>

#include "tests/shapes/builder.h"

namespace quartet::shapes {

enum class Family { MatrixProduct, Convolution, Reduction, Pool };
constexpr int kFamilyCount = 4;
const char* name(Family family);

Family familyOf(uint64_t seed);

/// Whether the case of a seed is small: software GPUs run it too.
bool isSmall(uint64_t seed);

Case generate(uint64_t seed);

/// The same operator on the magnitudes of its operands.
operators::Network magnitudesOf(operators::Network network);

}  // namespace quartet::shapes
