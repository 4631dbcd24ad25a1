// Pieces of the text form that printing shares: names, strings and numbers that parse back exactly.
#pragma once

#include <string>
#include <string_view>

#include "ir/dtype.h"

namespace quartet::ir {

/// [A-Za-z_][A-Za-z0-9_]*
bool isIdentifier(std::string_view text);
/// Text in double quotes; quotes, backslashes and control characters are escaped.
std::string quoted(std::string_view text);
/// A symbol of an extent: bare when it is an identifier (and no function of extents), else quoted.
std::string symbolText(std::string_view name);
/// A value's name behind its '%': bare when all its characters may stand there, else quoted.
std::string valueText(std::string_view name);
/// True when `c` may stand in a bare value name.
bool isValueNameCharacter(char c);

/// The shortest decimal that parses back to `value` in `dtype` (f16 and bf16: as f32), always with
/// a point or an exponent; "nan", "inf", "-inf".
std::string floatText(double value, DType dtype);

}  // namespace quartet::ir
