#include "tests/shapes/builder.h"

#include "tests/operators/draft.h"

namespace quartet::shapes {

Builder::Builder(fuzz::Random& random, int64_t work)
    : random(random), work(work), whole(random.chance(0.5)) {
  node_.outputs = {"y"};
}

void Builder::pickDType(const std::vector<DType>& others) {
  dtype = chance(0.7) ? DType::F32 : random.pick(others);
}

double Builder::element(bool positive) {
  if (dtype == DType::I8) return static_cast<double>(between(positive ? 1 : INT8_MIN, INT8_MAX));
  if (dtype == DType::U8) return static_cast<double>(between(positive ? 1 : 0, UINT8_MAX));
  // Products of two such integers and sums of them stay below 2^24.
  const int64_t most = dtype == DType::F16 ? 2 : 8;
  if (whole || !ir::isFloat(dtype)) {
    const bool isSigned = ir::isSigned(dtype) && !positive;
    return static_cast<double>(between(positive ? 1 : isSigned ? -most : 0, most));
  }
  const double reach = dtype == DType::F16 ? 1 : 4;
  return positive ? reach * (1 - random.uniform()) : reach * (2 * random.uniform() - 1);
}

void Builder::operand(const Ints& shape, Origin origin, bool positive) {
  std::vector<double> elements(static_cast<size_t>(product(shape)));
  for (double& x : elements) x = element(positive);
  operand(shape, origin, elements);
}

void Builder::operand(const Ints& shape, Origin origin, const std::vector<double>& elements) {
  const std::string name = "x" + std::to_string(node_.inputs.size());
  node_.inputs.push_back(name);
  network_.values[name] = {origin, {.data = operators::tensorOf(dtype, shape, elements)}};
}

void Builder::known(const Ints& elements) {
  const Ints shape{static_cast<int64_t>(elements.size())};
  const std::string name = "x" + std::to_string(node_.inputs.size());
  node_.inputs.push_back(name);
  network_.values[name] = {
      Origin::Initializer,
      {.data = operators::tensorOf(DType::I64, shape, {elements.begin(), elements.end()})}};
}

void Builder::none() { node_.inputs.emplace_back(); }

void Builder::attribute(const std::string& name, tests::AttributeValue value) {
  node_.attributes.push_back({name, std::move(value)});
}

void Builder::maybe(const std::string& name, tests::AttributeValue value) {
  if (chance(0.5)) attribute(name, std::move(value));
}

Accuracy Builder::sum(int64_t terms, int64_t more, double after) const {
  if (whole) return {after, Accuracy::Relative::ToResult};
  return {static_cast<double>(terms + more) + after, Accuracy::Relative::ToMagnitudes};
}

Case Builder::finish(const std::string& type, int64_t opset, Accuracy accuracy) {
  node_.type = type;
  network_.opset = opset;
  network_.nodes = {node_};
  network_.outputs = {"y"};
  return {network_, accuracy};
}

}  // namespace quartet::shapes
