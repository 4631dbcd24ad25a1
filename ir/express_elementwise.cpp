// Scalar ops on tensors, and iota.

#include <utility>

#include "ir/express_parts.h"

namespace quartet::ir::express_parts {

Result<TensorExpr> scalarOp(const Primitive& p) {
  const Type& result = p.result();
  if (p.op.opcode == Opcode::Cast) {
    return mapOf(result.shape, Expr::cast(broadcastLoad(p, 0), result.dtype));
  }
  std::vector<Expr> operands;
  for (int i = 0; i < p.operands(); ++i) operands.push_back(broadcastLoad(p, i));
  return mapOf(result.shape, Expr::apply(p.op.opcode, std::move(operands)));
}

Result<TensorExpr> iota(const Primitive& p) {
  const int axis = static_cast<int>(p.op.attributes.integer("axis"));
  return mapOf(p.result().shape, Expr::cast(Expr::axis(axis), p.result().dtype));
}

}  // namespace quartet::ir::express_parts
