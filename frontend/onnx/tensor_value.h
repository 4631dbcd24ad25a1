// A value of the model during import, and the arithmetic on its shape.
#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "frontend/onnx/import.h"
#include "ir/module.h"

namespace quartet::frontend {

/// A tensor of the graph that is being built. At least one of `id`, `constant` and `contents` is
/// set; a constant or contents become an op of the graph only when something uses them.
struct Tensor {
  ir::DType dtype = ir::DType::F32;
  ir::Dims shape;
  ir::ValueId id;     // in the graph
  Constant constant;  // the data, when known
  /// Elements of a small integer or bool tensor as extents, row-major: how shape arithmetic over
  /// symbols is followed. Constants of this kind have no `contents`: see contentsOf.
  std::shared_ptr<const ir::Dims> contents;

  int rank() const { return static_cast<int>(shape.size()); }
};

/// "[1, N, 3]"
std::string str(const ir::Dims& shape);
/// "f32[1, N, 3]"
std::string typeString(const Tensor& tensor);

/// The elements of an integer or bool tensor of at most `limit` elements, when known.
std::optional<ir::Dims> contentsOf(const Tensor& tensor, int64_t limit = 1024);
/// The same when all elements are numbers.
std::optional<std::vector<int64_t>> integersOf(const Tensor& tensor, int64_t limit = 1 << 20);
/// Element `i` of a constant, row-major, as a double.
double numberAt(const Tensor& constant, size_t i);
/// The elements of a constant as doubles, whatever its type.
std::optional<std::vector<double>> numbersOf(const Tensor& tensor);
/// The value of a constant that holds one element repeated (a scalar, say).
std::optional<double> uniformValue(const Tensor& tensor);

/// numpy's rules; nothing when the shapes do not fit (or cannot be proved to fit).
std::optional<ir::Dims> broadcastShapes(const ir::Dims& a, const ir::Dims& b);
std::optional<ir::Dims> broadcastShapes(std::span<const Tensor> tensors);

/// Elements that a tensor can have: more than any memory holds, few enough that products of extents
/// with attributes do not overflow.
constexpr int64_t kMaxElements = INT64_C(1) << 40;
/// Whether the known extents are 0 or more and multiply to at most kMaxElements, an extent of 0
/// left out. Arithmetic on numbers that overflowed is not countable either.
bool countable(const ir::Dims& shape);
/// Number of elements when the shape is constant.
std::optional<int64_t> constantCount(const ir::Dims& shape);
std::optional<std::vector<int64_t>> constantShape(const ir::Dims& shape);
ir::Dims toDims(std::span<const int64_t> values);
/// Row-major strides of a constant shape.
std::vector<int64_t> stridesOf(std::span<const int64_t> shape);
/// True when `dim` cannot be negative for extents that are not.
bool nonNegative(const ir::Dim& dim);

/// One element of `dtype` holding `value` (rounded to nearest even, saturated).
std::vector<std::byte> encode(ir::DType dtype, double value);
std::vector<std::byte> encodeInteger(ir::DType dtype, int64_t value);

}  // namespace quartet::frontend
