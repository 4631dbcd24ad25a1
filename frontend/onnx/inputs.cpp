#include "frontend/onnx/inputs.h"

#include <algorithm>
#include <cctype>
#include <set>

#include "frontend/onnx/tensor_value.h"

namespace quartet::frontend {

using ir::Dim;

namespace {

// What exporters write where they know nothing.
bool isAnonymous(const Dimension& dim) {
  return !dim.value.has_value() && (dim.symbol.empty() || dim.symbol == "?");
}

std::string shapeText(const std::vector<Dimension>& dims) {
  std::string text;
  for (const Dimension& dim : dims) {
    text += (text.empty() ? "" : ", ") + (dim.value          ? std::to_string(*dim.value)
                                          : isAnonymous(dim) ? "?"
                                                             : dim.symbol);
  }
  return "[" + text + "]";
}

std::string extentText(int64_t extent) {
  return extent == kOpenExtent ? "open" : std::to_string(extent);
}

std::string shapeText(const std::vector<int64_t>& dims) {
  std::string text;
  for (const int64_t dim : dims) text += (text.empty() ? "" : ", ") + extentText(dim);
  return "[" + text + "]";
}

std::string where(const ValueInfo& input) { return "input '" + input.name + "'"; }

class Resolver {
 public:
  Resolver(const Model& model, const ImportOptions& options)
      : options_(options), pins_(options.shapes) {
    for (const auto& [name, data] : options.values) pins_[name] = data->shape;
    std::set<std::string> constants;
    for (const auto& [name, data] : model.initializers) constants.insert(name);
    for (const ValueInfo& input : model.inputs) {
      if (!constants.contains(input.name) || isBound(input)) inputs_.push_back(input);
    }
  }

  Result<std::vector<InputShape>> run() {
    QT_CHECK(checkNames());
    for (ValueInfo& input : inputs_) QT_CHECK(readDeclared(input));
    for (const ValueInfo& input : inputs_) QT_CHECK(pin(input));
    for (const ValueInfo& input : inputs_) defaultBatch(input);
    std::vector<InputShape> shapes;
    for (const ValueInfo& input : inputs_) {
      if (!isBound(input)) shapes.push_back(QT_TRY(resolve(input)));
    }
    if (!open_.empty()) return openDimensions();
    return shapes;
  }

 private:
  bool isBound(const ValueInfo& input) const { return options_.values.contains(input.name); }

  Status checkNames() const {
    for (const auto& [name, shape] : options_.shapes) {
      if (options_.values.contains(name)) {
        return userError("the input's value is bound, which gives its shape",
                         "--shape " + name + "=...", "leave the shape out");
      }
      const bool known = std::any_of(inputs_.begin(), inputs_.end(),
                                     [&](const ValueInfo& input) { return input.name == name; });
      if (known) continue;
      std::string names;
      for (const ValueInfo& input : inputs_)
        names += (names.empty() ? "'" : ", '") + input.name + "'";
      return userError("the model has no input '" + name + "'",
                       "--shape or --input " + name + "=...", "its inputs are " + names);
    }
    return {};
  }

  // Element type and rank; a dimension of -1 is an unknown one.
  Status readDeclared(ValueInfo& input) const {
    if (!input.dtype)
      return unsupported("the type " + input.type + " is not supported", where(input));
    const auto pinned = pins_.find(input.name);
    if (!input.dims) {
      if (pinned == pins_.end()) {
        return userError("the model declares no shape", where(input),
                         "give it: --shape " + input.name + "=1,3,224,224");
      }
      input.dims = std::vector<Dimension>(pinned->second.size());
    }
    for (size_t i = 0; i < input.dims->size(); ++i) {
      Dimension& dim = (*input.dims)[i];
      if (dim.value == -1) dim.value.reset();
      if (dim.value && (*dim.value < 0 || *dim.value > kMaxElements)) {
        return userError("dimension " + std::to_string(*dim.value) + " of axis " +
                             std::to_string(i) + (*dim.value < 0 ? " is negative" : " overflows"),
                         where(input), "the model is damaged; export it again");
      }
    }
    return {};
  }

  Status pin(const ValueInfo& input) {
    const auto found = pins_.find(input.name);
    if (found == pins_.end()) return {};
    const auto& given = found->second;
    const std::string both =
        shapeText(given) + " was given, the model declares " + shapeText(*input.dims);
    if (given.size() != input.dims->size()) {
      return userError("wrong rank: " + both, where(input), "give one number per axis");
    }
    for (size_t i = 0; i < given.size(); ++i) {
      const Dimension& dim = (*input.dims)[i];
      const bool open = given[i] == kOpenExtent;
      if (!open && (given[i] < 0 || given[i] > kMaxElements)) {
        return userError("extent " + std::to_string(given[i]) + " of axis " + std::to_string(i) +
                             (given[i] < 0 ? " is negative" : " overflows"),
                         where(input), "give the extents that the input will have");
      }
      if (dim.value && *dim.value != given[i]) {
        return userError("axis " + std::to_string(i) + " is fixed: " + both, where(input),
                         "give the declared extent");
      }
      if (dim.value || isAnonymous(dim)) continue;
      const auto [at, fresh] = symbols_.emplace(dim.symbol, given[i]);
      if (!fresh && at->second != given[i]) {
        return userError("dimension '" + dim.symbol + "' is " + extentText(given[i]) +
                             " here and " + extentText(at->second) + " in another input",
                         where(input), "give equal extents to both");
      }
    }
    return {};
  }

  void defaultBatch(const ValueInfo& input) {
    if (!options_.batchDefaultsToOne || input.dims->empty()) return;
    const Dimension& first = input.dims->front();
    if (!first.value && !isAnonymous(first)) symbols_.emplace(first.symbol, 1);
  }

  // Declared, pinned for this input, pinned through a symbol, batch, symbol; else open.
  Dim resolveAxis(const ValueInfo& input, size_t axis) {
    const Dimension& dim = (*input.dims)[axis];
    if (dim.value) return Dim(*dim.value);
    const auto pinned = pins_.find(input.name);
    const auto symbol = symbols_.find(dim.symbol);
    std::optional<int64_t> given;
    if (pinned != pins_.end()) {
      given = pinned->second[axis];
    } else if (symbol != symbols_.end() && !isAnonymous(dim)) {
      given = symbol->second;
    } else if (axis == 0 && options_.batchDefaultsToOne) {
      given = 1;
    }
    if (given && *given != kOpenExtent) return Dim(*given);
    const std::string name =
        isAnonymous(dim) ? input.name + "_" + std::to_string(axis) : dim.symbol;
    if (!given && !options_.allowSymbols) {
      open_.push_back("input '" + input.name + "' " + shapeText(*input.dims) + ": axis " +
                      std::to_string(axis) + " is open ('" + (isAnonymous(dim) ? "?" : dim.symbol) +
                      "')");
      if (example_.empty()) example_ = exampleFor(input);
    }
    return Dim::symbol(uniqueSymbol(name));
  }

  /// Names that differ in the model differ as symbols: "a-b" and "a.b".
  std::string uniqueSymbol(const std::string& name) {
    if (const auto found = symbolNames_.find(name); found != symbolNames_.end()) {
      return found->second;
    }
    std::string symbol = symbolFor(name);
    while (!takenSymbols_.insert(symbol).second) symbol += '_';
    return symbolNames_[name] = symbol;
  }

  static std::string exampleFor(const ValueInfo& input) {
    std::string text = "--shape " + input.name + "=";
    for (size_t i = 0; i < input.dims->size(); ++i) {
      const Dimension& dim = (*input.dims)[i];
      if (i > 0) text += ",";
      text += dim.value ? std::to_string(*dim.value) : i == 0 ? "1" : "...";
    }
    return text;
  }

  Result<InputShape> resolve(const ValueInfo& input) {
    InputShape shape{input.name, *input.dtype, {}};
    for (size_t i = 0; i < input.dims->size(); ++i) shape.dims.push_back(resolveAxis(input, i));
    if (!countable(shape.dims)) {
      return userError("the product of the dimensions overflows", where(input),
                       "give smaller extents with --shape");
    }
    return shape;
  }

  tl::unexpected<Diagnostic> openDimensions() const {
    Diagnostic diagnostic;
    diagnostic.message = open_.size() == 1
                             ? open_[0]
                             : std::to_string(open_.size()) + " dimensions of the inputs are open";
    if (open_.size() > 1) diagnostic.notes = open_;
    diagnostic.hint = "pin the shape: " + example_;
    return tl::unexpected(std::move(diagnostic));
  }

  const ImportOptions& options_;
  std::map<std::string, std::vector<int64_t>> pins_;  // shapes that were given, or come with values
  std::vector<ValueInfo> inputs_;
  std::map<std::string, int64_t> symbols_;
  std::map<std::string, std::string> symbolNames_;  // name in the model -> symbol of the graph
  std::set<std::string> takenSymbols_;
  std::vector<std::string> open_;
  std::string example_;
};

}  // namespace

std::string symbolFor(const std::string& name) {
  std::string symbol;
  for (const char ch : name) {
    const auto byte = static_cast<unsigned char>(ch);
    symbol += byte < 128 && std::isalnum(byte) != 0 ? ch : '_';
  }
  if (symbol.empty() || std::isdigit(static_cast<unsigned char>(symbol[0])) != 0) {
    symbol = "_" + symbol;
  }
  return symbol;
}

Result<std::vector<InputShape>> resolveInputs(const Model& model, const ImportOptions& options) {
  return Resolver(model, options).run();
}

}  // namespace quartet::frontend
