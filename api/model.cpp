#include "api/model.h"

#include <algorithm>
#include <filesystem>
#include <set>

#include "api/convert.h"
#include "api/host_memory.h"
#include "api/inputs.h"
#include "backends/cpu/reference/evaluate.h"
#include "base/mapped_file.h"
#include "frontend/onnx/inputs.h"

namespace quartet {
namespace {

using api::fromIr;
using api::openShape;

/// The values that an integer output selects on, when it is the position of an extremum of floats,
/// possibly reshaped or converted to another integer.
std::optional<Model::Data::Selector> findSelector(const ir::Module& graph, ir::ValueId output) {
  for (;;) {
    if (!ir::isInteger(graph.type(output).dtype)) return std::nullopt;
    const ir::OpId definition = graph.value(output).definition;
    if (!definition.valid()) return std::nullopt;
    const ir::Op& op = graph.op(definition);
    if (op.opcode == ir::Opcode::ArgReduce) {
      if (!ir::isFloat(graph.type(op.operands[0]).dtype)) return std::nullopt;
      return Model::Data::Selector{op.operands[0], op.attributes.integer("axis")};
    }
    if (op.opcode != ir::Opcode::Reshape && op.opcode != ir::Opcode::Cast) return std::nullopt;
    output = op.operands[0];
  }
}

Status checkPinned(const Model::Shapes& shapes, const frontend::ModelInfo& info) {
  for (const auto& [name, shape] : shapes) {
    std::string known;
    bool found = false;
    for (const frontend::TensorInfo& input : info.inputs) {
      found = found || input.name == name;
      known += (known.empty() ? "" : ", ") + input.name;
    }
    if (!found) {
      return userError("the model has no input of this name", "shape of '" + name + "'",
                       "its inputs are: " + known);
    }
  }
  return {};
}

Result<std::shared_ptr<const Model::Data>> importSource(
    std::string name, std::shared_ptr<const frontend::Model> source,
    frontend::ImportOptions options) {
  frontend::Imported imported =
      QT_TRY(frontend::importModel(*source, options, api::evaluateConstants));
  QT_CHECK(checkPinned(options.shapes, imported.info));
  QT_CHECK(api::checkFiles(imported.graph));
  auto data = QT_TRY(api::wrapGraph(std::move(name), std::move(imported.graph), imported.info));
  data->source = std::move(source);
  data->options = std::move(options);
  return std::shared_ptr<const Model::Data>(std::move(data));
}

/// The outputs as the file declares them; nothing when it does not.
std::optional<std::vector<TensorInfo>> declaredOutputs(const frontend::Model& source) {
  std::vector<TensorInfo> outputs;
  for (const frontend::ValueInfo& output : source.outputs) {
    if (!output.dtype || !output.dims) return std::nullopt;
    TensorInfo info{output.name, fromIr(*output.dtype), {}, {}};
    for (const frontend::Dimension& dim : *output.dims) {
      info.shape.push_back(dim.value.value_or(kOpenExtent));
    }
    outputs.push_back(std::move(info));
  }
  return outputs;
}

/// The outputs as they are for one value of all open extents, their extents open: types are those
/// for any other value, and so are ranks but where an operator drops axes of extent 1. `reason`:
/// the error when there is no such value.
Result<std::vector<TensorInfo>> outputsOfSample(
    const std::shared_ptr<const frontend::Model>& source, const frontend::ImportOptions& options,
    const std::vector<TensorInfo>& inputs, const Diagnostic& reason) {
  for (const int64_t value : {64, 32, 16, 12, 8, 7, 6, 5, 4, 3, 2, 1}) {
    frontend::ImportOptions sample = options;
    for (const TensorInfo& input : inputs) {
      std::vector<int64_t> shape = input.shape;
      std::replace(shape.begin(), shape.end(), kOpenExtent, value);
      sample.shapes[input.name] = std::move(shape);
    }
    const auto imported = importSource({}, source, std::move(sample));
    if (!imported) continue;
    std::vector<TensorInfo> outputs = (*imported)->outputs;
    for (TensorInfo& output : outputs) {
      std::fill(output.shape.begin(), output.shape.end(), kOpenExtent);
    }
    return outputs;
  }
  return tl::unexpected(reason);
}

/// A model whose operators must know what the options leave open; `reason` is what one of them
/// says.
Result<std::shared_ptr<const Model::Data>> defer(std::string name,
                                                 std::shared_ptr<const frontend::Model> source,
                                                 frontend::ImportOptions options,
                                                 const Diagnostic& reason) {
  auto data = std::make_shared<Model::Data>();
  data->deferred = true;
  for (const frontend::InputShape& input : QT_TRY(frontend::checkModel(*source, options))) {
    data->inputs.push_back({input.name, fromIr(input.dtype), openShape(input.dims), {}});
    data->inputDims.push_back(input.dims);
  }
  if (data->openSymbols().empty()) return tl::unexpected(reason);
  auto declared = declaredOutputs(*source);
  if (!declared) declared = QT_TRY(outputsOfSample(source, options, data->inputs, reason));
  data->outputs = *std::move(declared);
  data->selectors.resize(data->outputs.size());
  data->name = std::move(name);
  data->source = std::move(source);
  data->options = std::move(options);
  return std::shared_ptr<const Model::Data>(std::move(data));
}

Result<std::shared_ptr<const Model::Data>> import(Result<frontend::Model> read, std::string name,
                                                  const Model::Shapes& shapes,
                                                  const NamedTensors& bound) {
  if (!read) return tl::unexpected(std::move(read).error());
  frontend::ImportOptions options;
  options.shapes = shapes;
  for (const auto& [input, tensor] : bound) {
    QT_CHECK(api::checkBytes(input, tensor));
    options.values[input] = api::toConstant(tensor);
  }
  const auto source = std::make_shared<const frontend::Model>(*std::move(read));
  auto imported = importSource(name, source, options);
  const bool failed = !imported && (imported.error().kind == Diagnostic::Kind::User ||
                                    imported.error().kind == Diagnostic::Kind::Unsupported);
  if (!failed) return imported;
  return defer(std::move(name), source, std::move(options), imported.error());
}

}  // namespace

std::vector<std::string> Model::Data::openSymbols() const {
  std::set<std::string> symbols;
  for (const ir::Dims& dims : inputDims) {
    for (const ir::Dim& dim : dims) {
      for (std::string& symbol : dim.symbols()) symbols.insert(std::move(symbol));
    }
  }
  return {symbols.begin(), symbols.end()};
}

std::vector<std::string> Model::Data::batchSymbols() const {
  std::vector<std::string> found = openSymbols();
  std::erase_if(found, [&](const std::string& symbol) {
    return std::any_of(inputDims.begin(), inputDims.end(), [&](const ir::Dims& dims) {
      return std::find(dims.begin() + (dims.empty() ? 0 : 1), dims.end(),
                       ir::Dim::symbol(symbol)) != dims.end();
    });
  });
  return found;
}

namespace api {

Result<std::vector<frontend::Constant>> evaluateConstants(const ir::Module& graph) {
  QT_CHECK(checkHostMemory(evaluationBytes(graph), "evaluating the model's constants"));
  return reference::evaluateGraph(graph, {});
}

Status checkFiles(const ir::Module& graph) {
  std::set<const MappedFile*> checked;
  for (const auto& [hash, data] : graph.constants) {
    if (data->file && checked.insert(data->file.get()).second) {
      QT_CHECK(data->file->checkUnchanged());
    }
  }
  return {};
}

Result<std::shared_ptr<const Model::Data>> withShapes(const Model::Data& model,
                                                      const Model::Shapes& shapes) {
  frontend::ImportOptions options = model.options;
  for (const auto& [name, shape] : shapes) options.shapes[name] = shape;
  return importSource(model.name, model.source, std::move(options));
}

Result<std::shared_ptr<const Model::Data>> asWritten(const Model::Data& model,
                                                     const Model::Shapes& shapes) {
  if (model.source == nullptr) return std::shared_ptr<const Model::Data>();
  frontend::ImportOptions options = model.options;
  options.optimise = false;
  for (const auto& [name, shape] : shapes) options.shapes[name] = shape;
  return importSource(model.name, model.source, std::move(options));
}

namespace {

/// Every symbol must have got its value from some input.
Status checkComplete(const Model::Data& model, const ir::SymbolValues& values) {
  const std::vector<ir::Dims>& dims = model.inputDims;
  for (size_t i = 0; i < dims.size(); ++i) {
    for (size_t axis = 0; axis < dims[i].size(); ++axis) {
      if (dims[i][axis].isConstant() || values.contains(dims[i][axis].symbolName())) continue;
      return userError("axis " + std::to_string(axis) + " is open, and no shape is given",
                       "input '" + model.inputs[i].name + "'",
                       "give the shape that the input will have");
    }
  }
  return {};
}

}  // namespace

Result<ir::SymbolValues> symbolsOf(const Model::Data& model, const Model::Shapes& shapes) {
  ir::SymbolValues values;
  std::map<std::string, std::string> firsts;  // symbol -> the input that gave its value
  const std::vector<ir::Dims>& dims = model.inputDims;
  for (size_t i = 0; i < dims.size(); ++i) {
    const TensorInfo& input = model.inputs[i];
    const std::string where = "input '" + input.name + "'";
    const auto given = shapes.find(input.name);
    const std::vector<int64_t>& shape = given == shapes.end() ? input.shape : given->second;
    QT_CHECK(checkShape(input, shape));
    for (size_t axis = 0; axis < shape.size(); ++axis) {
      if (dims[i][axis].isConstant() || shape[axis] == kOpenExtent) continue;
      const std::string& symbol = dims[i][axis].symbolName();
      const auto [at, fresh] = values.emplace(symbol, shape[axis]);
      if (fresh) firsts[symbol] = input.name;
      if (at->second == shape[axis]) continue;
      return userError("axis " + std::to_string(axis) + " ('" + symbol + "') is " +
                           std::to_string(shape[axis]) + ", required is " +
                           std::to_string(at->second) + " as in input '" + firsts[symbol] + "'",
                       where, "give inputs whose extents agree");
    }
  }
  QT_CHECK(checkComplete(model, values));
  return values;
}

Result<std::shared_ptr<Model::Data>> wrapGraph(std::string name, ir::Module graph,
                                               const frontend::ModelInfo& info) {
  auto data = std::make_shared<Model::Data>();
  data->name = std::move(name);
  const ir::Region& top = graph.region(graph.top());
  for (ir::ValueId parameter : top.parameters) {
    const ir::Value& value = graph.value(parameter);
    TensorInfo input{value.name, fromIr(value.type.dtype), openShape(value.type.shape), {}};
    for (const frontend::TensorInfo& known : info.inputs) {
      if (known.name == input.name) input.indexLimit = known.indexes;
    }
    data->inputs.push_back(std::move(input));
    data->inputDims.push_back(value.type.shape);
  }
  const ir::Op& last = graph.op(top.ops.back());
  QT_ASSERT(last.opcode == ir::Opcode::Return && last.operands.size() == graph.outputs.size(),
            "the graph does not end with its outputs");
  for (size_t i = 0; i < last.operands.size(); ++i) {
    const ir::Type& type = graph.type(last.operands[i]);
    data->selectors.push_back(findSelector(graph, last.operands[i]));
    data->outputDims.push_back(type.shape);
    data->outputs.push_back({graph.outputs[i],
                             fromIr(type.dtype),
                             openShape(type.shape),
                             {},
                             data->selectors.back().has_value()});
  }
  data->graph = std::move(graph);
  return data;
}

}  // namespace api

Expected<Model> Model::load(const std::string& path, const Shapes& shapes,
                            const NamedTensors& bound) {
  return api::guarded([&]() -> Result<Model> {
    const std::filesystem::path file(path);
    return Model(QT_TRY(import(frontend::readModelFile(file, file.parent_path()),
                               file.stem().string(), shapes, bound)));
  });
}

Expected<Model> Model::parse(const std::string& bytes, const Shapes& shapes,
                             const NamedTensors& bound, const std::string& directory) {
  return api::guarded([&]() -> Result<Model> {
    const std::span<const std::byte> span(reinterpret_cast<const std::byte*>(bytes.data()),
                                          bytes.size());
    return Model(QT_TRY(import(frontend::readModel(span, directory), "model", shapes, bound)));
  });
}

Expected<Model> Model::at(const Shapes& shapes) const {
  return api::guarded(
      [&]() -> Result<Model> { return Model(QT_TRY(api::withShapes(*data_, shapes))); });
}

const std::string& Model::name() const { return data_->name; }
const std::vector<TensorInfo>& Model::inputs() const { return data_->inputs; }
const std::vector<TensorInfo>& Model::outputs() const { return data_->outputs; }

}  // namespace quartet
