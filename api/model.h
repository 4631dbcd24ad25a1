// An imported model, as the parts of the API share it.
#pragma once

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
};

namespace api {

/// Evaluates a graph without inputs through the reference, after checking that it fits into memory.
Result<std::vector<frontend::Constant>> evaluateConstants(const ir::Module& graph);

/// An error when a file that holds constants of the graph was written to since it was opened: they
/// are read when they are needed. Called before that, for a file may have been shortened, and
/// after.
Status checkFiles(const ir::Module& graph);

/// Wraps a graph: names, shapes and selectors of its inputs and outputs.
Result<std::shared_ptr<const Model::Data>> wrapGraph(std::string name, ir::Module graph,
                                                     const frontend::ModelInfo& info);

}  // namespace api
}  // namespace quartet
