#include "ir/scalar_type.h"

#include <string>

namespace quartet::ir {

namespace {

tl::unexpected<Diagnostic> badOperands(Opcode op, std::span<const DType> operands,
                                       const std::string& required) {
  std::string found;
  for (const DType dtype : operands) {
    found += found.empty() ? "" : ", ";
    found += name(dtype);
  }
  return userError(std::string(name(op)) + " takes " + required + ", found (" + found + ")");
}

enum class Domain { Numbers, Floats, Logical, Integers, Packed, Any };

Domain domainOf(Opcode op) {
  switch (op) {
    case Opcode::Sqrt:
    case Opcode::Exp:
    case Opcode::Log:
    case Opcode::Sin:
    case Opcode::Cos:
    case Opcode::Tan:
    case Opcode::Asin:
    case Opcode::Acos:
    case Opcode::Atan:
    case Opcode::Sinh:
    case Opcode::Cosh:
    case Opcode::Tanh:
    case Opcode::Asinh:
    case Opcode::Acosh:
    case Opcode::Atanh:
    case Opcode::Erf:
    case Opcode::Floor:
    case Opcode::Ceil:
    case Opcode::Round:
    case Opcode::IsNan:
    case Opcode::IsInf:
      return Domain::Floats;
    case Opcode::And:
    case Opcode::Or:
    case Opcode::Xor:
    case Opcode::Not:
      return Domain::Logical;
    case Opcode::Shl:
    case Opcode::Shr:
      return Domain::Integers;
    case Opcode::Dot4:
      return Domain::Packed;
    case Opcode::Eq:
    case Opcode::Ne:
    case Opcode::Min:
    case Opcode::Max:
    case Opcode::Select:
    case Opcode::Cast:
      return Domain::Any;
    default:
      return Domain::Numbers;
  }
}

bool inDomain(DType dtype, Domain domain) {
  switch (domain) {
    case Domain::Numbers:
      return dtype != DType::Bool;
    case Domain::Floats:
      return isFloat(dtype);
    case Domain::Logical:
      return !isFloat(dtype);
    case Domain::Integers:
      return isInteger(dtype);
    case Domain::Packed:
      return dtype == DType::I32;
    case Domain::Any:
      return true;
  }
  return false;
}

std::string domainText(Domain domain) {
  switch (domain) {
    case Domain::Numbers:
      return "numbers";
    case Domain::Floats:
      return "floats";
    case Domain::Logical:
      return "bools or integers";
    case Domain::Integers:
      return "integers";
    case Domain::Packed:
      return "i32";
    case Domain::Any:
      return "operands";
  }
  return {};
}

}  // namespace

Result<DType> scalarResult(Opcode op, std::span<const DType> operands) {
  QT_ASSERT(isScalar(op) && op != Opcode::Cast, "not a scalar op with an implied result");
  if (operands.size() != static_cast<size_t>(info(op).minOperands)) {
    return badOperands(op, operands, std::to_string(info(op).minOperands) + " operands");
  }
  if (op == Opcode::Select) {
    if (operands[0] != DType::Bool || operands[1] != operands[2]) {
      return badOperands(op, operands, "a bool and two operands of one dtype");
    }
    return operands[1];
  }
  if (op == Opcode::Dot2) {
    if (operands[0] != DType::I32 || operands[1] != DType::I32 || operands[2] != DType::F32) {
      return badOperands(op, operands, "two of i32 and one of f32");
    }
    return DType::F32;
  }
  const Domain domain = domainOf(op);
  for (const DType dtype : operands) {
    if (dtype != operands[0] || !inDomain(dtype, domain)) {
      return badOperands(op, operands, domainText(domain) + " of one dtype");
    }
  }
  return isComparison(op) ? DType::Bool : operands[0];
}

}  // namespace quartet::ir
