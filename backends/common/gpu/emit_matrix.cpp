// Matrices: values that a subgroup holds together.

#include <algorithm>

#include "backends/common/gpu/emitter.h"

namespace quartet::gpu {

using ir::Op;
using ir::Opcode;

/// Prints an op that matrices take part in; false: none does.
bool Emitter::emitMatrix(const Op& op) {
  const auto isOne = [&](ir::ValueId id) { return kernel_.type(id).rows > 0; };
  const bool takesPart = std::any_of(op.operands.begin(), op.operands.end(), isOne) ||
                         std::any_of(op.results.begin(), op.results.end(), isOne);
  if (!takesPart) return false;
  switch (op.opcode) {
    case Opcode::MatrixLoad:
      emitMatrixLoad(op);
      break;
    case Opcode::MatrixStore:
      emitMatrixStore(op);
      break;
    case Opcode::Splat:
      defineMatrix(op.results[0], language_.matrix(kernel_.type(op.results[0])) + "(" +
                                      scalar(op.operands[0]) + ")");
      break;
    case Opcode::MatrixMultiplyAdd:
      defineMatrix(op.results[0], "coopMatMulAddNV(" + scalar(op.operands[0]) + ", " +
                                      scalar(op.operands[1]) + ", " + scalar(op.operands[2]) + ")");
      break;
    default:
      emitMatrixVariable(op);
  }
  return true;
}

void Emitter::emitMatrixVariable(const Op& op) {
  switch (op.opcode) {
    case Opcode::Var:
      return defineMatrix(op.results[0], "");
    case Opcode::Get:
      return defineMatrix(op.results[0], scalar(op.operands[0]));
    case Opcode::Set:
      return line(scalar(op.operands[0]) + " = " + scalar(op.operands[1]) + ";");
    default:
      throwInternalError("an op on matrices", std::string(ir::name(op.opcode)));
  }
}

/// A name for a matrix; an empty value: undefined.
void Emitter::defineMatrix(ir::ValueId result, const std::string& value) {
  Parts parts = shape(kernel_.type(result).dtype, 1);
  parts.text[0] = name(result, 0, parts);
  line(language_.matrix(kernel_.type(result).held()) + " " + parts.text[0] +
       (value.empty() ? "" : " = " + value) + ";");
  values_[static_cast<size_t>(result.index)] = std::move(parts);
}

/// The arguments that say where a matrix lies.
std::string Emitter::place(const Op& op) const {
  return scalar(op.operands[0]) + ", uint(" + scalar(op.operands[1]) + "), uint(" +
         scalar(op.operands[2]) + "), " + (op.attributes.has("column_major") ? "true" : "false");
}

void Emitter::emitMatrixLoad(const Op& op) {
  defineMatrix(op.results[0], "");
  line("coopMatLoadNV(" + scalar(op.results[0]) + ", " + place(op) + ");");
}

void Emitter::emitMatrixStore(const Op& op) {
  line("coopMatStoreNV(" + scalar(op.operands[3]) + ", " + place(op) + ");");
}

}  // namespace quartet::gpu
