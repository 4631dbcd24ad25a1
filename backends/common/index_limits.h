// What 32-bit index arithmetic reaches. Kernels compute indices and element numbers in i32; this is
// where tensors and loops beyond that are refused.
#pragma once

#include <string>

#include "base/result.h"
#include "ir/module.h"

namespace quartet::common {

/// The elements of `buffer` (a buffer value of `plan`) as it is stored, padding included. An error
/// (Unsupported) names the tensor when they are more than an i32 numbers. With that, every element
/// that exists has its number; an index beyond an extent, as in a halo, may lead to a number that
/// wraps around, and is never used for an access: guards compare indices, not numbers.
Result<int64_t> storedElements(const ir::Module& plan, ir::ValueId buffer,
                               const ir::SymbolValues& symbols);

/// An error (Unsupported) that names the node when an axis that `tasks` loops over, rounded up to
/// whole tiles, or the number of its tasks exceeds an i32: loops compare what they reach, beyond
/// the extent by less than a tile.
Status checkLoops(const ir::Module& plan, ir::OpId tasks, const ir::SymbolValues& symbols);

}  // namespace quartet::common
