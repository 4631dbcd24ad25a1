// Literals, scalar ops and casts of the kernel builder, and what it folds of them: literal operands
// of integers and bool, comparisons of literals, and integer identities. Floats are left as they
// are: their folding is the graph's business, and x + 0 is not x for x = -0.

#include <bit>
#include <utility>

#include "ir/kernel.h"
#include "ir/scalar_eval.h"

namespace quartet::ir {
namespace {

// The value of a literal op, or nothing.
std::optional<Scalar> literalValue(const Module& module, ValueId value) {
  const OpId definition = module.value(value).definition;
  if (!definition.valid()) return std::nullopt;
  const Op& op = module.op(definition);
  if (op.opcode != Opcode::Literal) return std::nullopt;
  if (isFloat(module.type(value).dtype)) return floatScalar(op.attributes.get<double>("value"));
  return intScalar(op.attributes.integer("value"));
}

bool commutes(Opcode op) {
  switch (op) {
    case Opcode::Add:
    case Opcode::Mul:
    case Opcode::Min:
    case Opcode::Max:
    case Opcode::And:
    case Opcode::Or:
    case Opcode::Xor:
    case Opcode::Eq:
    case Opcode::Ne:
      return true;
    default:
      return false;
  }
}

DType resultDType(Opcode op, const Type& operand) {
  return isComparison(op) ? DType::Bool : operand.dtype;
}

}  // namespace

ValueId KernelBuilder::literalOf(int64_t bits, Type type) {
  Attributes attributes;
  if (isFloat(type.dtype)) {
    attributes.set("value", std::bit_cast<double>(bits));
  } else {
    attributes.set("value", wrapInteger(type.dtype, bits));
  }
  return emitPure(Opcode::Literal, {}, std::move(type), std::move(attributes));
}

ValueId KernelBuilder::literal(int64_t value, DType dtype, int lanes) {
  const Scalar scalar = castScalar(intScalar(value), DType::I64, dtype);
  return literalOf(scalar.i, Type::scalar(dtype, lanes));
}

ValueId KernelBuilder::literal(double value, DType dtype, int lanes) {
  QT_ASSERT(isFloat(dtype), "a fraction as " + std::string(name(dtype)));
  return literalOf(std::bit_cast<int64_t>(roundFloat(dtype, value)), Type::scalar(dtype, lanes));
}

std::optional<int64_t> KernelBuilder::intLiteral(ValueId value) const {
  if (isFloat(module_.type(value).dtype)) return std::nullopt;
  const std::optional<Scalar> known = literalValue(module_, value);
  if (!known) return std::nullopt;
  return known->i;
}

ValueId KernelBuilder::cast(ValueId x, DType to) {
  const Type type = module_.type(x);
  if (type.dtype == to) return x;
  Type result = Type::scalar(to, type.lanes);
  if (const std::optional<Scalar> known = literalValue(module_, x)) {
    return literalOf(castScalar(*known, type.dtype, to).i, std::move(result));
  }
  return emitPure(Opcode::Cast, {x}, std::move(result));
}

ValueId KernelBuilder::apply(Opcode op, std::vector<ValueId> operands) {
  QT_ASSERT(isScalar(op) && op != Opcode::Cast, std::string(name(op)) + " is no scalar op");
  QT_ASSERT(static_cast<int>(operands.size()) == info(op).minOperands,
            "operands of " + std::string(name(op)));
  const Type operand = module_.type(operands.back());
  const size_t first = op == Opcode::Select ? 1 : 0;
  for (size_t i = first; i < operands.size(); ++i) {
    const Type& other = module_.type(operands[i]);
    const bool packed = op == Opcode::Dot2 && i < 2;
    QT_ASSERT(
        other == (packed ? Type::scalar(DType::I32, operand.lanes) : operand),
        "operands of " + std::string(name(op)) + ": " + other.str() + " and " + operand.str());
  }
  if (first == 1) {
    const Type& condition = module_.type(operands[0]);
    QT_ASSERT(condition == Type::scalar(DType::Bool, operand.lanes),
              "condition of select: " + condition.str() + " for " + operand.str());
  }
  Type type = Type::scalar(resultDType(op, operand), operand.lanes);
  if (const auto folded = foldLiterals(op, operands, type)) return *folded;
  if (op != Opcode::Dot2) {
    if (const auto folded = foldInteger(op, operands, type)) return *folded;
  }
  return emitPure(op, std::move(operands), std::move(type));
}

std::optional<ValueId> KernelBuilder::foldLiterals(Opcode op, const std::vector<ValueId>& operands,
                                                   const Type& type) {
  if (isFloat(type.dtype)) return std::nullopt;
  Scalar values[3];
  for (size_t i = 0; i < operands.size(); ++i) {
    const std::optional<Scalar> known = literalValue(module_, operands[i]);
    if (!known) return std::nullopt;
    values[i] = *known;
  }
  bool divisionByZero = false;
  const DType dtype = module_.type(operands.back()).dtype;
  const Scalar result = applyScalar(op, dtype, values, divisionByZero);
  if (divisionByZero) return std::nullopt;
  return literalOf(result.i, type);
}

// x op x
std::optional<ValueId> KernelBuilder::foldSame(Opcode op, const Type& operand, const Type& type,
                                               ValueId x) {
  if (isFloat(operand.dtype)) return std::nullopt;
  switch (op) {
    case Opcode::Sub:
    case Opcode::Xor:
    case Opcode::Ne:
    case Opcode::Lt:
    case Opcode::Gt:
      return literalOf(0, type);
    case Opcode::Eq:
    case Opcode::Le:
    case Opcode::Ge:
      return literalOf(1, type);
    case Opcode::Min:
    case Opcode::Max:
    case Opcode::And:
    case Opcode::Or:
      return x;
    default:
      return std::nullopt;
  }
}

// x op literal
std::optional<ValueId> KernelBuilder::foldRight(Opcode op, ValueId x, int64_t c, const Type& type) {
  const int64_t ones = wrapInteger(type.dtype, -1);
  switch (op) {
    case Opcode::Add:
    case Opcode::Sub:
    case Opcode::Or:
    case Opcode::Xor:
    case Opcode::Shl:
    case Opcode::Shr:
      if (c == 0) return x;
      if (op == Opcode::Or && c == ones) return literalOf(ones, type);
      return std::nullopt;
    case Opcode::Mul:
      if (c == 0) return literalOf(0, type);
      [[fallthrough]];
    case Opcode::Div:
    case Opcode::FloorDiv:
      if (c == 1) return x;
      return std::nullopt;
    case Opcode::Rem:
    case Opcode::Mod:
      if (c == 1) return literalOf(0, type);
      return std::nullopt;
    case Opcode::And:
      if (c == 0) return literalOf(0, type);
      if (c == ones) return x;
      return std::nullopt;
    default:
      return std::nullopt;
  }
}

std::optional<ValueId> KernelBuilder::foldInteger(Opcode op, const std::vector<ValueId>& operands,
                                                  const Type& type) {
  if (op == Opcode::Select) {
    if (operands[1] == operands[2]) return operands[1];
    const std::optional<int64_t> condition = intLiteral(operands[0]);
    if (condition) return operands[*condition != 0 ? 1 : 2];
    return std::nullopt;
  }
  const Type operand = module_.type(operands[0]);
  if (isFloat(operand.dtype) || operands.size() != 2) return std::nullopt;
  ValueId x = operands[0];
  ValueId y = operands[1];
  if (x == y) return foldSame(op, operand, type, x);
  if (commutes(op) && intLiteral(x)) std::swap(x, y);
  const std::optional<int64_t> c = intLiteral(y);
  if (!c || isComparison(op)) return std::nullopt;
  if (const auto folded = foldRight(op, x, *c, type)) return folded;
  if (op == Opcode::Sub) {
    return apply(Opcode::Add,
                 {x, literalOf(static_cast<int64_t>(-static_cast<uint64_t>(*c)), type)});
  }
  // (x + a) + c and (x * a) * c: both wrap, so the literals join.
  const OpId definition = module_.value(x).definition;
  if ((op == Opcode::Add || op == Opcode::Mul) && definition.valid() &&
      module_.op(definition).opcode == op) {
    const std::vector<ValueId> inner = module_.op(definition).operands;
    if (intLiteral(inner[1])) return apply(op, {inner[0], apply(op, {inner[1], y})});
  }
  if (x != operands[0]) return emitPure(op, {x, y}, type);  // the literal goes last
  return std::nullopt;
}

}  // namespace quartet::ir
