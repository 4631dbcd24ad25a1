// Loads of single elements that lie side by side become loads of vectors.
#pragma once

#include "ir/module.h"

namespace quartet::gpu {

/// Four scalar loads of a region, from one read-only buffer of 32-bit elements (or from workgroup
/// memory, in a region that does nothing but read), at an index known to be a multiple of 4 and the
/// three behind it: one load of a vector, whose lanes they become. The unrolled steps of a
/// reduction read a row of their operand so: drivers load 16 bytes as fast as four.
void widenLoads(ir::Module& kernel);

}  // namespace quartet::gpu
