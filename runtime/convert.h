// Element type conversion in host memory, with the semantics of `cast` in ir/scalar.def.
#pragma once

#include <cstddef>
#include <cstdint>

#include "ir/dtype.h"

namespace quartet::runtime {

/// Converts `count` elements: element i is read at from + i * fromStride elements and written at
/// to + i. Memory may be unaligned; source and target do not overlap.
void convertElements(ir::DType fromType, const std::byte* from, int64_t fromStride,
                     ir::DType toType, std::byte* to, int64_t count);

}  // namespace quartet::runtime
