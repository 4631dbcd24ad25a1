#include "tests/frontend/support.h"

#include <doctest/doctest.h>

#include <span>

#include "backends/cpu/reference/evaluate.h"
#include "frontend/onnx/tensor_value.h"
#include "ir/verifier.h"

namespace quartet::tests {

std::vector<std::byte> bytesOf(const OnnxModel& model) {
  const std::string text = model.bytes();
  const auto bytes = std::as_bytes(std::span(text));
  return {bytes.begin(), bytes.end()};
}

const frontend::Evaluator& referenceEvaluator() {
  static const frontend::Evaluator evaluator = [](const ir::Module& graph) {
    return reference::evaluateGraph(graph, {});
  };
  return evaluator;
}

Result<frontend::Imported> tryImport(const OnnxModel& model,
                                     const frontend::ImportOptions& options) {
  return frontend::importModel(bytesOf(model), options, referenceEvaluator());
}

frontend::Imported import(const OnnxModel& model, const frontend::ImportOptions& options) {
  auto imported = tryImport(model, options);
  if (!imported) {
    FAIL(imported.error().str());
    return {};
  }
  const Status valid = ir::verify(imported->graph);
  if (!valid) FAIL(valid.error().str());
  return *std::move(imported);
}

Diagnostic importError(const OnnxModel& model, const frontend::ImportOptions& options) {
  auto imported = tryImport(model, options);
  REQUIRE_FALSE(imported.has_value());
  return imported.error();
}

std::string opsOf(const ir::Module& graph) {
  std::string text;
  for (const ir::OpId id : graph.region(graph.top()).ops) {
    const ir::Opcode opcode = graph.op(id).opcode;
    if (opcode == ir::Opcode::Constant || opcode == ir::Opcode::Return) continue;
    text += (text.empty() ? "" : " ") + std::string(ir::name(opcode));
  }
  return text;
}

std::vector<float> evaluate(const frontend::Imported& model,
                            const std::vector<std::vector<float>>& inputs) {
  std::vector<frontend::Constant> arguments;
  for (size_t i = 0; i < inputs.size(); ++i) {
    const auto shape = frontend::constantShape(model.info.inputs[i].dims);
    arguments.push_back(ir::makeConstant<float>(ir::DType::F32, *shape, inputs[i]));
  }
  const auto results = reference::evaluateGraph(model.graph, arguments);
  if (!results) {
    FAIL(results.error().str());
    return {};
  }
  const auto values = (*results)[0]->as<float>();
  return {values.begin(), values.end()};
}

std::vector<double> evaluateNumbers(const frontend::Imported& model,
                                    const std::vector<std::vector<double>>& inputs) {
  std::vector<frontend::Constant> arguments;
  for (size_t i = 0; i < inputs.size(); ++i) {
    const auto& info = model.info.inputs[i];
    std::vector<std::byte> bytes;
    for (const double value : inputs[i]) {
      const auto element = frontend::encode(info.dtype, value);
      bytes.insert(bytes.end(), element.begin(), element.end());
    }
    arguments.push_back(
        ir::makeConstant(info.dtype, *frontend::constantShape(info.dims), std::move(bytes)));
  }
  const auto results = reference::evaluateGraph(model.graph, arguments);
  if (!results) {
    FAIL(results.error().str());
    return {};
  }
  const frontend::Constant& first = (*results)[0];
  return *frontend::numbersOf({first->dtype, frontend::toDims(first->shape), {}, first, nullptr});
}

std::string shapeOf(const frontend::Imported& model) {
  return frontend::str(model.info.outputs[0].dims);
}

}  // namespace quartet::tests
