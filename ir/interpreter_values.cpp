// The kernel interpreter: scalar and vector values, private variables.

#include <algorithm>
#include <string>

#include "ir/interpreter.h"

namespace quartet::ir {
namespace {

Scalar bitcast(Scalar value, DType from, DType to) {
  std::byte bytes[8];
  writeScalar(from, value, bytes);
  return readScalar(to, bytes);
}

Scalar literalOf(const Op& op, DType dtype) {
  const Attribute* value = op.attributes.find("value");
  QT_ASSERT(value != nullptr, "literal without a value");
  if (const auto* number = std::get_if<double>(value)) {
    return castScalar(floatScalar(*number), DType::F64, dtype);
  }
  return castScalar(intScalar(std::get<int64_t>(*value)), DType::I64, dtype);
}

bool isValueOp(Opcode op) {
  switch (op) {
    case Opcode::Param:
    case Opcode::GroupId:
    case Opcode::LocalId:
    case Opcode::SubgroupId:
    case Opcode::Literal:
    case Opcode::Splat:
    case Opcode::LaneId:
    case Opcode::Bitcast:
    case Opcode::Extract:
    case Opcode::Shuffle:
      return true;
    default:
      return false;
  }
}

}  // namespace

Status Interpreter::runValue(OpId id, const Mask& mask) {
  const Op& op = kernel_.op(id);
  if (!isScalar(op.opcode) && op.opcode != Opcode::ReduceLanes && !isValueOp(op.opcode)) {
    return fault(id, 0, "the interpreter does not know this op");
  }
  if (op.opcode == Opcode::Param) {
    const int64_t index = op.attributes.integer("index");
    if (index < 0 || index >= static_cast<int64_t>(params_.size())) {
      return fault(id, 0,
                   "parameter " + std::to_string(index) + " of " + std::to_string(params_.size()));
    }
  }
  const ValueId result = op.results[0];
  define(result);
  if (isScalar(op.opcode)) {
    runScalar(op, mask);
  } else if (op.opcode == Opcode::ReduceLanes) {
    runReduceLanes(op, mask);
  } else {
    const auto lanes = static_cast<size_t>(lanesOf(result));
    forActive(mask, [&](size_t i) {
      for (size_t lane = 0; lane < lanes; ++lane) at(result, i)[lane] = computeLane(op, i, lane);
    });
  }
  return {};
}

Scalar Interpreter::computeLane(const Op& op, size_t invocation, size_t lane) const {
  const DType dtype = kernel_.type(op.results[0]).dtype;
  const auto operand = [&](size_t at_lane) { return at(op.operands[0], invocation)[at_lane]; };
  switch (op.opcode) {
    case Opcode::Param: {
      const auto index = static_cast<size_t>(op.attributes.integer("index"));
      return intScalar(static_cast<int32_t>(params_[index]));
    }
    case Opcode::GroupId:
      return intScalar(group_);
    case Opcode::LocalId:
      return intScalar(static_cast<int64_t>(invocation));
    case Opcode::SubgroupId:
      return intScalar(static_cast<int64_t>(invocation / subgroup_));
    case Opcode::Literal:
      return literalOf(op, dtype);
    case Opcode::Splat:
      return operand(0);
    case Opcode::LaneId:
      return intScalar(static_cast<int64_t>(lane));
    case Opcode::Bitcast:
      return bitcast(operand(lane), kernel_.type(op.operands[0]).dtype, dtype);
    case Opcode::Shuffle: {
      const auto from = static_cast<size_t>(op.attributes.get<std::vector<int64_t>>("lanes")[lane]);
      const auto width = static_cast<size_t>(lanesOf(op.operands[0]));
      return from < width ? operand(from) : at(op.operands[1], invocation)[from - width];
    }
    default:  // Extract
      return operand(static_cast<size_t>(op.attributes.integer("lane")));
  }
}

void Interpreter::runScalar(const Op& op, const Mask& mask) {
  const ValueId result = op.results[0];
  const auto lanes = static_cast<size_t>(lanesOf(result));
  const DType dtype = kernel_.type(op.operands.back()).dtype;
  const DType resultDType = kernel_.type(result).dtype;
  forActive(mask, [&](size_t i) {
    for (size_t lane = 0; lane < lanes; ++lane) {
      Scalar args[3];
      for (size_t k = 0; k < op.operands.size(); ++k) args[k] = at(op.operands[k], i)[lane];
      bool divisionByZero = false;  // the kernel reports it by itself
      at(result, i)[lane] = op.opcode == Opcode::Cast
                                ? castScalar(args[0], dtype, resultDType)
                                : applyScalar(op.opcode, dtype, args, divisionByZero);
    }
    run_.traffic.operations += static_cast<int64_t>(lanes);
  });
}

// Halves are combined until one lane is left.
void Interpreter::runReduceLanes(const Op& op, const Mask& mask) {
  const ValueId x = op.operands[0];
  const DType dtype = kernel_.type(x).dtype;
  const auto fn = op.attributes.get<Opcode>("fn");
  const auto lanes = static_cast<size_t>(lanesOf(x));
  forActive(mask, [&](size_t i) {
    std::vector<Scalar> values(at(x, i), at(x, i) + lanes);
    while (values.size() > 1) {
      const size_t half = (values.size() + 1) / 2;
      for (size_t lane = 0; lane + half < values.size(); ++lane) {
        const Scalar args[2] = {values[lane], values[lane + half]};
        bool divisionByZero = false;
        values[lane] = applyScalar(fn, dtype, args, divisionByZero);
      }
      values.resize(half);
    }
    *at(op.results[0], i) = values[0];
    run_.traffic.operations += static_cast<int64_t>(lanes) - 1;
  });
}

Status Interpreter::runVariable(OpId id, const Mask& mask) {
  const Op& op = kernel_.op(id);
  if (op.opcode == Opcode::Var) {
    const Type& type = kernel_.type(op.results[0]);
    Variable& variable = variables_[static_cast<size_t>(op.results[0].index)];
    variable.lanes = lanesOf(op.results[0]);
    variable.extent = type.shape.empty() ? 1 : type.shape[0].value();
    const auto extent = static_cast<size_t>(variable.extent);
    variable.cells.resize(local_ * extent * static_cast<size_t>(variable.lanes));
    variable.defined.resize(local_ * extent);
    forActive(mask, [&](size_t i) {
      std::fill_n(variable.defined.begin() + static_cast<std::ptrdiff_t>(i * extent), extent,
                  char{0});
    });
    return {};
  }
  if (op.opcode == Opcode::Get) define(op.results[0]);
  const size_t holders = kernel_.type(op.operands[0]).rows > 0 ? subgroup_ : 1;
  for (size_t i = 0; i < local_; i += holders) {
    if (mask[i] != 0) QT_CHECK(accessVariable(id, i));
  }
  return {};
}

Status Interpreter::accessVariable(OpId id, size_t invocation) {
  const Op& op = kernel_.op(id);
  const bool writes = op.opcode == Opcode::Set;
  const size_t indexOperand = writes ? 2 : 1;
  Variable& variable = variables_[static_cast<size_t>(op.operands[0].index)];
  QT_ASSERT(!variable.cells.empty(), "a variable is used before its declaration");
  const bool indexed = op.operands.size() > indexOperand;
  const int64_t index = indexed ? at(op.operands[indexOperand], invocation)->i : 0;
  if (index < 0 || index >= variable.extent) {
    return fault(id, invocation,
                 "index " + std::to_string(index) + " is out of bounds of the variable: it has " +
                     std::to_string(variable.extent));
  }
  const size_t element =
      invocation * static_cast<size_t>(variable.extent) + static_cast<size_t>(index);
  const auto lanes = static_cast<size_t>(variable.lanes);
  Scalar* cell = variable.cells.data() + element * lanes;
  if (writes) {
    std::copy_n(at(op.operands[1], invocation), lanes, cell);
    variable.defined[element] = 1;
    return {};
  }
  if (variable.defined[element] == 0) {
    return fault(id, invocation, "the variable is read before it is set");
  }
  std::copy_n(cell, lanes, at(op.results[0], invocation));
  return {};
}

}  // namespace quartet::ir
