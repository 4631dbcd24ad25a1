// The reference's answer, and the one rule by which others are compared with it.

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <limits>

#include "api/convert.h"
#include "api/host_memory.h"
#include "api/inputs.h"
#include "api/model.h"
#include "backends/cpu/reference/evaluate.h"
#include "runtime/convert.h"

namespace quartet {

struct Oracle::Data {
  std::shared_ptr<const Model::Data> model;
  NamedTensors outputs;
  std::vector<std::optional<Tensor>> selections;  // per output: the floats that it selects on
  std::vector<int64_t> axes;                      // along which it does
  double milliseconds = 0;
};

namespace {

constexpr double kRelative = 1e-3;
constexpr double kOfLargest = 1e-4;
constexpr double kInfinity = std::numeric_limits<double>::infinity();

std::vector<double> doubles(const Tensor& tensor) {
  std::vector<double> values(static_cast<size_t>(tensor.elementCount()));
  runtime::convertElements(api::toIr(tensor.dtype), tensor.bytes.data(), 1, ir::DType::F64,
                           reinterpret_cast<std::byte*>(values.data()), tensor.elementCount());
  return values;
}

std::vector<int64_t> integers(const Tensor& tensor) {
  std::vector<int64_t> values(static_cast<size_t>(tensor.elementCount()));
  runtime::convertElements(api::toIr(tensor.dtype), tensor.bytes.data(), 1, ir::DType::I64,
                           reinterpret_cast<std::byte*>(values.data()), tensor.elementCount());
  return values;
}

/// From a value to the next one of its dtype: only bf16's neighbours lie further apart than
/// kRelative.
double unitOf(double value, ir::DType dtype) {
  constexpr int kFractionBits = 7;
  if (dtype != ir::DType::BF16 || value == 0) return 0;
  return std::ldexp(1.0, std::ilogb(value) - kFractionBits);
}

/// |got - reference| as a part of what is allowed.
double ratio(double got, double reference, double largest, ir::DType dtype) {
  if (std::isnan(reference) || std::isnan(got)) {
    return std::isnan(reference) && std::isnan(got) ? 0 : kInfinity;
  }
  if (std::isinf(reference) || std::isinf(got)) return got == reference ? 0 : kInfinity;
  const double difference = std::fabs(got - reference);
  if (difference == 0) return 0;
  const double rounded = kRelative * std::fabs(reference) + kOfLargest * largest;
  return difference / std::max(rounded, unitOf(reference, dtype));
}

void compareFloats(const std::vector<double>& got, const std::vector<double>& reference,
                   double largest, ir::DType dtype, Comparison& comparison) {
  for (size_t i = 0; i < reference.size(); ++i) {
    const double part = ratio(got[i], reference[i], largest, dtype);
    if (!(part <= 1)) ++comparison.failures;
    if (part <= comparison.worstRatio) continue;
    comparison.worstRatio = part;
    if (part > 1) {
      comparison.detail =
          fmt::format("element {}: got {:.9g}, reference {:.9g}", i, got[i], reference[i]);
    }
  }
}

double largestFinite(const std::vector<double>& values) {
  double largest = 0;
  for (double value : values) {
    if (std::isfinite(value)) largest = std::max(largest, std::fabs(value));
  }
  return largest;
}

void compareIntegers(const std::vector<int64_t>& got, const std::vector<int64_t>& reference,
                     Comparison& comparison) {
  for (size_t i = 0; i < reference.size(); ++i) {
    if (got[i] == reference[i]) continue;
    if (comparison.failures++ > 0) continue;
    comparison.worstRatio = kInfinity;
    comparison.detail = fmt::format("element {}: got {}, reference {}", i, got[i], reference[i]);
  }
}

/// Positions along an axis of `values`: compares what they select.
void compareSelections(const std::vector<int64_t>& got, const std::vector<int64_t>& reference,
                       const Tensor& values, int64_t axis, Comparison& comparison) {
  const std::vector<double> floats = doubles(values);
  const int64_t extent = values.shape[static_cast<size_t>(axis)];
  int64_t inner = 1;
  for (size_t i = static_cast<size_t>(axis) + 1; i < values.shape.size(); ++i) {
    inner *= values.shape[i];
  }
  const double largest = largestFinite(floats);
  std::vector<double> gotValues;
  std::vector<double> referenceValues;
  for (size_t i = 0; i < reference.size(); ++i) {
    const auto at = static_cast<int64_t>(i);
    const auto select = [&](int64_t position) {
      if (position < 0 || position >= extent) return std::numeric_limits<double>::quiet_NaN();
      const int64_t offset = (at / inner * extent + position) * inner + at % inner;
      return floats[static_cast<size_t>(offset)];
    };
    // Equal positions agree, whatever they select.
    gotValues.push_back(got[i] == reference[i] ? 0 : select(got[i]));
    referenceValues.push_back(got[i] == reference[i] ? 0 : select(reference[i]));
  }
  compareFloats(gotValues, referenceValues, largest, api::toIr(values.dtype), comparison);
}

/// The graph with the values that its outputs select on as further outputs.
ir::Module withSelections(const Model::Data& model) {
  ir::Module graph = model.graph;
  ir::Op& last = graph.op(graph.region(graph.top()).ops.back());
  for (size_t i = 0; i < model.selectors.size(); ++i) {
    if (!model.selectors[i]) continue;
    last.operands.push_back(model.selectors[i]->values);
    graph.outputs.push_back("selected by output " + std::to_string(i));
  }
  return graph;
}

/// The model as its operators are written: what simplifies and folds on the way to a program is
/// among what the oracle judges.
Result<std::shared_ptr<const Model::Data>> judged(const std::shared_ptr<const Model::Data>& model,
                                                  const NamedTensors& inputs) {
  Model::Shapes shapes;
  for (const auto& [name, tensor] : inputs) shapes.emplace(name, tensor.shape);
  auto written = QT_TRY(api::asWritten(*model, shapes));
  return written == nullptr ? model : written;
}

Result<Oracle> evaluateOracle(const std::shared_ptr<const Model::Data>& model,
                              const NamedTensors& inputs) {
  QT_CHECK(api::checkInputs(model->inputs, inputs));
  const auto written = QT_TRY(judged(model, inputs));
  QT_CHECK(api::checkHostMemory(api::evaluationBytes(written->graph),
                                "evaluating the model on the reference"));
  std::vector<std::shared_ptr<const ir::ConstantData>> values;
  for (const TensorInfo& input : model->inputs) {
    values.push_back(api::toConstant(inputs.at(input.name)));
  }
  auto data = std::make_shared<Oracle::Data>();
  data->model = model;
  QT_CHECK(api::checkFiles(written->graph));
  const auto start = std::chrono::steady_clock::now();
  const auto results = QT_TRY(reference::evaluateGraph(withSelections(*written), values));
  QT_CHECK(api::checkFiles(written->graph));
  data->milliseconds =
      std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - start).count();
  size_t next = model->outputs.size();
  for (size_t i = 0; i < model->outputs.size(); ++i) {
    data->outputs.emplace(model->outputs[i].name, api::toTensor(*results[i]));
    data->selections.emplace_back();
    data->axes.push_back(0);
    if (!written->selectors[i]) continue;
    data->selections.back() = api::toTensor(*results[next++]);
    data->axes.back() = written->selectors[i]->axis;
  }
  return Oracle(std::move(data));
}

Comparison compareOutput(const TensorInfo& info, const Tensor& got, const Tensor& reference,
                         const std::optional<Tensor>& selection, int64_t axis) {
  Comparison comparison;
  comparison.output = info.name;
  comparison.elements = reference.elementCount();
  if (got.dtype != reference.dtype || got.shape != reference.shape) {
    comparison.worstRatio = kInfinity;
    comparison.failures = comparison.elements;
    comparison.detail = "got " + name(got.dtype) + api::shapeText(got.shape) + ", reference " +
                        name(reference.dtype) + api::shapeText(reference.shape);
    return comparison;
  }
  const ir::DType dtype = api::toIr(reference.dtype);
  if (ir::isFloat(dtype)) {
    const std::vector<double> expected = doubles(reference);
    compareFloats(doubles(got), expected, largestFinite(expected), dtype, comparison);
  } else if (selection) {
    compareSelections(integers(got), integers(reference), *selection, axis, comparison);
  } else {
    compareIntegers(integers(got), integers(reference), comparison);
  }
  comparison.passed = comparison.failures == 0;
  return comparison;
}

}  // namespace

Expected<Oracle> Oracle::evaluate(const Model& model, const NamedTensors& inputs) {
  return api::guarded([&] { return evaluateOracle(model.shared(), inputs); });
}

const NamedTensors& Oracle::outputs() const { return data_->outputs; }
double Oracle::milliseconds() const { return data_->milliseconds; }

std::vector<Comparison> Oracle::compare(const NamedTensors& got) const {
  std::vector<Comparison> comparisons;
  for (size_t i = 0; i < data_->model->outputs.size(); ++i) {
    const TensorInfo& info = data_->model->outputs[i];
    const auto found = got.find(info.name);
    if (found == got.end()) {
      Comparison missing;
      missing.output = info.name;
      missing.worstRatio = kInfinity;
      missing.detail = "the output is missing";
      comparisons.push_back(missing);
      continue;
    }
    comparisons.push_back(compareOutput(info, found->second, data_->outputs.at(info.name),
                                        data_->selections[i], data_->axes[i]));
  }
  return comparisons;
}

}  // namespace quartet
