// Which operations on known values are computed at import, and how much of that there may be.
#pragma once

#include <cstdint>
#include <vector>

#include "frontend/onnx/tensor_value.h"
#include "ir/module.h"

namespace quartet::frontend {

/// Whether the result, whose operands are constants, may take the place of them: not when it makes
/// large data of small.
bool worthFolding(ir::Opcode opcode, const std::vector<Tensor>& operands, const ir::Type& type);

/// What folding may still spend on one import. Known values are computed by a slow evaluator before
/// anything runs: what exceeds the budget stays in the graph and is compiled like the rest.
class FoldingBudget {
 public:
  /// Data of the model raise the budget: folding goes over weights a few times.
  void add(const ir::ConstantData& data);
  /// Takes the cost of an operation; false, and nothing taken, when it exceeds what is left.
  bool spend(ir::Opcode opcode, const std::vector<Tensor>& operands, const ir::Type& type,
             const ir::Attributes& attributes);

 private:
  int64_t operations_ = INT64_C(1) << 28;
  int64_t bytes_ = INT64_C(1) << 28;
};

}  // namespace quartet::frontend
