// The shapes of a model's inputs: declared, pinned by the user, or defaulted.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "frontend/onnx/model.h"

namespace quartet::frontend {

struct InputShape {
  std::string name;
  ir::DType dtype = ir::DType::F32;
  ir::Dims dims;
};

/// The shapes of all inputs of the model that are neither initializers nor bound values, in order.
/// The shape of a bound value pins the symbols that it shares. Errors: pins and bound values that
/// contradict the model or each other or name no input, element types that are not supported, open
/// dimensions (all in one diagnostic).
Result<std::vector<InputShape>> resolveInputs(const Model& model, const ImportOptions& options);

/// The name as a symbol of the IR: letters, digits and underscores.
std::string symbolFor(const std::string& name);

}  // namespace quartet::frontend
