#include <algorithm>
#include <map>

#include "backends/cpu/reference/evaluate.h"
#include "frontend/onnx/import.h"
#include "tests/conformance/device.h"

namespace quartet::tests {
namespace {

Result<std::vector<Tensor>> run(const std::filesystem::path& model,
                                const std::vector<NamedTensor>& inputs,
                                const std::vector<std::string>& outputNames) {
  const frontend::Imported imported = QT_TRY(importForTest(model, inputs));
  const ir::Module& graph = imported.graph;
  std::vector<Tensor> arguments;
  for (const ir::ValueId parameter : graph.region(graph.top()).parameters) {
    const auto found = std::ranges::find(inputs, graph.value(parameter).name, &NamedTensor::name);
    if (found == inputs.end()) {
      return userError("the test has no data for input '" + graph.value(parameter).name + "'");
    }
    arguments.push_back(found->tensor);
  }
  const std::vector<Tensor> results = QT_TRY(reference::evaluateGraph(graph, arguments));
  std::vector<Tensor> outputs;
  for (const std::string& name : outputNames) {
    const auto found = std::ranges::find(graph.outputs, name);
    if (found == graph.outputs.end()) return userError("the graph has no output '" + name + "'");
    outputs.push_back(results[static_cast<size_t>(found - graph.outputs.begin())]);
  }
  return outputs;
}

}  // namespace

ConformanceDevice referenceDevice() { return {"reference", run}; }

Result<frontend::Imported> importForTest(const std::filesystem::path& model,
                                         const std::vector<NamedTensor>& inputs) {
  frontend::ImportOptions options;
  for (const auto& [name, tensor] : inputs) options.shapes[name] = tensor->shape;
  const auto fold = [](const ir::Module& graph) { return reference::evaluateGraph(graph, {}); };
  for (;;) {
    auto imported = frontend::importModel(model, options, fold);
    if (imported) return imported;
    const int bind = inputToBind(imported.error(), inputs);
    if (bind < 0) return imported;
    const NamedTensor& input = inputs[static_cast<size_t>(bind)];
    if (!options.values.emplace(input.name, input.tensor).second) return imported;
    options.shapes.erase(input.name);
  }
}

int inputToBind(const Diagnostic& error, const std::vector<NamedTensor>& inputs) {
  const size_t sources = error.message.find("comes from");
  if (error.kind != Diagnostic::Kind::Unsupported || sources == std::string::npos) return -1;
  for (size_t i = 0; i < inputs.size(); ++i) {
    if (error.message.find("'" + inputs[i].name + "'", sources) != std::string::npos) {
      return static_cast<int>(i);
    }
  }
  return -1;
}

}  // namespace quartet::tests
