#include "frontend/onnx/import.h"

#include <algorithm>
#include <map>

#include "base/mapped_file.h"
#include "frontend/onnx/check.h"
#include "frontend/onnx/inputs.h"
#include "frontend/onnx/registry.h"
#include "frontend/onnx/roles.h"
#include "frontend/onnx/simplify.h"

namespace quartet::frontend {

namespace {

class Importer {
 public:
  Importer(const Model& model, const ImportOptions& options, const Evaluator& evaluator)
      : model_(model),
        options_(options),
        evaluator_(evaluator),
        emitter_(graph_, evaluator, budget_, options.optimise) {}

  Result<Imported> run() {
    QT_CHECK(checkOperators(model_));
    const auto order = QT_TRY(sortNodes(model_));
    for (const auto& [name, data] : model_.initializers) {
      if (data) budget_.add(**data);
      if (data) values_.insert_or_assign(name, emitter_.constant(*data));
      if (!data) broken_.emplace(name, &data.error());
    }
    QT_CHECK(addInputs());
    for (const Node* node : order) QT_CHECK(build(*node));
    QT_CHECK(addOutputs());
    graph_.eraseDeadOps();
    Imported result{options_.optimise ? simplify(graph_, evaluator_, budget_) : std::move(graph_),
                    {}};
    describe(result);
    // What was read of them is in the graph, or will be read again at other times.
    for (const auto& file : model_.files) file->release(file->bytes());
    return result;
  }

 private:
  Status addInputs() {
    QT_CHECK(bindValues());
    for (const InputShape& input : QT_TRY(resolveInputs(model_, options_))) {
      const auto type = ir::Type::tensor(input.dtype, input.dims);
      const auto id = graph_.addParameter(graph_.top(), type, input.name);
      values_.emplace(input.name, emitter_.tensorOf(id));
      addSymbols(input);
    }
    return {};
  }

  /// What is only ever a first extent counts samples of a batch: usually there is one.
  void addSymbols(const InputShape& input) {
    for (size_t axis = 0; axis < input.dims.size(); ++axis) {
      for (const std::string& symbol : input.dims[axis].symbols()) {
        const auto [at, fresh] = graph_.symbols.try_emplace(symbol);
        if (axis > 0) at->second.usual = ir::SymbolRange{}.usual;
        if (axis == 0 && fresh) at->second.usual = 1;
      }
    }
  }

  Status bindValues() {
    for (const auto& [name, data] : options_.values) {
      const auto found =
          std::find_if(model_.inputs.begin(), model_.inputs.end(),
                       [&name = name](const ValueInfo& input) { return input.name == name; });
      if (found == model_.inputs.end()) {
        std::string names;
        for (const ValueInfo& input : model_.inputs) {
          names += (names.empty() ? "'" : ", '") + input.name + "'";
        }
        return userError("the model has no input '" + name + "'", "--bind " + name + "=...",
                         "its inputs are " + names);
      }
      if (found->dtype != data->dtype) {
        return userError("the bound value is " + std::string(ir::name(data->dtype)) +
                             ", the model declares " + found->type,
                         "input '" + name + "'");
      }
      values_.insert_or_assign(name, emitter_.constant(data));
    }
    return {};
  }

  Status build(const Node& node) {
    const int64_t opset = node.opset;
    const Operator* op = findOperator(node.domain, node.type, opset);
    QT_ASSERT(op != nullptr, "operator " + node.type + " was checked");
    const auto inputs = QT_TRY(inputsOf(node, opset, *op));
    emitter_.setOrigin({node.name});
    Context context(node, opset, emitter_, inputs);
    const Status built = op->build(context);
    QT_CHECK(context.status());
    if (const auto& shape = emitter_.uncountable()) {
      return context.fail("it gives a tensor of shape " + str(*shape) +
                              ", required are extents of 0 or more and at most " +
                              std::to_string(kMaxElements) + " elements",
                          "give smaller extents with --shape, or export the model again");
    }
    QT_CHECK(built);
    for (const auto& [i, tensor] : context.outputs()) {
      if (context.wants(i)) values_.insert_or_assign(node.outputs[static_cast<size_t>(i)], tensor);
    }
    for (size_t i = 0; i < node.outputs.size(); ++i) {
      if (!node.outputs[i].empty() && !context.outputs().contains(static_cast<int>(i))) {
        return unsupported(
            "output " + std::to_string(i) + " ('" + node.outputs[i] + "') is not supported",
            whereNode(node, opset));
      }
    }
    return {};
  }

  Result<std::vector<const Tensor*>> inputsOf(const Node& node, int64_t opset,
                                              const Operator& op) const {
    const std::string where = whereNode(node, opset);
    const auto count = static_cast<int>(node.inputs.size());
    if (count < op.minInputs || (op.maxInputs >= 0 && count > op.maxInputs)) {
      const std::string most = op.maxInputs < 0 ? " or more"
                               : op.maxInputs == op.minInputs
                                   ? ""
                                   : " to " + std::to_string(op.maxInputs);
      return userError("found " + std::to_string(count) + " inputs, required are " +
                           std::to_string(op.minInputs) + most,
                       where);
    }
    std::vector<const Tensor*> inputs;
    for (int i = 0; i < count; ++i) {
      const std::string& name = node.inputs[static_cast<size_t>(i)];
      if (name.empty()) {
        if (i < op.minInputs) {
          return userError("input " + std::to_string(i) + " is left out, it is required", where);
        }
        inputs.push_back(nullptr);
        continue;
      }
      inputs.push_back(QT_TRY(valueOf(name, where)));
    }
    if (count > 0 && inputs[0] != nullptr && !accepts(op.types, inputs[0]->dtype)) {
      return userError("input 0 ('" + node.inputs[0] + "') is " + typeString(*inputs[0]) +
                           ", required is " + std::string(frontend::describe(op.types)),
                       where);
    }
    return inputs;
  }

  Result<const Tensor*> valueOf(const std::string& name, const std::string& where) const {
    const auto found = values_.find(name);
    if (found != values_.end()) return &found->second;
    const auto bad = broken_.find(name);
    if (bad != broken_.end()) return tl::unexpected(*bad->second);
    return userError("input '" + name + "' is defined nowhere", where);
  }

  Status addOutputs() {
    std::vector<ir::ValueId> results;
    emitter_.setOrigin({});
    for (const ValueInfo& output : model_.outputs) {
      const std::string where = "output '" + output.name + "'";
      const auto found = values_.find(output.name);
      if (found == values_.end()) {
        const auto bad = broken_.find(output.name);
        if (bad != broken_.end()) return tl::unexpected(*bad->second);
        return userError("no node computes it", where, "the model is damaged; export it again");
      }
      const Tensor& tensor = found->second;
      if (output.dtype && *output.dtype != tensor.dtype) {
        return userError("declared as " + output.type + ", computed as " + typeString(tensor),
                         where, "the model is inconsistent; export it again");
      }
      results.push_back(emitter_.use(tensor));
      graph_.outputs.push_back(output.name);
    }
    if (results.empty()) return userError("the model has no outputs");
    graph_.addOp(graph_.top(), ir::Opcode::Return, std::move(results), {});
    return {};
  }

  void describe(Imported& result) const {
    const ir::Module& graph = result.graph;
    ModelInfo& info = result.info;
    info.producer = model_.producer;
    info.irVersion = model_.irVersion;
    info.opsets = model_.opsets;
    const auto& region = graph.region(graph.top());
    const auto roles = indexRoles(graph);
    for (const ir::ValueId id : region.parameters) {
      const ir::Value& value = graph.value(id);
      const auto role = roles.find(value.name);
      info.inputs.push_back({value.name, value.type.dtype, value.type.shape,
                             role == roles.end() ? std::nullopt : std::optional(role->second)});
    }
    const auto& results = graph.op(region.ops.back()).operands;
    for (size_t i = 0; i < results.size(); ++i) {
      const ir::Type& type = graph.type(results[i]);
      info.outputs.push_back({graph.outputs[i], type.dtype, type.shape, std::nullopt});
    }
  }

  const Model& model_;
  const ImportOptions& options_;
  const Evaluator& evaluator_;
  FoldingBudget budget_;
  ir::Module graph_;
  Emitter emitter_;
  std::map<std::string, Tensor> values_;
  std::map<std::string, const Diagnostic*> broken_;  // initializers that cannot be read
};

}  // namespace

Result<std::vector<InputShape>> checkModel(const Model& model, const ImportOptions& options) {
  QT_CHECK(checkOperators(model));
  QT_CHECK(sortNodes(model));
  return resolveInputs(model, options);
}

Result<Imported> importModel(std::span<const std::byte> bytes, const ImportOptions& options,
                             const Evaluator& evaluator) {
  const Model model = QT_TRY(readModel(bytes, options.directory));
  return importModel(model, options, evaluator);
}

Result<Imported> importModel(const std::filesystem::path& file, const ImportOptions& options,
                             const Evaluator& evaluator) {
  const auto directory = options.directory.empty() ? file.parent_path() : options.directory;
  const Model model = QT_TRY(readModelFile(file, directory));
  return importModel(model, options, evaluator);
}

Result<Imported> importModel(const Model& model, const ImportOptions& options,
                             const Evaluator& evaluator) {
  return Importer(model, options, evaluator).run();
}

}  // namespace quartet::frontend
