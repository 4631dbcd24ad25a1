#include "frontend/onnx/folding.h"

#include <algorithm>

namespace quartet::frontend {

using ir::Dims;
using ir::Opcode;
using ir::Type;

namespace {

// Folding may make this much of anything ...
constexpr int64_t kSmallBytes = 64 << 10;
// ... and this much more than its operands have.
constexpr int64_t kGrowth = 4;
// What only repeats its operand stays an op beyond this: elementwise ops broadcast by themselves.
constexpr int64_t kSmallRepeated = 1024;

// Each element of the model's data adds so many operations, each byte so many bytes.
constexpr int64_t kPasses = 16;

// Doubles do not overflow, and the count need not be exact.
double elements(const Dims& shape) {
  double count = 1;
  for (const ir::Dim& dim : shape) count *= static_cast<double>(dim.constant().value_or(0));
  return count;
}

// Operations that go into one element of the result.
double steps(Opcode opcode, const std::vector<Tensor>& operands, const Type& type,
             const ir::Attributes& attributes) {
  const double result = std::max(elements(type.shape), 1.0);
  double count = 1;
  switch (opcode) {
    case Opcode::Contract: {
      // All labels of the left side, and those of the right side that it lacks.
      const auto& left = attributes.ints("lhs");
      const auto& right = attributes.ints("rhs");
      double points = elements(operands[0].shape);
      for (size_t i = 0; i < right.size(); ++i) {
        if (std::find(left.begin(), left.end(), right[i]) != left.end()) continue;
        points *= elements({operands[1].shape[i]});
      }
      return points / result;
    }
    case Opcode::Conv:
      return elements({operands[1].shape.begin() + 1, operands[1].shape.end()});
    case Opcode::ConvTranspose:
      return elements(operands[1].shape) / std::max(elements({type.shape[1]}), 1.0);
    case Opcode::Window:
      for (const int64_t extent : attributes.ints("window")) count *= static_cast<double>(extent);
      return count;
    case Opcode::Argsort:
      return 32;  // the logarithm of a long axis
    default:
      return 1;
  }
}

}  // namespace

bool worthFolding(Opcode opcode, const std::vector<Tensor>& operands, const Type& type) {
  const auto count = constantCount(type.shape);
  if (!count) return false;
  const int64_t bytes = *count * ir::byteSize(type.dtype);
  if (opcode == Opcode::Broadcast || opcode == Opcode::Iota) return bytes <= kSmallRepeated;
  int64_t inputs = 0;
  for (const Tensor& operand : operands) {
    inputs += static_cast<int64_t>(operand.constant->bytes.size());
  }
  return bytes <= std::max(kSmallBytes, kGrowth * inputs);
}

void FoldingBudget::add(const ir::ConstantData& data) {
  operations_ += kPasses * data.elementCount();
  bytes_ += kPasses * static_cast<int64_t>(data.bytes.size());
}

bool FoldingBudget::spend(Opcode opcode, const std::vector<Tensor>& operands, const Type& type,
                          const ir::Attributes& attributes) {
  double operations = elements(type.shape) * steps(opcode, operands, type, attributes);
  for (const Tensor& operand : operands) operations += elements(operand.shape);
  const double bytes = elements(type.shape) * static_cast<double>(ir::byteSize(type.dtype));
  if (operations > static_cast<double>(operations_) || bytes > static_cast<double>(bytes_)) {
    return false;
  }
  operations_ -= static_cast<int64_t>(operations);
  bytes_ -= static_cast<int64_t>(bytes);
  return true;
}

}  // namespace quartet::frontend
