// Model-local functions: calls give way to what the functions consist of.
#pragma once

#include "frontend/onnx/model.h"

namespace quartet::frontend {

/// `model` with every call of one of its functions replaced by the function's nodes, however deep
/// (ONNX IR specification, "Functions"). A function goes before an operator of the same name. The
/// names of its nodes and values begin with those of the call. Errors: functions that are defined
/// twice or call themselves, calls with more inputs or outputs than the function has, and models
/// that grow beyond all measure.
Result<Model> inlineFunctions(Model model);

}  // namespace quartet::frontend
