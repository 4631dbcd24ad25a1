#include "api/model.h"

#include <filesystem>
#include <set>

#include "api/convert.h"
#include "api/host_memory.h"
#include "api/inputs.h"
#include "backends/cpu/reference/evaluate.h"
#include "base/mapped_file.h"

namespace quartet {
namespace {

using api::constantShape;
using api::fromIr;

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

template <class Source>
Result<std::shared_ptr<const Model::Data>> import(const Source& source, std::string name,
                                                  const Model::Shapes& shapes,
                                                  const NamedTensors& bound,
                                                  const std::filesystem::path& directory) {
  frontend::ImportOptions options;
  options.shapes = shapes;
  for (const auto& [input, tensor] : bound) {
    QT_CHECK(api::checkBytes(input, tensor));
    options.values[input] = api::toConstant(tensor);
  }
  options.directory = directory;
  frontend::Imported imported =
      QT_TRY(frontend::importModel(source, options, api::evaluateConstants));
  QT_CHECK(checkPinned(shapes, imported.info));
  QT_CHECK(api::checkFiles(imported.graph));
  return api::wrapGraph(std::move(name), std::move(imported.graph), imported.info);
}

}  // namespace

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

Result<std::shared_ptr<const Model::Data>> wrapGraph(std::string name, ir::Module graph,
                                                     const frontend::ModelInfo& info) {
  auto data = std::make_shared<Model::Data>();
  data->name = std::move(name);
  const ir::Region& top = graph.region(graph.top());
  for (ir::ValueId parameter : top.parameters) {
    const ir::Value& value = graph.value(parameter);
    TensorInfo input{value.name, fromIr(value.type.dtype), constantShape(value.type.shape), {}};
    for (const frontend::TensorInfo& known : info.inputs) {
      if (known.name == input.name) input.indexLimit = known.indexes;
    }
    data->inputs.push_back(std::move(input));
  }
  const ir::Op& last = graph.op(top.ops.back());
  QT_ASSERT(last.opcode == ir::Opcode::Return && last.operands.size() == graph.outputs.size(),
            "the graph does not end with its outputs");
  for (size_t i = 0; i < last.operands.size(); ++i) {
    const ir::Type& type = graph.type(last.operands[i]);
    data->selectors.push_back(findSelector(graph, last.operands[i]));
    data->outputs.push_back({graph.outputs[i],
                             fromIr(type.dtype),
                             constantShape(type.shape),
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
    return Model(QT_TRY(import(file, file.stem().string(), shapes, bound, file.parent_path())));
  });
}

Expected<Model> Model::parse(const std::string& bytes, const Shapes& shapes,
                             const NamedTensors& bound, const std::string& directory) {
  return api::guarded([&]() -> Result<Model> {
    const std::span<const std::byte> span(reinterpret_cast<const std::byte*>(bytes.data()),
                                          bytes.size());
    return Model(QT_TRY(import(span, "model", shapes, bound, directory)));
  });
}

const std::string& Model::name() const { return data_->name; }
const std::vector<TensorInfo>& Model::inputs() const { return data_->inputs; }
const std::vector<TensorInfo>& Model::outputs() const { return data_->outputs; }

}  // namespace quartet
