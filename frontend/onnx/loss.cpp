// Losses: what a classifier's scores cost, given the right classes.
#include <numeric>

#include "frontend/onnx/builders.h"

namespace quartet::frontend {

using ir::Dim;
using ir::Dims;
using ir::Opcode;

namespace {

/// Everything as one number.
Tensor total(Emitter& e, const Tensor& x) {
  std::vector<int> axes(static_cast<size_t>(x.rank()));
  std::iota(axes.begin(), axes.end(), 0);
  return e.reduce(Opcode::Add, x, axes);
}

/// -scores[n, target[n, ...], ...] * weight[target], reduced; `scores` [N, C, ...] are logarithms
/// of probabilities.
Result<Tensor> likelihoodLoss(Context& c, const Tensor& scores) {
  Emitter& e = c.e;
  Tensor target = c.in(1);
  QT_CHECK(checkIndices(c, target));
  Dims required = scores.shape;
  required.erase(required.begin() + 1);
  if (target.rank() + 1 != scores.rank()) {
    return c.fail("targets of shape " + str(target.shape) + " for scores of shape " +
                  str(scores.shape));
  }
  for (size_t i = 0; i < required.size(); ++i) {
    QT_CHECK(c.agree(target.shape[i], required[i], "extents of targets and scores"));
  }
  Tensor weight;
  bool weighted = false;
  const bool ignores = c.hasAttribute("ignore_index");
  Tensor ignored;
  if (ignores) {
    ignored = e.scalar(Opcode::Eq, {target, e.integer(target.dtype, c.integer("ignore_index", 0))});
    target = e.select(ignored, e.integer(target.dtype, 0), target);
    weight = e.cast(e.unary(Opcode::Not, ignored), scores.dtype);
    weighted = true;
  }
  if (c.has(2)) {
    QT_CHECK(c.rankIs(2, 1));
    QT_CHECK(c.sameDType({scores, c.in(2)}));
    const Tensor own = e.gather(c.in(2), target, 0);
    weight = weighted ? e.mul(own, weight) : own;
    weighted = true;
  }
  Dims picked = scores.shape;
  picked[1] = Dim(1);
  const Tensor score = e.op(Opcode::GatherElements, {scores, e.reshape(target, picked)},
                            scores.dtype, picked, attributesOf({{"axis", int64_t{1}}}));
  Tensor loss = e.unary(Opcode::Neg, e.reshape(score, required));
  if (weighted) loss = e.mul(loss, weight);
  // What is ignored may be infinite, so that a weight of 0 would not do.
  if (ignores) loss = e.select(ignored, e.number(loss.dtype, 0), loss);
  const std::string reduction = c.text("reduction", "mean");
  if (reduction == "none") return loss;
  const Tensor sum = total(e, loss);
  if (reduction == "sum") return sum;
  if (reduction != "mean") {
    return c.fail("reduction is '" + reduction + "', required is none, sum or mean");
  }
  if (weighted) return e.div(sum, total(e, e.broadcast(weight, required)));
  Dim count = 1;
  for (const Dim& extent : required) count = count * extent;
  return e.div(sum, e.extent(count, loss.dtype));
}

}  // namespace

Status buildNegativeLogLikelihoodLoss(Context& c) {
  QT_CHECK(c.rankAtLeast(0, 2));
  const Tensor loss = QT_TRY(likelihoodLoss(c, c.in(0)));
  c.set(0, loss);
  return {};
}

Status buildSoftmaxCrossEntropyLoss(Context& c) {
  Emitter& e = c.e;
  QT_CHECK(c.rankAtLeast(0, 2));
  const Tensor& x = c.in(0);
  const Tensor shifted = e.sub(x, e.reduceKeep(Opcode::Max, x, {1}));
  const Tensor sum = e.reduceKeep(Opcode::Add, e.unary(Opcode::Exp, shifted), {1});
  const Tensor scores = e.sub(shifted, e.unary(Opcode::Log, sum));
  const Tensor loss = QT_TRY(likelihoodLoss(c, scores));
  c.set(0, loss);
  if (c.wants(1)) c.set(1, scores);
  return {};
}

}  // namespace quartet::frontend
