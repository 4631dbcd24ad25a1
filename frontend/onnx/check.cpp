#include "frontend/onnx/check.h"

#include <algorithm>
#include <map>
#include <queue>
#include <set>

#include "frontend/onnx/registry.h"

namespace quartet::frontend {

namespace {

// "Loop (opset 17): 3 nodes: 'a', 'b', ..."
std::string describeNodes(const std::string& type, int64_t opset,
                          const std::vector<std::string>& names) {
  constexpr size_t kShown = 4;
  std::string text = type + " (opset " + std::to_string(opset) +
                     "): " + std::to_string(names.size()) +
                     (names.size() == 1 ? " node: " : " nodes: ");
  for (size_t i = 0; i < std::min(names.size(), kShown); ++i) {
    text += (i == 0 ? "'" : ", '") + names[i] + "'";
  }
  return names.size() > kShown ? text + ", ..." : text;
}

Status checkVersions(const Model& model) {
  if (model.opsets.empty()) {
    return userError("the model imports no operator set", {},
                     "its file is damaged or older than 2017; export it again");
  }
  std::set<int64_t> used;  // functions may ask for other versions than the model
  if (const auto main = model.opsets.find(""); main != model.opsets.end())
    used.insert(main->second);
  for (const Node& node : model.nodes) {
    if (node.domain.empty()) used.insert(node.opset);
  }
  for (const int64_t opset : used) {
    const std::string found = "the model uses opset " + std::to_string(opset);
    if (opset > kNewestOpset) {
      return unsupported(
          found + ", the newest that is supported is " + std::to_string(kNewestOpset), {},
          "export it with opset " + std::to_string(kNewestOpset) + " or older");
    }
    if (opset < kOldestOpset) {
      return unsupported(
          found + ", the oldest that is supported is " + std::to_string(kOldestOpset), {},
          "convert it with ONNX's version converter");
    }
  }
  return {};
}

}  // namespace

Status checkOperators(const Model& model) {
  std::map<std::pair<std::string, int64_t>, std::vector<std::string>> missing;
  const auto look = [&](const Node& node) {
    if (findOperator(node.domain, node.type, node.opset) != nullptr) return;
    const std::string domain = node.domain.empty() ? "" : node.domain + ".";
    missing[{domain + node.type, node.opset}].push_back(node.name);
  };
  for (const Node& node : model.nodes) look(node);
  for (const Node& node : model.nested) look(node);
  if (missing.empty() && model.unsupported.empty()) return checkVersions(model);

  Diagnostic diagnostic;
  diagnostic.kind = Diagnostic::Kind::Unsupported;
  diagnostic.message = missing.empty() ? "the model has parts that are not supported"
                                       : std::to_string(missing.size()) +
                                             (missing.size() == 1 ? " operator of the model is"
                                                                  : " operators of the model are") +
                                             " not supported";
  for (const auto& [operation, names] : missing) {
    diagnostic.notes.push_back(describeNodes(operation.first, operation.second, names));
  }
  diagnostic.notes.insert(diagnostic.notes.end(), model.unsupported.begin(),
                          model.unsupported.end());
  diagnostic.hint = "export the model with other operators, or without these parts";
  return tl::unexpected(std::move(diagnostic));
}

namespace {

// Kahn's algorithm, always taking the first node of the model that is ready.
class Sorter {
 public:
  explicit Sorter(const Model& model) : model_(model) {}

  Result<std::vector<const Node*>> run() {
    QT_CHECK(define());
    QT_CHECK(connect());
    std::priority_queue<size_t, std::vector<size_t>, std::greater<>> ready;
    for (size_t i = 0; i < model_.nodes.size(); ++i) {
      if (waiting_[i] == 0) ready.push(i);
    }
    std::vector<const Node*> order;
    while (!ready.empty()) {
      const size_t i = ready.top();
      ready.pop();
      order.push_back(&model_.nodes[i]);
      for (const size_t next : users_[i]) {
        if (--waiting_[next] == 0) ready.push(next);
      }
    }
    if (order.size() == model_.nodes.size()) return order;
    return cycle();
  }

 private:
  static std::string where(const Node& node) {
    return "node '" + node.name + "' (" + node.type + ")";
  }

  Status define() {
    for (const ValueInfo& input : model_.inputs) {
      if (!given_.insert(input.name).second) {
        return userError("the name '" + input.name + "' is defined twice", "graph inputs");
      }
    }
    std::set<std::string> initializers;
    for (const auto& [name, data] : model_.initializers) {
      given_.insert(name);
      if (!initializers.insert(name).second) {
        return userError("the name '" + name + "' is defined twice", "initializers");
      }
    }
    for (size_t i = 0; i < model_.nodes.size(); ++i) {
      for (const std::string& output : model_.nodes[i].outputs) {
        if (output.empty()) continue;
        if (given_.contains(output) || !producer_.emplace(output, i).second) {
          return userError("the name '" + output + "' is defined twice", where(model_.nodes[i]),
                           "every value of a model needs a name of its own");
        }
      }
    }
    return {};
  }

  Status connect() {
    waiting_.assign(model_.nodes.size(), 0);
    users_.resize(model_.nodes.size());
    for (size_t i = 0; i < model_.nodes.size(); ++i) {
      for (const std::string& input : model_.nodes[i].inputs) {
        if (input.empty() || given_.contains(input)) continue;
        const auto from = producer_.find(input);
        if (from == producer_.end()) {
          return userError("input '" + input + "' is defined nowhere", where(model_.nodes[i]),
                           "the model is damaged or was cut; export it again");
        }
        users_[from->second].push_back(i);
        ++waiting_[i];
      }
    }
    return {};
  }

  // Follows producers that are not built from any node that is not: it must come round.
  tl::unexpected<Diagnostic> cycle() const {
    size_t at = 0;
    while (waiting_[at] == 0) ++at;
    std::vector<size_t> path;
    while (std::find(path.begin(), path.end(), at) == path.end()) {
      path.push_back(at);
      for (const std::string& input : model_.nodes[at].inputs) {
        const auto from = producer_.find(input);
        if (from == producer_.end() || waiting_[from->second] == 0) continue;
        at = from->second;
        break;
      }
    }
    Diagnostic diagnostic;
    diagnostic.message = "the graph has a cycle";
    diagnostic.where = where(model_.nodes[at]);
    for (auto it = std::find(path.begin(), path.end(), at); it != path.end(); ++it) {
      diagnostic.notes.push_back("through " + where(model_.nodes[*it]));
    }
    diagnostic.hint = "the model is damaged; export it again";
    return tl::unexpected(std::move(diagnostic));
  }

  const Model& model_;
  std::set<std::string> given_;
  std::map<std::string, size_t> producer_;
  std::vector<int> waiting_;
  std::vector<std::vector<size_t>> users_;
};

}  // namespace

Result<std::vector<const Node*>> sortNodes(const Model& model) { return Sorter(model).run(); }

}  // namespace quartet::frontend
