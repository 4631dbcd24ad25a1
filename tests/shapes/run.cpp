#include "tests/shapes/run.h"

#include "api/convert.h"
#include "backends/vulkan/device.h"
#include "quartet/quartet.h"
#include "tests/shapes/generate.h"

namespace quartet::shapes {

namespace {

struct Answer {
  Tensor want;
  std::optional<Tensor> magnitudes;
};

NamedTensors inputsOf(const operators::Network& network, const Model& model) {
  NamedTensors inputs;
  for (const TensorInfo& info : model.inputs()) {
    inputs[info.name] = api::toTensor(*network.values.at(info.name).fact.data);
  }
  return inputs;
}

Expected<Tensor> reference(const operators::Network& network) {
  const auto model = Model::parse(operators::write(network).bytes());
  if (!model) return model.error();
  const auto oracle = Oracle::evaluate(*model, inputsOf(network, *model));
  if (!oracle) return oracle.error();
  return oracle->outputs().at("y");
}

Expected<Answer> answerOf(const Case& c) {
  auto want = reference(c.network);
  if (!want) return want.error();
  if (c.accuracy.relative != Accuracy::Relative::ToMagnitudes) {
    return Answer{*std::move(want), std::nullopt};
  }
  auto magnitudes = reference(magnitudesOf(c.network));
  if (!magnitudes) return magnitudes.error();
  return Answer{*std::move(want), *std::move(magnitudes)};
}

Expected<Tensor> runOn(const std::string& device, int threads, const operators::Network& network,
                       const Model& model) {
  CompileOptions options;
  options.device = device;
  options.threads = threads;
  options.cache = false;
  options.strict = true;
  const auto session = Session::compile(model, options);
  if (!session) return session.error();
  auto outputs = session->run(inputsOf(network, model));
  if (!outputs) return outputs.error();
  return outputs->at("y");
}

/// What is wrong with one run; empty when nothing is.
std::string wrong(const Expected<Tensor>& got, const Answer& answer, const Accuracy& accuracy) {
  if (!got) return got.error().str();
  const Tensor* magnitudes = answer.magnitudes ? &*answer.magnitudes : nullptr;
  return difference(*got, answer.want, magnitudes, accuracy).value_or("");
}

std::string checkCpu(const Case& c, const Model& model, const Answer& answer) {
  const auto one = runOn("cpu", 1, c.network, model);
  if (const std::string text = wrong(one, answer, c.accuracy); !text.empty()) {
    return "cpu, 1 thread: " + text;
  }
  const auto two = runOn("cpu", 2, c.network, model);
  if (const std::string text = wrong(two, answer, c.accuracy); !text.empty()) {
    return "cpu, 2 threads: " + text;
  }
  return one->bytes == two->bytes ? "" : "cpu: two threads give other bytes than one";
}

std::string checkGpu(const std::string& device, const Case& c, const Model& model,
                     const Answer& answer) {
  const std::string text = wrong(runOn(device, 0, c.network, model), answer, c.accuracy);
  if (!text.empty()) return device + ": " + text;
  const std::vector<std::string> validation = vulkan::takeValidationMessages();
  return validation.empty() ? "" : device + ", validation: " + validation.front();
}

}  // namespace

std::string check(const Case& c, const std::vector<std::string>& gpus) {
  const auto model = Model::parse(operators::write(c.network).bytes());
  if (!model) return "the model: " + model.error().str();
  const auto answer = answerOf(c);
  if (!answer) return "the reference: " + answer.error().str();
  std::string text = checkCpu(c, *model, *answer);
  for (size_t i = 0; i < gpus.size() && text.empty(); ++i) {
    text = checkGpu(gpus[i], c, *model, *answer);
  }
  return text;
}

}  // namespace quartet::shapes
