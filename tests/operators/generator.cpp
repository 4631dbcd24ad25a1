#include "tests/operators/generator.h"

#include <numeric>
#include <set>
#include <span>

#include "backends/cpu/reference/evaluate.h"
#include "frontend/onnx/import.h"
#include "tests/operators/draft.h"
#include "tests/operators/recipes.h"

namespace quartet::operators {

namespace {

using Row = frontend::Operator;

std::string nameOf(const Row& row) {
  return std::string(row.type) + "-" + std::to_string(row.since);
}

int64_t lastVersion(const Row& row) {
  int64_t version = row.since;
  while (version < frontend::kNewestOpset &&
         frontend::findOperator(row.domain, row.type, version + 1) == &row) {
    ++version;
  }
  return version;
}

Result<frontend::Imported> import(const Network& network) {
  const std::string bytes = write(network).bytes();
  const frontend::Evaluator evaluator = [](const ir::Module& graph) {
    return reference::evaluateGraph(graph, {});
  };
  return frontend::importModel(std::as_bytes(std::span(bytes)), {}, evaluator);
}

class Generator {
 public:
  explicit Generator(uint64_t seed) : random_(seed) {
    const auto rows = frontend::operators();
    const Row& first = rows[seed % rows.size()];
    made_.network.opset = random_.between(std::max(first.since, 1), lastVersion(first));
    for (const Row& row : rows) {
      if (frontend::findOperator(row.domain, row.type, made_.network.opset) != &row) continue;
      rows_.push_back(&row);
      weights_.push_back(1.0 / static_cast<double>(lastVersion(row) - row.since + 1));
    }
    const int64_t wanted = random_.between(1, 8);
    append(first);
    for (int64_t i = 1; i < wanted; ++i) append(anyRow());
  }

  Generated finish() {
    while (made_.network.nodes.empty()) append(anyRow());
    chooseOutputs();
    return std::move(made_);
  }

 private:
  /// Rows of few versions come up more often: over all versions about as often as the others.
  const Row& anyRow() {
    double left = random_.uniform() * std::accumulate(weights_.begin(), weights_.end(), 0.0);
    for (size_t i = 0; i < rows_.size(); ++i) {
      if (left < weights_[i]) return *rows_[i];
      left -= weights_[i];
    }
    return *rows_.back();
  }

  void append(const Row& row) {
    constexpr int kAttempts = 12;
    for (int attempt = 0; attempt < kAttempts && !made_.refused; ++attempt) {
      Draft draft(made_.network, row, random_, attempt >= kAttempts / 2);
      recipeOf(row.type)(draft);
      if (take(row, draft)) return;
    }
    ++made_.dropped;
  }

  /// Adds the node unless rounding errors would hide its results.
  bool take(const Row& row, const Draft& draft) {
    Node node = draft.node();
    while (!node.inputs.empty() && node.inputs.back().empty()) node.inputs.pop_back();
    Network alone;
    alone.opset = made_.network.opset;
    for (const std::string& name : node.inputs) {
      if (name.empty()) continue;
      const auto fresh = draft.made().find(name);
      Value value = fresh != draft.made().end() ? fresh->second : made_.network.values.at(name);
      if (value.origin == Origin::Node) value.origin = Origin::Input;
      alone.values[name] = std::move(value);
    }
    alone.nodes = {node};
    for (const std::string& name : node.outputs) {
      if (!name.empty()) alone.outputs.push_back(name);
    }
    auto facts = evaluate(alone);
    if (!facts) {
      if (facts.error().kind == Diagnostic::Kind::Unsupported) return false;
      made_.refused = facts.error().str();
      made_.network = std::move(alone);
      return true;
    }
    for (const auto& [name, value] : draft.made()) made_.network.values[name] = value;
    for (auto& [name, fact] : *facts) made_.network.values[name] = {Origin::Node, std::move(fact)};
    made_.network.nodes.push_back(std::move(node));
    made_.rows.push_back(nameOf(row));
    return true;
  }

  /// The facts of the outputs. Unsupported: they mean nothing; any other error: a valid model is
  /// refused.
  static Result<std::map<std::string, Fact>> evaluate(const Network& alone) {
    auto imported = import(alone);
    if (!imported) return userError("the importer: " + imported.error().str());
    const ir::Module& graph = imported->graph;
    const ir::Region& top = graph.region(graph.top());
    std::map<ir::ValueId, Fact> facts;
    for (size_t i = 0; i < top.parameters.size(); ++i) {
      facts[top.parameters[i]] = alone.values.at(imported->info.inputs[i].name).fact;
    }
    for (const ir::OpId id : top.ops) {
      const ir::Op& op = graph.op(id);
      if (op.opcode == ir::Opcode::Return) continue;
      std::vector<const Fact*> operands;
      for (const ir::ValueId operand : op.operands) operands.push_back(&facts.at(operand));
      facts[op.results[0]] = QT_TRY(fuzz::factOf(graph, id, operands));
    }
    std::map<std::string, Fact> results;
    const ir::Op& last = graph.op(top.ops.back());
    for (size_t i = 0; i < graph.outputs.size(); ++i) {
      results[graph.outputs[i]] = facts.at(last.operands[i]);
    }
    return results;
  }

  /// What nothing reads, and some of the rest.
  void chooseOutputs() {
    std::set<std::string> read;
    for (const Node& node : made_.network.nodes)
      read.insert(node.inputs.begin(), node.inputs.end());
    std::vector<std::string> outputs;
    for (const Node& node : made_.network.nodes) {
      for (const std::string& name : node.outputs) {
        if (name.empty()) continue;
        if (!read.contains(name) || random_.chance(0.2)) outputs.push_back(name);
      }
    }
    made_.network.outputs = std::move(outputs);
  }

  Random random_;
  Generated made_;
  std::vector<const Row*> rows_;  // of this version
  std::vector<double> weights_;
};

}  // namespace

std::vector<std::string> allRows() {
  std::vector<std::string> rows;
  for (const Row& row : frontend::operators()) rows.push_back(nameOf(row));
  return rows;
}

Generated generate(uint64_t seed) { return Generator(seed).finish(); }

}  // namespace quartet::operators
