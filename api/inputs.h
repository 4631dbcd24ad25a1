// Inputs of a run: checked against the model.
#pragma once

#include "base/result.h"
#include "quartet/quartet.h"

namespace quartet::api {

/// An error for the first input that is missing, unknown, or of another dtype, rank or shape than
/// the model takes, or whose bytes do not fit its shape.
Status checkInputs(const std::vector<TensorInfo>& expected, const NamedTensors& inputs);

}  // namespace quartet::api
