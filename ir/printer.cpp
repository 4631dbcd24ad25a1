#include <algorithm>
#include <set>

#include "ir/constant_text.h"
#include "ir/text.h"
#include "ir/text_util.h"

namespace quartet::ir {

namespace {

std::string_view levelText(Level level) {
  switch (level) {
    case Level::Graph:
      return "graph";
    case Level::Plan:
      return "plan";
    case Level::Kernel:
      return "kernel";
  }
  return "graph";
}

template <class T, class F>
std::string joined(const std::vector<T>& items, const F& text) {
  std::string out;
  for (size_t i = 0; i < items.size(); ++i) {
    if (i > 0) out += ", ";
    out += text(items[i]);
  }
  return out;
}

std::string identifierText(const std::string& text) {
  return isIdentifier(text) ? text : quoted(text);
}

struct AttributeText {
  std::string operator()(int64_t value) const { return std::to_string(value); }
  std::string operator()(double value) const { return floatText(value, DType::F64); }
  std::string operator()(const std::string& value) const { return quoted(value); }
  std::string operator()(const Ints& value) const {
    return "[" + joined(value, [](int64_t i) { return std::to_string(i); }) + "]";
  }
  std::string operator()(const Dims& value) const {
    return "<dims: " + joined(value, [](const Dim& dim) { return dim.str(); }) + ">";
  }
  std::string operator()(DType value) const { return std::string(name(value)); }
  std::string operator()(Opcode value) const { return std::string(name(value)); }
  std::string operator()(const Layout& value) const { return "layout " + value.str(); }
  std::string operator()(const std::shared_ptr<const TensorExpr>& value) const {
    return "{" + (value ? value->str() : "<empty>") + "}";
  }
  std::string operator()(const Tile& value) const { return value.str(); }
};

std::string attributesText(const Attributes& attributes) {
  return "{" +
         joined(attributes.entries(),
                [](const auto& entry) {
                  return identifierText(entry.first) + " = " +
                         std::visit(AttributeText{}, entry.second);
                }) +
         "}";
}

class Printer {
 public:
  Printer(const Module& module, const PrintOptions& options) : module_(module), options_(options) {
    names_.resize(static_cast<size_t>(module.valueCount()));
    for (int i = 0; i < module.valueCount(); ++i) taken_.insert(module.value({i}).name);
    nameRegion(module.top());
  }

  std::string module() {
    out_ += std::string(levelText(module_.level)) + " @";
    out_ += identifierText(module_.name);
    out_ += "(" + parameters(module_.region(module_.top())) + ")";
    if (!module_.outputs.empty() || module_.level != Level::Kernel) {
      out_ +=
          " -> (" + joined(module_.outputs, [](const auto& name) { return quoted(name); }) + ")";
    }
    if (!module_.symbols.empty()) out_ += " symbols " + symbols();
    if (!module_.attributes.entries().empty()) {
      out_ += " attributes " + attributesText(module_.attributes);
    }
    out_ += " {\n";
    ops(module_.top(), 1);
    out_ += "}\n";
    for (const auto& [hash, data] : module_.constants) {
      out_ += constantText(hash, *data, options_.inlineConstants);
    }
    return std::move(out_);
  }

  /// One op without the contents of its regions.
  std::string line(OpId id) {
    op(id, -1);
    return std::move(out_);
  }

 private:
  void nameValue(ValueId id) {
    std::string name = module_.value(id).name;
    while (name.empty()) {
      std::string candidate = std::to_string(next_++);
      if (taken_.count(candidate) == 0) name = std::move(candidate);
    }
    names_[static_cast<size_t>(id.index)] = "%" + valueText(name);
  }

  void nameRegion(RegionId id) {
    const Region& region = module_.region(id);
    for (const ValueId parameter : region.parameters) nameValue(parameter);
    for (const OpId opId : region.ops) {
      for (const ValueId result : module_.op(opId).results) nameValue(result);
      for (const RegionId inner : module_.op(opId).regions) nameRegion(inner);
    }
  }

  /// The name, or the bare number of a value that no reachable op defines.
  std::string value(ValueId id) const {
    if (!id.valid() || id.index >= module_.valueCount()) return "%<invalid>";
    const std::string& name = names_[static_cast<size_t>(id.index)];
    return name.empty() ? "%<undefined " + std::to_string(id.index) + ">" : name;
  }

  std::string values(const std::vector<ValueId>& ids) const {
    return joined(ids, [&](ValueId id) { return value(id); });
  }

  std::string parameters(const Region& region) const {
    return joined(region.parameters,
                  [&](ValueId id) { return value(id) + ": " + module_.type(id).str(); });
  }

  std::string symbols() const {
    std::string text;
    for (const auto& [name, range] : module_.symbols) {
      text += text.empty() ? "{" : ", ";
      text += symbolText(name) + ": " + std::to_string(range.min) + ".." +
              std::to_string(range.max) + " multiple " + std::to_string(range.multiple);
      if (range.usual != SymbolRange{}.usual) text += " usual " + std::to_string(range.usual);
    }
    return text + "}";
  }

  void ops(RegionId region, int depth) {
    for (const OpId id : module_.region(region).ops) {
      out_.append(static_cast<size_t>(depth) * 2, ' ');
      op(id, depth);
      out_ += '\n';
    }
  }

  void op(OpId id, int depth) {
    const Op& op = module_.op(id);
    if (!op.results.empty()) out_ += values(op.results) + " = ";
    out_ += name(op.opcode);
    if (!op.operands.empty()) out_ += " " + values(op.operands);
    if (!op.attributes.entries().empty()) out_ += " " + attributesText(op.attributes);
    for (const RegionId inner : op.regions) region(inner, depth);
    if (!op.results.empty()) {
      out_ += " : " + joined(op.results, [&](ValueId v) { return module_.type(v).str(); });
    }
    if (options_.origins && !op.origin.empty()) {
      out_ += " from " + joined(op.origin, [](const std::string& node) { return quoted(node); });
    }
  }

  void region(RegionId id, int depth) {
    const Region& region = module_.region(id);
    if (!region.parameters.empty()) out_ += " (" + parameters(region) + ")";
    if (depth < 0 || region.ops.empty()) {
      out_ += region.ops.empty() ? " {}" : " { ... }";
      return;
    }
    out_ += " {\n";
    ops(id, depth + 1);
    out_.append(static_cast<size_t>(depth) * 2, ' ');
    out_ += "}";
  }

  const Module& module_;
  PrintOptions options_;
  std::vector<std::string> names_;  // by value; with '%'
  std::set<std::string> taken_;
  int next_ = 0;
  std::string out_;
};

}  // namespace

std::string print(const Module& module, const PrintOptions& options) {
  return Printer(module, options).module();
}

std::string print(const Module& module, OpId op) { return Printer(module, {}).line(op); }

}  // namespace quartet::ir
