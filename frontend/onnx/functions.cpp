#include "frontend/onnx/functions.h"

#include <algorithm>
#include <set>
#include <tuple>

namespace quartet::frontend {

namespace {

constexpr size_t kMostDepth = 200;       // calls inside calls
constexpr int64_t kMostNodes = 2000000;  // nodes and calls of the whole model

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

class Inliner {
 public:
  explicit Inliner(Model model) : model_(std::move(model)) {}

  Result<Model> run() {
    QT_CHECK(defineFunctions());
    if (functions_.empty()) return std::move(model_);
    collectNames();
    for (Node& node : std::exchange(model_.nodes, {})) QT_CHECK(add(std::move(node)));
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
    for (const ValueInfo& input : model_.inputs) names_.insert(input.name);
    for (const ValueInfo& output : model_.outputs) names_.insert(output.name);
    for (const auto& [name, data] : model_.initializers) names_.insert(name);
    for (const Node& node : model_.nodes) {
      names_.insert(node.inputs.begin(), node.inputs.end());
      names_.insert(node.outputs.begin(), node.outputs.end());
    }
  }

  Status count(const Node& node) {
    if (++count_ <= kMostNodes) return {};
    return userError("with its functions inlined the model has more than " +
                         std::to_string(kMostNodes) + " nodes",
                     where(node), "its functions call one another too often");
  }

  Status add(Node node) {
    QT_CHECK(count(node));
    const auto found = functions_.find(keyOf(node));
    if (found != functions_.end()) return call(node, *found->second);
    model_.nodes.push_back(std::move(node));
    return {};
  }

  Status call(const Node& node, const Function& function) {
    QT_CHECK(checkCall(node, function));
    active_.push_back(&function);
    Values values = QT_TRY(bind(node, function));
    for (const Node& inner : function.nodes) {
      QT_CHECK(add(instantiate(inner, node, function, values)));
    }
    for (Node& copy : forwarded(node, function, values)) {
      QT_CHECK(count(copy));  // ONNX's Identity, even where a function has its name
      model_.nodes.push_back(std::move(copy));
    }
    model_.nested.insert(model_.nested.end(), function.nested.begin(), function.nested.end());
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

  static Result<Values> bind(const Node& node, const Function& function) {
    Values values{{"", ""}};
    for (size_t i = 0; i < function.inputs.size(); ++i) {
      const std::string given = i < node.inputs.size() ? node.inputs[i] : "";
      if (values.emplace(function.inputs[i], given).second) continue;
      return userError("the name '" + function.inputs[i] + "' is defined twice",
                       "inputs of " + described(function), "the model is damaged; export it again");
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

  std::string unused(std::string name) {
    while (!names_.insert(name).second) name += "'";
    return name;
  }

  Model model_;
  std::map<Key, const Function*> functions_;
  std::set<std::string> names_;  // of values of the whole model
  std::vector<const Function*> active_;
  int64_t count_ = 0;
};

}  // namespace

Result<Model> inlineFunctions(Model model) { return Inliner(std::move(model)).run(); }

}  // namespace quartet::frontend
