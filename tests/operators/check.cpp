#include "tests/operators/check.h"

#include <algorithm>
#include <map>

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

/// The oracle's rule. It has no room where it is finer than rounding, in 16-bit floats and where
/// everything cancels: there the estimated errors count.
std::optional<std::string> wrongOutput(const Network& network, const Oracle& oracle,
                                       const NamedTensors& got) {
  for (const Comparison& comparison : oracle.compare(got)) {
    if (comparison.passed) continue;
    std::string detail = comparison.detail;
    const auto found = got.find(comparison.output);
    const Fact& fact = network.values.at(comparison.output).fact;
    if (found != got.end() && (isNarrow(fact.data->dtype) || fact.largest == 0)) {
      const auto wrong = fuzz::difference(*api::toConstant(found->second), fact);
      if (!wrong) continue;
      detail = *wrong;
    }
    return "output " + comparison.output + ": " + detail;
  }
  return std::nullopt;
}

/// What is wrong in a way of running; `skipped`: nothing was run.
struct Outcome {
  std::optional<std::string> wrong;
  bool skipped = false;
};

Outcome runOn(const std::string& device, const Network& network, const Model& model,
              const NamedTensors& inputs, const Oracle& oracle) {
  CompileOptions options;
  options.device = device;
  options.threads = 2;
  options.cache = false;
  const auto session = Session::compile(model, options);
  if (!session) return {session.error().str()};
  const auto outputs = session->run(inputs);
  if (!outputs) return {outputs.error().str()};
  return {wrongOutput(network, oracle, *outputs)};
}

/// The commonest extent above 1 of the inputs that are read.
std::optional<int64_t> commonExtent(const Model& model) {
  std::map<int64_t, int> counts;
  for (const TensorInfo& info : model.inputs()) {
    for (const int64_t extent : info.shape) ++counts[extent];
  }
  counts.erase(0);
  counts.erase(1);
  if (counts.empty()) return std::nullopt;
  return std::ranges::max_element(counts, {}, [](const auto& one) { return one.second; })->first;
}

/// Most models mean nothing with another extent, or need to know it: importing them says so.
Outcome runOpen(const std::string& device, const Network& network, const Model& closed,
                const NamedTensors& inputs, const Oracle& oracle) {
  const auto extent = commonExtent(closed);
  if (!extent) return {std::nullopt, true};
  Model::Shapes shapes;
  for (const TensorInfo& info : closed.inputs()) {
    std::vector<int64_t>& shape = shapes[info.name] = info.shape;
    std::ranges::replace(shape, *extent, kOpenExtent);
  }
  const auto model = Model::parse(write(network, extent).bytes(), shapes);
  if (!model) {
    if (model.error().kind != Error::Kind::Internal) return {std::nullopt, true};
    return {model.error().str()};
  }
  return runOn(device, network, *model, inputs, oracle);
}

}  // namespace

std::optional<Failure> Checker::check(const Network& network, const std::vector<Way>& ways) {
  const auto model = Model::parse(write(network).bytes());
  if (!model) return Failure{model.error().str(), std::nullopt};
  const NamedTensors inputs = inputsOf(network, *model);
  const auto oracle = Oracle::evaluate(*model, inputs);
  if (!oracle) return Failure{oracle.error().str(), std::nullopt};
  for (const Way& way : ways) {
    const auto run = way.open ? runOpen : runOn;
    const Outcome outcome = run(way.device, network, *model, inputs, *oracle);
    if (!outcome.skipped) ++runs_[way.name()];
    if (outcome.wrong) return Failure{*outcome.wrong, way};
  }
  return std::nullopt;
}

}  // namespace quartet::operators
