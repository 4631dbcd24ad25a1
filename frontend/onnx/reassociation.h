// When arithmetic with constants may be done in another order: where a result could differ by more
// than the last bits, it is left as the model has it.
#pragma once

#include "frontend/onnx/tensor_value.h"

namespace quartet::frontend {

/// Whether all elements of a constant of floats are finite.
bool allFinite(const Tensor& constant);

/// Whether x * scale may become a product with weights that were scaled before: no element of
/// `scaled` = weights * scale has left the range in which its dtype has all its bits, and no factor
/// is zero, infinite or NaN (x may be infinite, and 0 times that is no number). A zero among the
/// weights is one before and after.
bool keepsRange(const Tensor& weights, const Tensor& scale, const Tensor& scaled);

/// Whether (y + a) + b, or (y + a) - b with `subtracted`, may become y + (a + b). Not where a and b
/// nearly cancel: then the first sum may be rounded on purpose, as in y + 1.5 * 2^23 - 1.5 * 2^23,
/// which rounds to integers. Shapes broadcast; both are constants of one dtype.
bool keepsRounding(const Tensor& a, const Tensor& b, bool subtracted);

}  // namespace quartet::frontend
