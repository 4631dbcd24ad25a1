// What the verifier's rule sets share.
#pragma once

#include <initializer_list>
#include <string>

#include "ir/module.h"

namespace quartet::ir {

class VerifyContext {
 public:
  explicit VerifyContext(const Module& module) : module(module) {}

  const Module& module;

  const Op& op(OpId id) const { return module.op(id); }
  const Type& type(ValueId id) const { return module.type(id); }
  const Type& operandType(OpId id, size_t i) const { return type(op(id).operands[i]); }
  const Type& resultType(OpId id, size_t i = 0) const { return type(op(id).results[i]); }

  /// An error about an op: its text and origin say where.
  tl::unexpected<Diagnostic> fail(OpId id, std::string message) const;
  tl::unexpected<Diagnostic> fail(std::string message) const;
};

/// "a is not b" for certain: the difference is a constant other than zero. Symbolic extents that
/// may be equal pass.
bool differ(const Dim& a, const Dim& b);

/// Ranks and extents agree as far as can be told.
bool sameShape(const std::vector<Dim>& a, const std::vector<Dim>& b);
std::string shapeText(const std::vector<Dim>& shape);

/// The attributes that the opcode needs are there with their types (verify_attributes.cpp).
Status verifyAttributes(const VerifyContext& context, OpId id);

/// One rule set per level, for one op whose counts, operands and attributes are right.
Status verifyGraphOp(const VerifyContext& context, OpId id);
Status verifyKernelOp(const VerifyContext& context, OpId id);
/// The `expr` of a compute op or a tile against its operands and results.
Status verifyExpr(const VerifyContext& context, OpId id);

/// Rules that see a whole module.
Status verifyPlan(const VerifyContext& context);
Status verifyKernel(const VerifyContext& context);

}  // namespace quartet::ir
