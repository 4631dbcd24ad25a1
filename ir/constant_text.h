// The text of constants.
#pragma once

#include <string>

#include "ir/module.h"

namespace quartet::ir {

/// One line: `constant "hash" f32[2] = [1.0, 2.0]`, or `= elided` above `inlineElements` elements.
/// A NaN with other bits than those of "nan" is printed with them: nan(0xffc00000).
std::string constantText(const std::string& hash, const ConstantData& data, int64_t inlineElements);

/// Bits of the NaN that "nan" stands for in data of a float dtype.
uint64_t nanBits(DType dtype);

}  // namespace quartet::ir
