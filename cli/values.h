// Elements of tensors as numbers, to print them.
#pragma once

#include <vector>

#include "quartet/quartet.h"

namespace quartet::cli {

/// All elements as doubles (64-bit integers may round).
std::vector<double> asDoubles(const Tensor& tensor);

}  // namespace quartet::cli
