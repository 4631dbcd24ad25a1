// One function per primitive of ir/ops.def. The verifier has checked operand counts, attributes and
// result shapes; what depends on values is checked here.
#pragma once

#include <vector>

#include "backends/cpu/reference/tensor.h"
#include "base/result.h"

namespace quartet::reference {

/// An op to evaluate: operands, and dtype and shape of its one result.
struct Call {
  const ir::Op& op;
  std::vector<Tensor> in;
  DType dtype;
  Ints shape;

  const ir::Attributes& attributes() const { return op.attributes; }
  /// For diagnostics: the nodes that the op came from, or the op's own name.
  std::string where() const;
};

Result<Tensor> evalScalarOp(const Call& call);  // any op of scalar.def, with numpy broadcasting

Tensor evalContract(const Call& call);
Tensor evalConv(const Call& call);
Tensor evalConvTranspose(const Call& call);
Tensor evalWindow(const Call& call);
Tensor evalReduce(const Call& call);
Tensor evalArgReduce(const Call& call);

Tensor evalTranspose(const Call& call);
Tensor evalReshape(const Call& call);
Tensor evalBroadcast(const Call& call);
Tensor evalSlice(const Call& call);
Tensor evalConcat(const Call& call);
Result<Tensor> evalPad(const Call& call);
Tensor evalIota(const Call& call);

Result<Tensor> evalGather(const Call& call);
Result<Tensor> evalGatherElements(const Call& call);
Result<Tensor> evalGatherNd(const Call& call);

Tensor evalScan(const Call& call);
Result<Tensor> evalScatterElements(const Call& call);
Result<Tensor> evalScatterNd(const Call& call);
Tensor evalArgsort(const Call& call);

/// An index of an axis as position 0 <= p < extent: negative ones count from the end. Error: out of
/// range.
Result<int64_t> resolveIndex(const Call& call, int64_t index, size_t axis, int64_t extent);

}  // namespace quartet::reference
