#include "tests/operators/reduce.h"

#include <algorithm>
#include <iterator>
#include <ranges>
#include <set>

namespace quartet::operators {

namespace {

/// Without the nodes of which no output is needed.
void dropUnused(Network& network) {
  std::set<std::string> needed(network.outputs.begin(), network.outputs.end());
  std::vector<Node> kept;
  for (Node& node : std::views::reverse(network.nodes)) {
    const bool used = std::any_of(node.outputs.begin(), node.outputs.end(),
                                  [&](const std::string& name) { return needed.contains(name); });
    if (!used) continue;
    needed.insert(node.inputs.begin(), node.inputs.end());
    kept.push_back(std::move(node));
  }
  network.nodes.assign(std::make_move_iterator(kept.rbegin()),
                       std::make_move_iterator(kept.rend()));
}

/// The result of a node as an input of the network; its twins stay with the node.
Network withInput(Network network, const std::string& result) {
  for (Node& node : network.nodes) {
    for (std::string& name : node.outputs) {
      if (name == result) name += "_unused";
    }
  }
  Value& value = network.values.at(result);
  value = {Origin::Input, fuzz::inputFact(value.fact.data)};
  dropUnused(network);
  return network;
}

std::vector<Network> smallerThan(const Network& network) {
  std::vector<Network> smaller;
  for (const std::string& output : network.outputs) {
    if (network.outputs.size() == 1) break;
    smaller.push_back(network);
    smaller.back().outputs = {output};
    dropUnused(smaller.back());
  }
  // Nodes from the end: instead of a result what it was computed from.
  for (const Node& node : network.nodes) {
    const bool last = std::ranges::any_of(node.outputs, [&](const std::string& name) {
      return std::ranges::find(network.outputs, name) != network.outputs.end();
    });
    for (const std::string& name : node.inputs) {
      const auto found = network.values.find(name);
      if (!last || found == network.values.end() || found->second.origin != Origin::Node) continue;
      smaller.push_back(network);
      smaller.back().outputs = {name};
      dropUnused(smaller.back());
    }
  }
  const std::set<std::string> outputs(network.outputs.begin(), network.outputs.end());
  for (auto node = network.nodes.rbegin(); node != network.nodes.rend(); ++node) {
    for (const std::string& name : node->outputs) {
      const auto found = network.values.find(name);
      if (found == network.values.end() || outputs.contains(name)) continue;
      const bool read =
          std::any_of(network.nodes.begin(), network.nodes.end(), [&](const Node& reader) {
            return std::find(reader.inputs.begin(), reader.inputs.end(), name) !=
                   reader.inputs.end();
          });
      if (read) smaller.push_back(withInput(network, name));
    }
  }
  return smaller;
}

}  // namespace

Network reduce(const Network& network, const std::function<bool(const Network&)>& fails) {
  Network best = network;
  for (bool progress = true; progress;) {
    progress = false;
    for (Network& candidate : smallerThan(best)) {
      if (!fails(candidate)) continue;
      best = std::move(candidate);
      progress = true;
      break;
    }
  }
  return best;
}

}  // namespace quartet::operators
