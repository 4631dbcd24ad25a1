// Evaluates one op on given tensors.
#pragma once

#include <doctest/doctest.h>

#include <limits>
#include <string>
#include <vector>

#include "backends/cpu/reference/evaluate.h"

namespace quartet::tests {

using ir::DType;
using ir::Ints;
using ir::Opcode;
using Tensor = std::shared_ptr<const ir::ConstantData>;

inline constexpr double kInf = std::numeric_limits<double>::infinity();
inline constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
inline constexpr int64_t kMin64 = std::numeric_limits<int64_t>::min();

template <class T>
constexpr DType dtypeOf() {
  if constexpr (std::is_same_v<T, float>) return DType::F32;
  if constexpr (std::is_same_v<T, double>) return DType::F64;
  if constexpr (std::is_same_v<T, int8_t>) return DType::I8;
  if constexpr (std::is_same_v<T, uint8_t>) return DType::U8;
  if constexpr (std::is_same_v<T, int16_t>) return DType::I16;
  if constexpr (std::is_same_v<T, uint16_t>) return DType::U16;
  if constexpr (std::is_same_v<T, int32_t>) return DType::I32;
  if constexpr (std::is_same_v<T, uint32_t>) return DType::U32;
  if constexpr (std::is_same_v<T, int64_t>) return DType::I64;
  if constexpr (std::is_same_v<T, uint64_t>) return DType::U64;
}

template <class T>
Tensor tensor(Ints shape, const std::vector<T>& values) {
  return ir::makeConstant(dtypeOf<T>(), std::move(shape), values);
}
inline Tensor f32(Ints shape, const std::vector<float>& values) {
  return tensor(std::move(shape), values);
}
inline Tensor i64(Ints shape, const std::vector<int64_t>& values) {
  return tensor(std::move(shape), values);
}
inline Tensor bits16(DType dtype, Ints shape, const std::vector<uint16_t>& values) {
  return ir::makeConstant(dtype, std::move(shape), values);
}
inline Tensor bools(Ints shape, const std::vector<uint8_t>& values) {
  return ir::makeConstant(DType::Bool, std::move(shape), values);
}

/// 0, 1, 2, ... in a shape.
inline Tensor counting(Ints shape) {
  std::vector<float> values;
  int64_t count = 1;
  for (const int64_t extent : shape) count *= extent;
  for (int64_t i = 0; i < count; ++i) values.push_back(static_cast<float>(i));
  return f32(std::move(shape), values);
}

using AttributeList = std::vector<std::pair<std::string, ir::Attribute>>;

inline Result<Tensor> tryEvaluate(Opcode opcode, const std::vector<Tensor>& inputs, DType dtype,
                                  const Ints& shape, const AttributeList& attributes = {}) {
  ir::Module graph;
  std::vector<ir::ValueId> operands;
  const auto typeOf = [](DType type, const Ints& extents) {
    return ir::Type::tensor(type, ir::Dims(extents.begin(), extents.end()));
  };
  for (const Tensor& input : inputs) {
    operands.push_back(graph.addParameter(graph.top(), typeOf(input->dtype, input->shape)));
  }
  ir::Attributes set;
  for (const auto& [key, value] : attributes) set.set(key, value);
  const ir::OpId op =
      graph.addOp(graph.top(), opcode, operands, {typeOf(dtype, shape)}, set, {}, {"node1"});
  graph.addOp(graph.top(), Opcode::Return, {graph.result(op)}, {});
  graph.outputs = {"out"};
  const std::vector<Tensor> results = QT_TRY(reference::evaluateGraph(graph, inputs));
  return results.at(0);
}

inline Tensor evaluate(Opcode opcode, const std::vector<Tensor>& inputs, DType dtype,
                       const Ints& shape, const AttributeList& attributes = {}) {
  auto result = tryEvaluate(opcode, inputs, dtype, shape, attributes);
  REQUIRE_MESSAGE(result.has_value(), result.error().str());
  REQUIRE((*result)->dtype == dtype);
  REQUIRE((*result)->shape == shape);
  return *result;
}

template <class T>
std::vector<T> values(const Tensor& tensor) {
  const auto view = tensor->as<T>();
  return std::vector<T>(view.begin(), view.end());
}

/// The values of a float op, which may compare to NaN.
#define CHECK_VALUES(tensor, T, ...) CHECK(values<T>(tensor) == std::vector<T>(__VA_ARGS__))

}  // namespace quartet::tests
