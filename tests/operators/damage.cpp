#include "tests/operators/damage.h"

#include <algorithm>

#include "tests/operators/draft.h"

namespace quartet::operators {

namespace {

void damageValue(Network& network, Random& random) {
  std::vector<std::string> given;
  for (const auto& [name, value] : network.values) {
    if (value.origin != Origin::Node) given.push_back(name);
  }
  if (given.empty()) return;
  Value& value = network.values.at(random.pick(given));
  Ints shape = value.fact.data->shape;
  DType dtype = value.fact.data->dtype;
  const int64_t which = random.below(4);
  const auto anyAxis = [&] {
    return shape.begin() + random.below(static_cast<int64_t>(shape.size()));
  };
  if (which == 0) {
    dtype = static_cast<DType>(random.below(ir::kDTypeCount));
  } else if (which == 1) {
    shape.insert(shape.begin() + random.below(static_cast<int64_t>(shape.size()) + 1),
                 random.between(0, 3));
  } else if (which == 2 && !shape.empty()) {
    shape.erase(anyAxis());
  } else if (!shape.empty()) {
    *anyAxis() = random.between(0, 6);
  }
  std::vector<double> elements(static_cast<size_t>(countOf(shape)));
  for (double& element : elements) element = static_cast<double>(random.between(-2, 6));
  value.fact = fuzz::inputFact(tensorOf(dtype, shape, elements));
}

void damageInputs(Network& network, Random& random, Node& node) {
  if (node.inputs.empty()) return;
  std::string& input =
      node.inputs[static_cast<size_t>(random.below(static_cast<int64_t>(node.inputs.size())))];
  std::vector<std::string> names = {""};
  for (const auto& [name, value] : network.values) {
    if (value.origin != Origin::Node) names.push_back(name);
  }
  if (random.chance(0.3)) {
    node.inputs.push_back(random.pick(names));
  } else if (random.chance(0.3)) {
    node.inputs.pop_back();
  } else {
    input = random.pick(names);
  }
}

void damageAttribute(Random& random, Node& node) {
  if (node.attributes.empty()) return;
  const auto at =
      node.attributes.begin() + random.below(static_cast<int64_t>(node.attributes.size()));
  if (random.chance(0.3)) {
    node.attributes.erase(at);
  } else if (auto* list = std::get_if<Ints>(&at->value); list != nullptr && !list->empty()) {
    const int64_t which = random.below(3);
    if (which == 0) list->pop_back();
    if (which == 1) list->push_back(random.between(-1, 3));
    if (which == 2) list->front() = random.between(-3, 7);
  } else if (auto* number = std::get_if<int64_t>(&at->value)) {
    *number = random.between(-4, 9);
  } else {
    at->value = int64_t{1};
  }
}

}  // namespace

Network damaged(Network network, Random& random) {
  Node& node =
      network.nodes[static_cast<size_t>(random.below(static_cast<int64_t>(network.nodes.size())))];
  const int64_t which = random.below(4);
  if (which == 0) damageInputs(network, random, node);
  if (which == 1) damageAttribute(random, node);
  if (which >= 2) damageValue(network, random);
  return network;
}

}  // namespace quartet::operators
