// The builders of all operators, by family; the registry refers to them. Each is written in the
// file of its family's name.
#pragma once

#include "frontend/onnx/context.h"

namespace quartet::frontend {

// ---- elementwise.cpp ----
Status buildBinary(Context& c, ir::Opcode opcode);
Status buildLegacyBinary(Context& c, ir::Opcode opcode);
Status buildVariadic(Context& c, ir::Opcode opcode, bool mean);
template <ir::Opcode kOpcode>
Status unary(Context& c) {
  c.set(0, c.e.unary(kOpcode, c.in(0)));
  return {};
}
template <ir::Opcode kOpcode>
Status binary(Context& c) {
  return buildBinary(c, kOpcode);
}
/// Before opset 7: attributes `broadcast` and `axis` instead of numpy's rules.
template <ir::Opcode kOpcode>
Status legacyBinary(Context& c) {
  return buildLegacyBinary(c, kOpcode);
}
template <ir::Opcode kOpcode>
Status variadic(Context& c) {
  return buildVariadic(c, kOpcode, false);
}
Status buildMean(Context& c);
Status buildNot(Context& c);
Status buildReciprocal(Context& c);
Status buildPow(Context& c);
Status buildLegacyPow(Context& c);
Status buildMod(Context& c);
Status buildBitShift(Context& c);
Status buildClipAttributes(Context& c);
Status buildClip(Context& c);
Status buildCast(Context& c);
Status buildCastLike(Context& c);
Status buildWhere(Context& c);
Status buildIdentity(Context& c);
Status buildDropout(Context& c);
Status buildIsInf(Context& c);

// ---- activation.cpp ----
Status buildRelu(Context& c);
Status buildSigmoid(Context& c);
Status buildPRelu(Context& c);
Status buildLegacyPRelu(Context& c);
Status buildLeakyRelu(Context& c);
Status buildElu(Context& c);
Status buildSelu(Context& c);
Status buildCelu(Context& c);
Status buildThresholdedRelu(Context& c);
Status buildHardSigmoid(Context& c);
Status buildHardSwish(Context& c);
Status buildMish(Context& c);
Status buildSwish(Context& c);
Status buildGelu(Context& c);
Status buildSoftplus(Context& c);
Status buildSoftsign(Context& c);
Status buildShrink(Context& c);
Status buildSoftmax(Context& c);
Status buildLogSoftmax(Context& c);
Status buildHardmax(Context& c);

// ---- convolution.cpp ----
Status buildConv(Context& c);
Status buildConvInteger(Context& c);
Status buildConvTranspose(Context& c);

// ---- pooling.cpp ----
Status buildMaxPool(Context& c);
Status buildAveragePool(Context& c);
Status buildLpPool(Context& c);
Status buildGlobalAveragePool(Context& c);
Status buildGlobalMaxPool(Context& c);
Status buildGlobalLpPool(Context& c);

// ---- linear.cpp ----
Status buildMatMul(Context& c);
Status buildMatMulInteger(Context& c);
Status buildGemm(Context& c);

// ---- einsum.cpp ----
Status buildEinsum(Context& c);

// ---- normalization.cpp ----
Status buildBatchNormalization(Context& c);
Status buildInstanceNormalization(Context& c);
Status buildLayerNormalization(Context& c);
Status buildRmsNormalization(Context& c);
Status buildGroupNormalization(Context& c);
Status buildLrn(Context& c);
Status buildLpNormalization(Context& c);
Status buildMeanVarianceNormalization(Context& c);

// ---- reduction.cpp ----
Status buildReduceSum(Context& c);
Status buildReduceMean(Context& c);
Status buildReduceMax(Context& c);
Status buildReduceMin(Context& c);
Status buildReduceProd(Context& c);
Status buildReduceL1(Context& c);
Status buildReduceL2(Context& c);
Status buildReduceLogSum(Context& c);
Status buildReduceLogSumExp(Context& c);
Status buildReduceSumSquare(Context& c);
Status buildArgMax(Context& c);
Status buildArgMin(Context& c);

// ---- shape.cpp ----
Status buildShape(Context& c);
Status buildSize(Context& c);
Status buildReshape(Context& c);
Status buildFlatten(Context& c);
Status buildSqueeze(Context& c);
Status buildUnsqueeze(Context& c);
Status buildExpand(Context& c);
Status buildTile(Context& c);

// ---- movement.cpp ----
Status buildTranspose(Context& c);
Status buildConcat(Context& c);
Status buildSplit(Context& c);
Status buildPad(Context& c);
Status buildDepthToSpace(Context& c);
Status buildSpaceToDepth(Context& c);

// ---- indexing.cpp ----
Status buildSliceAttributes(Context& c);
Status buildSlice(Context& c);
Status buildGather(Context& c);
Status buildGatherElements(Context& c);
Status buildGatherNd(Context& c);
/// Indices are i32 or i64.
Status checkIndices(const Context& c, const Tensor& indices);
/// Constant indices against the extent that they index.
Status checkRange(const Context& c, const Tensor& indices, const ir::Dim& extent);
/// Beside `axis`, indices do not exceed input 0.
Status checkBesideAxis(const Context& c, const Tensor& indices, int axis);

// ---- scatter.cpp ----
Status buildScatterElements(Context& c);
Status buildScatterNd(Context& c);
Status buildCumSum(Context& c);
Status buildCumProd(Context& c);
Status buildReverseSequence(Context& c);
Status buildTopKAttribute(Context& c);
Status buildTopK(Context& c);

// ---- signal.cpp ----
Status buildStft(Context& c);
Status buildDftAttribute(Context& c);
Status buildDft(Context& c);
Status buildHannWindow(Context& c);
Status buildHammingWindow(Context& c);
Status buildBlackmanWindow(Context& c);
Status buildMelWeightMatrix(Context& c);

// ---- attention.cpp ----
Status buildAttention(Context& c);
Status buildRotaryEmbedding(Context& c);

// ---- loss.cpp ----
Status buildNegativeLogLikelihoodLoss(Context& c);
Status buildSoftmaxCrossEntropyLoss(Context& c);

// ---- creation.cpp ----
Status buildConstant(Context& c);
Status buildConstantOfShape(Context& c);
Status buildRange(Context& c);
Status buildOneHot(Context& c);
Status buildTrilu(Context& c);
Status buildEyeLike(Context& c);

// ---- resize.cpp ----
Status buildUpsample(Context& c);
Status buildResize(Context& c);

}  // namespace quartet::frontend
