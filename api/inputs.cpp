#include "api/inputs.h"

#include <algorithm>
#include <bit>
#include <cmath>

#include "api/convert.h"
#include "api/host_memory.h"
#include "api/model.h"

namespace quartet {
namespace api {
namespace {

std::string describe(const TensorInfo& info) { return name(info.dtype) + shapeText(info.shape); }

Status checkInput(const TensorInfo& expected, const Tensor& tensor) {
  const std::string where = "input '" + expected.name + "'";
  const std::string takes = "the model takes " + describe(expected);
  if (tensor.dtype != expected.dtype) {
    return userError("found dtype " + name(tensor.dtype) + ", required " + name(expected.dtype),
                     where, takes + ": convert the values");
  }
  QT_CHECK(checkShape(expected, tensor.shape));
  return checkBytes(expected.name, tensor);
}

}  // namespace

Status checkShape(const TensorInfo& expected, const std::vector<int64_t>& shape) {
  const std::string where = "input '" + expected.name + "'";
  if (shape.size() != expected.shape.size()) {
    return userError("found rank " + std::to_string(shape.size()) + " " + shapeText(shape) +
                         ", required rank " + std::to_string(expected.shape.size()),
                     where, "the model takes " + describe(expected));
  }
  for (size_t i = 0; i < shape.size(); ++i) {
    if (shape[i] == expected.shape[i] || (expected.shape[i] == kOpenExtent && shape[i] >= 0)) {
      continue;
    }
    return userError("found shape " + shapeText(shape) + ", required " + shapeText(expected.shape),
                     where, "pin the model's shape to the input's (--shape), or give other values");
  }
  return {};
}

Status checkBytes(const std::string& input, const Tensor& tensor) {
  const int64_t bytes = tensorBytes(toIr(tensor.dtype), tensor.shape);
  if (static_cast<int64_t>(tensor.bytes.size()) == bytes) return {};
  return userError("found " + std::to_string(tensor.bytes.size()) + " bytes, required " +
                       std::to_string(bytes) + " for " + name(tensor.dtype) +
                       shapeText(tensor.shape),
                   "input '" + input + "'");
}

Status checkInputs(const std::vector<TensorInfo>& expected, const NamedTensors& inputs) {
  std::string names;
  for (const TensorInfo& info : expected) {
    names += (names.empty() ? "'" : ", '") + info.name + "' " + describe(info);
  }
  for (const auto& [name, tensor] : inputs) {
    bool known = false;
    for (const TensorInfo& info : expected) known = known || info.name == name;
    if (!known) {
      return userError("the model has no input of this name", "input '" + name + "'",
                       "its inputs are: " + names);
    }
  }
  for (const TensorInfo& info : expected) {
    const auto found = inputs.find(info.name);
    if (found == inputs.end()) {
      return userError("no value is given", "input '" + info.name + "'",
                       "the model's inputs are: " + names);
    }
    QT_CHECK(checkInput(info, found->second));
  }
  return {};
}

}  // namespace api

namespace {

/// SplitMix64: a counter and a mix, the same on every machine.
class Random {
 public:
  Random(uint64_t seed, const std::string& stream) : state_(seed) {
    for (char c : stream) state_ = (state_ ^ static_cast<unsigned char>(c)) * 0x100000001b3ULL;
  }
  uint64_t next() {
    state_ += 0x9e3779b97f4a7c15ULL;
    uint64_t z = state_;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
    return z ^ (z >> 31);
  }
  uint64_t below(uint64_t limit) { return next() % limit; }
  /// In [-1, 1), a multiple of 2^-23.
  float uniform() { return static_cast<float>(next() >> 40) * 0x1p-23F - 1.0F; }

 private:
  uint64_t state_;
};

template <class T, class F>
Tensor fill(const TensorInfo& info, F value) {
  Tensor tensor{info.dtype, info.shape, {}};
  const auto count = static_cast<size_t>(tensor.elementCount());
  tensor.bytes.resize(count * sizeof(T));
  for (size_t i = 0; i < count; ++i) tensor.data<T>()[i] = static_cast<T>(value());
  return tensor;
}

uint16_t halfBits(float value, DataType type) {
  // Values that 8 bits of mantissa hold exactly: no rounding in either 16-bit float.
  const float exact = std::trunc(value * 128) / 128;
  const auto bits = std::bit_cast<uint32_t>(exact);
  if (type == DataType::BF16) return static_cast<uint16_t>(bits >> 16);
  if (exact == 0) return 0;
  const uint32_t sign = (bits >> 16) & 0x8000U;
  return static_cast<uint16_t>(sign | (((bits & 0x7fffffffU) - 0x38000000U) >> 13));
}

Tensor makeInput(const TensorInfo& info, Random random) {
  const auto whole = [&] {
    const auto limit = static_cast<uint64_t>(std::max<int64_t>(1, info.indexLimit.value_or(2)));
    return random.below(limit);
  };
  switch (info.dtype) {
    case DataType::F32:
      return fill<float>(info, [&] { return random.uniform(); });
    case DataType::F64:
      return fill<double>(info, [&] { return random.uniform(); });
    case DataType::F16:
    case DataType::BF16:
      return fill<uint16_t>(info, [&] { return halfBits(random.uniform(), info.dtype); });
    case DataType::Bool:
      return fill<uint8_t>(info, [&] { return random.below(2); });
    case DataType::I8:
    case DataType::U8:
      return fill<uint8_t>(info, [&] { return std::min<uint64_t>(whole(), 127); });
    case DataType::I16:
    case DataType::U16:
      return fill<uint16_t>(info, [&] { return std::min<uint64_t>(whole(), 32767); });
    case DataType::I32:
    case DataType::U32:
      return fill<uint32_t>(info, whole);
    case DataType::I64:
    case DataType::U64:
      return fill<uint64_t>(info, whole);
  }
  return {};
}

}  // namespace

NamedTensors Model::makeInputs(uint64_t seed) const {
  NamedTensors inputs;
  for (TensorInfo info : data_->inputs) {
    std::replace(info.shape.begin(), info.shape.end(), kOpenExtent, int64_t{1});
    inputs.emplace(info.name, makeInput(info, Random(seed, info.name)));
  }
  return inputs;
}

}  // namespace quartet
