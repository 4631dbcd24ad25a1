// Imports of small models, and what tests ask of them.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "frontend/onnx/import.h"
#include "tests/onnx_model.h"

namespace quartet::tests {

std::vector<std::byte> bytesOf(const OnnxModel& model);

/// Folds through the reference.
const frontend::Evaluator& referenceEvaluator();

Result<frontend::Imported> tryImport(const OnnxModel& model,
                                     const frontend::ImportOptions& options = {});
/// Import must succeed and verify; a failed check and an empty graph otherwise.
frontend::Imported import(const OnnxModel& model, const frontend::ImportOptions& options = {});
/// The diagnostic of an import that must fail.
Diagnostic importError(const OnnxModel& model, const frontend::ImportOptions& options = {});

/// The names of the ops in order, without constants and return: "conv add max".
std::string opsOf(const ir::Module& graph);
/// Evaluates a graph of f32 inputs on the reference; the first output.
std::vector<float> evaluate(const frontend::Imported& model,
                            const std::vector<std::vector<float>>& inputs);
/// The same for inputs of any element type; what the output's type cannot hold as f64 is rounded.
std::vector<double> evaluateNumbers(const frontend::Imported& model,
                                    const std::vector<std::vector<double>>& inputs);
/// Shape of the first output as text: "[1, N]".
std::string shapeOf(const frontend::Imported& model);

}  // namespace quartet::tests
