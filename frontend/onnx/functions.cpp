#include "frontend/onnx/functions.h"

#include <algorithm>
#include <set>
#include <tuple>
#include <type_traits>

namespace quartet::frontend {

namespace {

constexpr size_t kMostDepth = 200;  // calls inside calls
// What calls may add to a model: names repeat the whole path of calls, so that a file of a few
// kilobytes could ask for any amount.
constexpr size_t kMostBytes = size_t{256} << 20;

using Key = std::tuple<std::string, std::string, std::string>;

Key keyOf(const Node& node) { return {node.domain, node.type, node.overload}; }

std::string qualified(const std::string& domain, const std::string& name) {
  return domain.empty() ? name : domain + "." + name;
}

std::string where(const Node& call) {
  return "node '" + call.name + "' (" + qualified(call.domain, call.type) + ")";
}

std::string described(const Function& function) {
  return "function '" + qualified(function.domain, function.name) + "'";
}

size_t bytesOf(const std::string& text) { return sizeof(std::string) + text.size(); }

template <class T>
size_t bytesOf(const std::vector<T>& list) {
  size_t bytes = sizeof(list);
  if constexpr (std::is_arithmetic_v<T>) {
    bytes += list.size() * sizeof(T);
  } else {
    for (const T& element : list) bytes += bytesOf(element);
  }
  return bytes;
}

size_t bytesOf(const AttributeValue& value) {
  const auto listed = [](const auto& held) -> size_t {
    if constexpr (requires { held.begin(); }) return bytesOf(held);
    return 0;  // copies of a tensor share its data
  };
  return sizeof(value) + std::visit(listed, value);
}

size_t bytesOf(const Node& node) {
  size_t bytes = sizeof(node) + bytesOf(node.name) + bytesOf(node.type) + bytesOf(node.domain) +
                 bytesOf(node.inputs) + bytesOf(node.outputs);
  for (const auto& [name, value] : node.attributes) bytes += bytesOf(name) + bytesOf(value);
  return bytes;
}

/// Attributes whose value is that of a call's attribute, where no call can give one.
Status checkNoReference(const Attributes& attributes, const std::string& where) {
  for (const auto& [name, value] : attributes) {
    const auto* reference = std::get_if<AttributeReference>(&value);
    if (reference == nullptr) continue;
    return userError("attribute '" + name + "' refers to attribute '" + reference->name +
                         "' of a function, which only nodes of a function may",
                     where, "the model is damaged; export it again");
  }
  return {};
}

/// Every value of a function is defined once, its outputs are defined.
Status checkDefinitions(const Function& function) {
  const std::string inside = described(function);
  std::set<std::string> defined;
  const auto define = [&](const std::string& name, const std::string& where) -> Status {
    if (name.empty() || defined.insert(name).second) return {};
    return userError("the name '" + name + "' is defined twice", where,
                     "the model is damaged; export it again");
  };
  for (const std::string& input : function.inputs) {
    QT_CHECK(define(input, "inputs of " + inside));
  }
  for (const Node& node : function.nodes) {
    for (const std::string& output : node.outputs) {
      QT_CHECK(define(output, where(node) + " of " + inside));
    }
  }
  for (const std::string& output : function.outputs) {
    if (defined.contains(output)) continue;
    return userError("output '" + output + "' is defined nowhere", inside,
                     "the model is damaged; export it again");
  }
  return checkNoReference(function.defaults, "defaults of " + inside);
}

class Inliner {
 public:
  explicit Inliner(Model model) : model_(std::move(model)) {}

  Result<Model> run() {
    for (const Node& node : model_.nodes) {
      QT_CHECK(checkNoReference(node.attributes, where(node)));
    }
    QT_CHECK(defineFunctions());
    if (functions_.empty()) return std::move(model_);
    collectNames();
    for (Node& node : std::exchange(model_.nodes, {})) QT_CHECK(add(std::move(node)));
    for (const Function* function : called_) {
      model_.nested.insert(model_.nested.end(), function->nested.begin(), function->nested.end());
    }
    std::erase_if(model_.nested,
                  [&](const Node& node) { return functions_.contains(keyOf(node)); });
    model_.functions.clear();
    return std::move(model_);
  }

 private:
  Status defineFunctions() {
    for (const Function& function : model_.functions) {
      const Key key{function.domain, function.name, function.overload};
      if (functions_.emplace(key, &function).second) continue;
      return userError(described(function) + " is defined twice", "the model's functions",
                       "the model is damaged; export it again");
    }
    return {};
  }

  void collectNames() {
    const auto taken = [&](const std::string& name) { names_.emplace(name, 0); };
    for (const ValueInfo& input : model_.inputs) taken(input.name);
    for (const ValueInfo& output : model_.outputs) taken(output.name);
    for (const auto& [name, data] : model_.initializers) taken(name);
    for (const Node& node : model_.nodes) {
      std::for_each(node.inputs.begin(), node.inputs.end(), taken);
      std::for_each(node.outputs.begin(), node.outputs.end(), taken);
    }
  }

  Status count(size_t bytes, const Node& call) {
    bytes_ += bytes;
    if (bytes_ <= kMostBytes) return {};
    return userError("its functions, inlined, have more than " + std::to_string(kMostBytes >> 20) +
                         " MiB of names and attributes",
                     where(call),
                     "they call one another too often, too deep or under too long names");
  }

  Status add(Node node) {
    const auto found = functions_.find(keyOf(node));
    if (found != functions_.end()) return call(node, *found->second);
    model_.nodes.push_back(std::move(node));
    return {};
  }

  Status call(const Node& node, const Function& function) {
    QT_CHECK(checkCall(node, function));
    if (called_.insert(&function).second) QT_CHECK(checkDefinitions(function));
    active_.push_back(&function);
    QT_CHECK(count(bytesOf(function.inputs) + bytesOf(function.outputs), node));
    Values values = bind(node, function);
    for (const Node& inner : function.nodes) {
      Node instance = instantiate(inner, node, function, values);
      QT_CHECK(count(bytesOf(instance), node));
      QT_CHECK(add(std::move(instance)));
    }
    for (Node& copy : forwarded(node, function, values)) {
      QT_CHECK(count(bytesOf(copy), node));
      model_.nodes.push_back(std::move(copy));  // ONNX's, even if a function is called Identity
    }
    active_.pop_back();
    return {};
  }

  Status checkCall(const Node& node, const Function& function) const {
    if (std::find(active_.begin(), active_.end(), &function) != active_.end()) {
      return userError(described(function) + " calls itself", where(node),
                       "ONNX forbids it; export the model again");
    }
    if (active_.size() == kMostDepth) {
      return userError(
          "functions call one another to a depth of more than " + std::to_string(kMostDepth),
          where(node), "inline the model's functions");
    }
    const auto count = [&](const char* what, size_t found, size_t most) -> Status {
      if (found <= most) return {};
      return userError("the call has " + std::to_string(found) + " " + what + ", " +
                           described(function) + " has " + std::to_string(most),
                       where(node), "the model is damaged; export it again");
    };
    QT_CHECK(count("inputs", node.inputs.size(), function.inputs.size()));
    return count("outputs", node.outputs.size(), function.outputs.size());
  }

  /// What the names of a function's values stand for in one call; "" where the call leaves an
  /// input out.
  using Values = std::map<std::string, std::string>;

  static Values bind(const Node& node, const Function& function) {
    Values values{{"", ""}};
    for (size_t i = 0; i < function.inputs.size(); ++i) {
      values.emplace(function.inputs[i], i < node.inputs.size() ? node.inputs[i] : "");
    }
    for (size_t i = 0; i < node.outputs.size(); ++i) {
      if (!node.outputs[i].empty()) values.emplace(function.outputs[i], node.outputs[i]);
    }
    return values;
  }

  Node instantiate(Node inner, const Node& node, const Function& function, Values& values) {
    inner.name = node.name + "/" + inner.name;
    const auto rename = [&](std::string& name) {
      const auto [at, fresh] = values.emplace(name, "");
      if (fresh) at->second = unused(node.name + "/" + name);
      name = at->second;
    };
    std::for_each(inner.inputs.begin(), inner.inputs.end(), rename);
    std::for_each(inner.outputs.begin(), inner.outputs.end(), rename);
    for (auto at = inner.attributes.begin(); at != inner.attributes.end();) {
      const auto* reference = std::get_if<AttributeReference>(&at->second);
      const AttributeValue* value = &at->second;
      if (reference != nullptr) value = resolve(*reference, node, function);
      if (value == nullptr) {  // left out by the call: left out here
        at = inner.attributes.erase(at);
        continue;
      }
      if (reference != nullptr) at->second = AttributeValue(*value);
      ++at;
    }
    return inner;
  }

  static const AttributeValue* resolve(const AttributeReference& reference, const Node& node,
                                       const Function& function) {
    const auto given = node.attributes.find(reference.name);
    if (given != node.attributes.end()) return &given->second;
    const auto other = function.defaults.find(reference.name);
    return other != function.defaults.end() ? &other->second : nullptr;
  }

  /// Outputs that are an input, or an output once more, are copies of it.
  std::vector<Node> forwarded(const Node& node, const Function& function,
                              const Values& values) const {
    std::vector<Node> copies;
    for (size_t i = 0; i < node.outputs.size(); ++i) {
      const std::string& source = values.at(node.outputs[i].empty() ? "" : function.outputs[i]);
      if (node.outputs[i].empty() || source == node.outputs[i] || source.empty()) continue;
      Node copy;
      copy.name = node.name + "/" + function.outputs[i];
      copy.type = "Identity";
      const auto main = model_.opsets.find("");
      copy.opset = main == model_.opsets.end() ? 1 : main->second;
      copy.inputs = {source};
      copy.outputs = {node.outputs[i]};
      copies.push_back(std::move(copy));
    }
    return copies;
  }

  std::string unused(const std::string& wanted) {
    const auto [at, fresh] = names_.emplace(wanted, 0);
    if (fresh) return wanted;
    std::string name;
    do {
      name = wanted + "'" + std::to_string(++at->second);
    } while (!names_.emplace(name, 0).second);
    return name;
  }

  Model model_;
  std::map<Key, const Function*> functions_;
  /// Of values of the whole model, with how often a number was added to tell others apart.
  std::map<std::string, int64_t> names_;
  std::vector<const Function*> active_;
  std::set<const Function*> called_;
  size_t bytes_ = 0;
};

}  // namespace

Result<Model> inlineFunctions(Model model) { return Inliner(std::move(model)).run(); }

}  // namespace quartet::frontend
