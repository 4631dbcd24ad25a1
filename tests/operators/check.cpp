#include "tests/operators/check.h"

#include <algorithm>
#include <set>

#include "api/convert.h"
#include "quartet/quartet.h"

namespace quartet::operators {

namespace {

NamedTensors inputsOf(const Network& network, const Model& model) {
  NamedTensors inputs;
  for (const TensorInfo& info : model.inputs()) {
    inputs[info.name] = api::toTensor(*network.values.at(info.name).fact.data);
  }
  return inputs;
}

bool isNarrow(ir::DType dtype) { return dtype == ir::DType::F16 || dtype == ir::DType::BF16; }

/// The oracle's rule. It has no room for 16-bit floats, whose rounding it is finer than: there the
/// estimated errors count.
std::optional<std::string> wrongOutput(const Network& network, const Oracle& oracle,
                                       const NamedTensors& got) {
  for (const Comparison& comparison : oracle.compare(got)) {
    if (comparison.passed) continue;
    std::string detail = comparison.detail;
    const auto found = got.find(comparison.output);
    const Fact& fact = network.values.at(comparison.output).fact;
    if (found != got.end() && isNarrow(fact.data->dtype)) {
      const auto wrong = fuzz::difference(*api::toConstant(found->second), fact);
      if (!wrong) continue;
      detail = *wrong;
    }
    return "output " + comparison.output + ": " + detail;
  }
  return std::nullopt;
}

std::optional<std::string> runOn(const std::string& device, const Network& network,
                                 const Model& model, const NamedTensors& inputs,
                                 const Oracle& oracle) {
  CompileOptions options;
  options.device = device;
  options.threads = 2;
  options.cache = false;
  const auto session = Session::compile(model, options);
  if (!session) return session.error().str();
  const auto outputs = session->run(inputs);
  if (!outputs) return outputs.error().str();
  return wrongOutput(network, oracle, *outputs);
}

}  // namespace

std::optional<Failure> Checker::check(const Network& network,
                                      const std::vector<std::string>& devices) {
  const auto model = Model::parse(write(network).bytes());
  if (!model) return Failure{"import", model.error().str()};
  const NamedTensors inputs = inputsOf(network, *model);
  const auto oracle = Oracle::evaluate(*model, inputs);
  if (!oracle) return Failure{"reference", oracle.error().str()};
  for (const std::string& device : devices) {
    ++runs_[device];
    if (const auto wrong = runOn(device, network, *model, inputs, *oracle)) {
      return Failure{device, *wrong};
    }
  }
  return std::nullopt;
}

namespace {

/// Without the nodes of which no output is needed.
void dropUnused(Network& network) {
  std::set<std::string> needed(network.outputs.begin(), network.outputs.end());
  std::vector<Node> kept;
  for (auto node = network.nodes.rbegin(); node != network.nodes.rend(); ++node) {
    const bool used = std::any_of(node->outputs.begin(), node->outputs.end(),
                                  [&](const std::string& name) { return needed.contains(name); });
    if (!used) continue;
    needed.insert(node->inputs.begin(), node->inputs.end());
    kept.push_back(std::move(*node));
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

Network reduce(const Network& network, const Failure& failure) {
  Checker checker;
  const bool onDevice = failure.where != "import" && failure.where != "reference";
  const std::vector<std::string> devices =
      onDevice ? std::vector<std::string>{failure.where} : std::vector<std::string>{};
  Network best = network;
  for (bool progress = true; progress;) {
    progress = false;
    for (Network& candidate : smallerThan(best)) {
      const auto still = checker.check(candidate, devices);
      if (!still || still->where != failure.where) continue;
      best = std::move(candidate);
      progress = true;
      break;
    }
  }
  return best;
}

}  // namespace quartet::operators
