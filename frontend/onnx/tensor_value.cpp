#include "frontend/onnx/tensor_value.h"

#include <algorithm>
#include <cstring>

#include "ir/scalar_eval.h"

namespace quartet::frontend {

using ir::Dim;
using ir::Dims;
using ir::DType;

std::string str(const Dims& shape) {
  std::string text;
  for (const Dim& dim : shape) text += (text.empty() ? "" : ", ") + dim.str();
  return "[" + text + "]";
}

std::string typeString(const Tensor& tensor) {
  return std::string(ir::name(tensor.dtype)) + str(tensor.shape);
}

namespace {

double loadNumber(DType dtype, std::span<const std::byte> bytes, size_t i) {
  const auto size = static_cast<size_t>(ir::byteSize(dtype));
  const ir::Scalar scalar = ir::readScalar(dtype, bytes.data() + i * size);
  if (ir::isFloat(dtype)) return scalar.f;
  if (dtype == DType::U64) return static_cast<double>(static_cast<uint64_t>(scalar.i));
  return static_cast<double>(scalar.i);
}

// Integers as int64; nothing for u64 beyond its range.
std::optional<int64_t> loadInteger(DType dtype, std::span<const std::byte> bytes, size_t i) {
  const auto size = static_cast<size_t>(ir::byteSize(dtype));
  const int64_t value = ir::readScalar(dtype, bytes.data() + i * size).i;
  if (dtype == DType::U64 && value < 0) return std::nullopt;
  return value;
}

}  // namespace

std::optional<std::vector<int64_t>> integersOf(const Tensor& tensor, int64_t limit) {
  if (ir::isFloat(tensor.dtype)) return std::nullopt;
  std::vector<int64_t> values;
  if (tensor.constant) {
    const int64_t count = tensor.constant->elementCount();
    if (count > limit) return std::nullopt;
    for (int64_t i = 0; i < count; ++i) {
      const auto value = loadInteger(tensor.dtype, tensor.constant->bytes, static_cast<size_t>(i));
      if (!value) return std::nullopt;
      values.push_back(*value);
    }
    return values;
  }
  if (!tensor.contents) return std::nullopt;
  for (const Dim& dim : *tensor.contents) {
    if (!dim.isConstant()) return std::nullopt;
    values.push_back(dim.value());
  }
  return values;
}

std::optional<Dims> contentsOf(const Tensor& tensor, int64_t limit) {
  if (tensor.contents) return *tensor.contents;
  const auto values = integersOf(tensor, limit);
  if (!values) return std::nullopt;
  return Dims(values->begin(), values->end());
}

double numberAt(const Tensor& constant, size_t i) {
  return loadNumber(constant.dtype, constant.constant->bytes, i);
}

std::optional<std::vector<double>> numbersOf(const Tensor& tensor) {
  if (!tensor.constant) return std::nullopt;
  std::vector<double> values(static_cast<size_t>(tensor.constant->elementCount()));
  for (size_t i = 0; i < values.size(); ++i) {
    values[i] = loadNumber(tensor.dtype, tensor.constant->bytes, i);
  }
  return values;
}

std::optional<double> uniformValue(const Tensor& tensor) {
  if (!tensor.constant || tensor.constant->elementCount() == 0) return std::nullopt;
  const auto bytes = tensor.constant->bytes;
  const auto size = static_cast<size_t>(ir::byteSize(tensor.dtype));
  // The first element, then every element against the one before it.
  if (std::memcmp(bytes.data(), bytes.data() + size, bytes.size() - size) != 0) return std::nullopt;
  return loadNumber(tensor.dtype, bytes, 0);
}

std::optional<Dims> broadcastShapes(const Dims& a, const Dims& b) {
  const Dims& longer = a.size() >= b.size() ? a : b;
  const Dims& shorter = a.size() >= b.size() ? b : a;
  Dims result = longer;
  const size_t offset = longer.size() - shorter.size();
  for (size_t i = 0; i < shorter.size(); ++i) {
    Dim& out = result[offset + i];
    if (out == shorter[i] || shorter[i] == Dim(1)) continue;
    if (out != Dim(1)) return std::nullopt;
    out = shorter[i];
  }
  return result;
}

std::optional<Dims> broadcastShapes(std::span<const Tensor> tensors) {
  std::optional<Dims> shape = Dims{};
  for (const Tensor& tensor : tensors) {
    shape = broadcastShapes(*shape, tensor.shape);
    if (!shape) break;
  }
  return shape;
}

bool countable(const Dims& shape) {
  int64_t count = 1;
  for (const Dim& dim : shape) {
    if (!dim.isConstant()) {
      if (dim.symbols().empty()) return false;
      continue;
    }
    if (dim.value() < 0) return false;
    if (dim.value() == 0) continue;
    if (__builtin_mul_overflow(count, dim.value(), &count) || count > kMaxElements) return false;
  }
  return true;
}

std::optional<int64_t> constantCount(const Dims& shape) {
  int64_t count = 1;
  for (const Dim& dim : shape) {
    if (!dim.isConstant()) return std::nullopt;
    if (__builtin_mul_overflow(count, dim.value(), &count)) return std::nullopt;
  }
  return count;
}

std::optional<std::vector<int64_t>> constantShape(const Dims& shape) {
  std::vector<int64_t> values;
  for (const Dim& dim : shape) {
    if (!dim.isConstant()) return std::nullopt;
    values.push_back(dim.value());
  }
  return values;
}

Dims toDims(std::span<const int64_t> values) { return {values.begin(), values.end()}; }

std::vector<int64_t> stridesOf(std::span<const int64_t> shape) {
  std::vector<int64_t> strides(shape.size(), 1);
  for (size_t i = shape.size(); i-- > 1;) strides[i - 1] = strides[i] * shape[i];
  return strides;
}

bool nonNegative(const Dim& dim) {
  switch (dim.kind()) {
    case Dim::Kind::Constant:
      return dim.value() >= 0;
    case Dim::Kind::Symbol:
      return true;
    case Dim::Kind::Mod:
      return nonNegative(dim.rhs());
    case Dim::Kind::Max:
      return nonNegative(dim.lhs()) || nonNegative(dim.rhs());
    default:
      return nonNegative(dim.lhs()) && nonNegative(dim.rhs());
  }
}

std::vector<std::byte> encode(DType dtype, double value) {
  std::vector<std::byte> bytes(static_cast<size_t>(ir::byteSize(dtype)));
  const ir::Scalar wide = ir::floatScalar(value);
  ir::writeScalar(dtype, ir::castScalar(wide, DType::F64, dtype), bytes.data());
  return bytes;
}

std::vector<std::byte> encodeInteger(DType dtype, int64_t value) {
  std::vector<std::byte> bytes(static_cast<size_t>(ir::byteSize(dtype)));
  const ir::Scalar wide = ir::intScalar(value);
  ir::writeScalar(dtype, ir::castScalar(wide, DType::I64, dtype), bytes.data());
  return bytes;
}

}  // namespace quartet::frontend
