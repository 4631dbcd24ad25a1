#include "frontend/onnx/reassociation.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace quartet::frontend {

using ir::DType;

namespace {

/// The smallest positive number of a dtype that has all its bits.
double leastNormal(DType dtype) {
  switch (dtype) {
    case DType::F16:
      return std::ldexp(1.0, -14);
    case DType::F64:
      return std::numeric_limits<double>::min();
    default:  // f32, and bf16 with its exponents
      return std::numeric_limits<float>::min();
  }
}

/// Of two numbers, how much smaller than the larger their sum may be: what is lost there is lost in
/// y + a too, and shows only where y is as small.
double leastShare(DType dtype) {
  switch (dtype) {
    case DType::F32:
      return std::ldexp(1.0, -10);
    case DType::F64:
      return std::ldexp(1.0, -39);
    default:
      return 0.5;
  }
}

template <class F>
bool all(const Tensor& constant, const F& holds) {
  const auto count = static_cast<size_t>(constant.constant->elementCount());
  for (size_t i = 0; i < count; ++i) {
    if (!holds(numberAt(constant, i))) return false;
  }
  return true;
}

/// How often a constant's elements repeat, in their order, to fill `shape`: by element of the
/// shape, row-major, the element of the constant.
std::vector<size_t> broadcastIndices(const Tensor& constant, const ir::Dims& shape) {
  const size_t offset = shape.size() - constant.shape.size();
  std::vector<size_t> indices{0};
  size_t stride = 1;
  for (size_t axis = shape.size(); axis-- > 0;) {
    const auto extent = static_cast<size_t>(shape[axis].value());
    const bool own = axis >= offset && constant.shape[axis - offset] != ir::Dim(1);
    std::vector<size_t> next;
    for (size_t i = 0; i < extent; ++i) {
      for (const size_t inner : indices) next.push_back(own ? i * stride + inner : inner);
    }
    if (own) stride *= extent;
    indices = std::move(next);
  }
  return indices;
}

}  // namespace

bool allFinite(const Tensor& constant) {
  return all(constant, [](double value) { return std::isfinite(value); });
}

bool keepsRange(const Tensor& weights, const Tensor& scale, const Tensor& scaled) {
  if (!scaled.constant) return false;
  if (!all(scale, [](double value) { return std::isfinite(value) && value != 0; })) return false;
  const double least = leastNormal(scaled.dtype);
  const auto count = static_cast<size_t>(weights.constant->elementCount());
  for (size_t i = 0; i < count; ++i) {
    const double product = std::abs(numberAt(scaled, i));
    if (numberAt(weights, i) == 0 ? product != 0 : !(product >= least)) return false;
    if (!std::isfinite(product)) return false;
  }
  return true;
}

bool keepsRounding(const Tensor& a, const Tensor& b, bool subtracted) {
  const auto shape = broadcastShapes(a.shape, b.shape);
  if (!shape || !a.constant || !b.constant) return false;
  const std::vector<size_t> ofA = broadcastIndices(a, *shape);
  const std::vector<size_t> ofB = broadcastIndices(b, *shape);
  const double share = leastShare(a.dtype);
  for (size_t i = 0; i < ofA.size(); ++i) {
    const double first = numberAt(a, ofA[i]);
    const double second = subtracted ? -numberAt(b, ofB[i]) : numberAt(b, ofB[i]);
    const double larger = std::max(std::abs(first), std::abs(second));
    if (!(std::abs(first + second) >= larger * share)) return false;
  }
  return true;
}

}  // namespace quartet::frontend
