// Shape arithmetic: graph primitives on small integer tensors whose elements are extents.
#pragma once

#include <optional>
#include <span>

#include "frontend/onnx/tensor_value.h"

namespace quartet::frontend {

/// The elements of the result of a primitive, when the elements of all its operands are known (see
/// contentsOf) and the operation can be done on extents; else nothing. Works for constants and for
/// expressions over symbols alike. Shape arithmetic is on numbers that are not negative: division
/// of an expression by a positive number is taken to round down.
std::optional<ir::Dims> interpret(ir::Opcode opcode, std::span<const Tensor> operands,
                                  const ir::Type& result, const ir::Attributes& attributes);

}  // namespace quartet::frontend
