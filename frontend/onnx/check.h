// Checks of a whole model before anything is built.
#pragma once

#include <vector>

#include "frontend/onnx/model.h"

namespace quartet::frontend {

/// Every operator of the model is in the registry, for the version that the model asks for. One
/// diagnostic (Unsupported) names all that are not: type, version, how many nodes and which.
Status checkOperators(const Model& model);

/// The order in which the nodes can be built: as in the model if possible. Errors: names that
/// nothing defines, names defined twice, cycles.
Result<std::vector<const Node*>> sortNodes(const Model& model);

}  // namespace quartet::frontend
