// ONNX models in, graph IR out.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/result.h"
#include "ir/module.h"

namespace quartet::frontend {

using Constant = std::shared_ptr<const ir::ConstantData>;

/// Evaluates a graph without inputs: one constant per output. Injected, because the frontend knows
/// no backend; an empty function leaves foldable operations in the graph.
using Evaluator = std::function<Result<std::vector<Constant>>(const ir::Module& graph)>;

/// An extent that stays open: a symbol of the graph.
constexpr int64_t kOpenExtent = -1;

struct ImportOptions {
  /// Pins the shape of inputs: `--shape name=1,3,48,320`. A symbol that several inputs share is
  /// pinned for all of them. An extent of kOpenExtent stays open: under the model's name for it, or
  /// "input_axis" where it has none.
  std::map<std::string, std::vector<int64_t>> shapes;
  /// Inputs that become constants of the graph, by name (shapes given by an input, for example):
  /// `--bind name=x.npy`. They replace the default of an input that has one.
  std::map<std::string, Constant> values;
  /// An unpinned symbolic first dimension of an input is 1.
  bool batchDefaultsToOne = true;
  /// Unpinned symbols stay symbols of the graph instead of being errors.
  bool allowSymbols = false;
  /// Off: the graph as the operators are written, for a reference that is to see errors of what
  /// makes it smaller: nothing is simplified, and folded values decide on shapes alone.
  bool optimise = true;
  /// Folder of external data; the model's own folder when it is read from a file.
  std::filesystem::path directory;
};

struct TensorInfo {
  std::string name;
  ir::DType dtype = ir::DType::F32;
  ir::Dims dims;
  /// For integer inputs whose elements index an axis: the smallest extent of such an axis.
  std::optional<int64_t> indexes;
};

struct ModelInfo {
  std::string producer;
  int64_t irVersion = 0;
  std::map<std::string, int64_t> opsets;  // by domain; "" is ONNX's own
  std::vector<TensorInfo> inputs;         // without initializers and bound values
  std::vector<TensorInfo> outputs;
};

struct Imported {
  ir::Module graph;
  ModelInfo info;
};

struct Model;       // model.h
struct InputShape;  // inputs.h

/// What can be said of a model before its operators meet shapes: its operators are supported, its
/// nodes have an order, its inputs these shapes.
Result<std::vector<InputShape>> checkModel(const Model& model, const ImportOptions& options);

/// The graph of a model: operators become the primitives of ir/ops.def, constants are folded, shape
/// arithmetic is evaluated. Errors: not an ONNX model, inconsistent models, unsupported operators
/// (all of them in one diagnostic, before anything else), open dimensions.
Result<Imported> importModel(std::span<const std::byte> bytes, const ImportOptions& options,
                             const Evaluator& evaluator);
Result<Imported> importModel(const std::filesystem::path& file, const ImportOptions& options,
                             const Evaluator& evaluator);
/// The same of a model that has been read, which may be imported several times: with other shapes,
/// say.
Result<Imported> importModel(const Model& model, const ImportOptions& options,
                             const Evaluator& evaluator);

}  // namespace quartet::frontend
