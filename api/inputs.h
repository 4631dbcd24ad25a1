// Inputs of a run: checked against the model.
#pragma once

#include <string>

#include "base/result.h"
#include "quartet/quartet.h"

namespace quartet::api {

/// An error for the first input that is missing, unknown, or of another dtype, rank or shape than
/// the model takes, or whose bytes do not fit its shape.
Status checkInputs(const std::vector<TensorInfo>& expected, const NamedTensors& inputs);

/// An error when an input's shape is not one that the model takes.
Status checkShape(const TensorInfo& expected, const std::vector<int64_t>& shape);

/// An error when the bytes of a tensor for `input` do not fit its dtype and shape.
Status checkBytes(const std::string& input, const Tensor& tensor);

}  // namespace quartet::api
