// An imported model, as the parts of the API share it.
#pragma once

#include <functional>
#include <optional>

#include "base/result.h"
#include "frontend/onnx/import.h"
#include "ir/module.h"
#include "quartet/quartet.h"

namespace quartet {

struct Model::Data {
  /// An integer output that selects on floats: its elements are positions along `axis` of `values`,
  /// in row-major order of the other axes.
  struct Selector {
    ir::ValueId values;
    int64_t axis = 0;
  };

  std::string name;
  ir::Module graph;  // all extents constant
  std::vector<TensorInfo> inputs;
  std::vector<TensorInfo> outputs;
  std::vector<std::optional<Selector>> selectors;  // per output
  /// The model imported once more, without optimisation: what the oracle evaluates. Empty for a
  /// model that was made of a graph.
  std::function<Result<std::shared_ptr<const Data>>()> asWritten;
};

namespace api {

/// Evaluates a graph without inputs through the reference, after checking that it fits into memory.
Result<std::vector<frontend::Constant>> evaluateConstants(const ir::Module& graph);

/// Wraps a graph: names, shapes and selectors of its inputs and outputs.
Result<std::shared_ptr<Model::Data>> wrapGraph(std::string name, ir::Module graph,
                                               const frontend::ModelInfo& info);

}  // namespace api
}  // namespace quartet
