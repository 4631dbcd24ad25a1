// Elements of tensors as numbers, to print them.
#pragma once

#include <vector>

#include "quartet/quartet.h"

namespace quartet::cli {

/// `count` elements from `first` on as doubles (64-bit integers may round).
std::vector<double> asDoubles(const Tensor& tensor, int64_t first, int64_t count);

}  // namespace quartet::cli
