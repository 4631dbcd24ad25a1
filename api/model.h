// An imported model, as the parts of the API share it.
#pragma once

#include <optional>

#include "base/result.h"
#include "frontend/onnx/import.h"
#include "frontend/onnx/model.h"
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
  ir::Module graph;  // open extents are symbols; empty when `deferred`
  std::vector<TensorInfo> inputs;
  std::vector<TensorInfo> outputs;
  std::vector<std::optional<Selector>> selectors;  // per output

  /// Open extents that some operator must know: every set of shapes is imported by itself, and
  /// outputs have the shapes that the file declares.
  bool deferred = false;

  /// What it was imported from, and how: to import it with other shapes.
  std::shared_ptr<const frontend::Model> source;
  frontend::ImportOptions options;

  /// Shapes over symbols, in the order of `inputs` and (not when deferred) `outputs`.
  std::vector<ir::Dims> inputDims;
  std::vector<ir::Dims> outputDims;
  /// Symbols of open extents, sorted; each is an extent of an input.
  std::vector<std::string> openSymbols() const;
  /// Those of them that only count samples: first extents.
  std::vector<std::string> batchSymbols() const;
};

namespace api {

/// Evaluates a graph without inputs through the reference, after checking that it fits into memory.
Result<std::vector<frontend::Constant>> evaluateConstants(const ir::Module& graph);

/// The model with the shapes of these inputs pinned (or left open).
Result<std::shared_ptr<const Model::Data>> withShapes(const Model::Data& model,
                                                      const Model::Shapes& shapes);

/// The model with these shapes of its inputs as its operators are written: nothing is simplified or
/// folded. Null for a model that was made of a graph.
Result<std::shared_ptr<const Model::Data>> asWritten(const Model::Data& model,
                                                     const Model::Shapes& shapes);

/// The value of each symbol of the model that makes its inputs have these shapes. Errors: an input
/// that is missing or of another shape, inputs that disagree on a symbol.
Result<ir::SymbolValues> symbolsOf(const Model::Data& model, const Model::Shapes& shapes);

/// An error when a file that holds constants of the graph was written to since it was opened: they
/// are read when they are needed. Called before that, for a file may have been shortened, and
/// after.
Status checkFiles(const ir::Module& graph);

/// Wraps a graph: names, shapes and selectors of its inputs and outputs.
Result<std::shared_ptr<Model::Data>> wrapGraph(std::string name, ir::Module graph,
                                               const frontend::ModelInfo& info);

}  // namespace api
}  // namespace quartet
