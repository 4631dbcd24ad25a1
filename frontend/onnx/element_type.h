// ONNX's numbering of element types, for code that does not see protobuf.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "ir/dtype.h"

namespace quartet::frontend {

/// The element type of ONNX's enumeration value, when Quartet has it.
std::optional<ir::DType> elementType(int64_t onnxType);
/// ONNX's name of an element type, in lower case ("float16"); "type 99" when unknown.
std::string elementTypeName(int64_t onnxType);

}  // namespace quartet::frontend
