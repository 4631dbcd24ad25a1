// The pass criterion of ONNX's backend tests.
#pragma once

#include <string>

#include "tests/conformance/testdata.h"

namespace quartet::tests {

/// Empty when `got` has the dtype and shape of `want` and every element fulfils
/// |want - got| <= 1e-7 + 1e-3 * |got|, NaN equal to NaN and infinities by sign, as
/// numpy.testing.assert_allclose(want, got, rtol=1e-3, atol=1e-7) demands; otherwise the first
/// difference and how many elements differ.
std::string difference(const ir::ConstantData& want, const ir::ConstantData& got);

}  // namespace quartet::tests
