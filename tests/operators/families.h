// The recipes by family; the table in recipes.cpp refers to them.
#pragma once

#include "tests/operators/draft.h"

namespace quartet::operators {

// ---- Elementwise (elementwise.cpp) ----
void drawUnary(Draft& d, std::optional<Domain> domain);
/// Elements anywhere.
void unary(Draft& d);
/// Elements between two numbers of sixteenths.
template <int Low, int High>
void unaryIn(Draft& d) {
  drawUnary(d, Domain{Low / 16.0, High / 16.0});
}
void reciprocal(Draft& d);
void negate(Draft& d);
/// An activation with attributes of these names that are positive numbers.
void celu(Draft& d);
void elu(Draft& d);
void selu(Draft& d);
void leakyRelu(Draft& d);
void thresholdedRelu(Draft& d);
void hardSigmoid(Draft& d);
void shrink(Draft& d);
void swish(Draft& d);
void gelu(Draft& d);
void isInf(Draft& d);
void binary(Draft& d);
void division(Draft& d);
void modulo(Draft& d);
void power(Draft& d);
void bitShift(Draft& d);
void prelu(Draft& d);
void variadic(Draft& d);
void where(Draft& d);
void clip(Draft& d);
void cast(Draft& d);
void castLike(Draft& d);
void dropout(Draft& d);

// ---- Reductions and products (reductions.cpp) ----
void reduction(Draft& d);
void reductionOfEmpty(Draft& d);  // has a meaning without elements
void reductionOfFloats(Draft& d);
void reductionOfPositives(Draft& d);
void argReduction(Draft& d);
void running(Draft& d);
void softmax(Draft& d);
void matMul(Draft& d);
void matMulInteger(Draft& d);
void gemm(Draft& d);
void einsum(Draft& d);

// ---- Windows (spatial.cpp) ----
void conv(Draft& d);
void convInteger(Draft& d);
void convTranspose(Draft& d);
void averagePool(Draft& d);
void maxPool(Draft& d);
void lpPool(Draft& d);
void globalPool(Draft& d);
void globalLpPool(Draft& d);
void resize(Draft& d);
void upsample(Draft& d);
void depthToSpace(Draft& d);
void spaceToDepth(Draft& d);

// ---- Movement (movement.cpp) ----
void transpose(Draft& d);
void reshape(Draft& d);
void flatten(Draft& d);
void squeeze(Draft& d);
void unsqueeze(Draft& d);
void expand(Draft& d);
void tile(Draft& d);
void concat(Draft& d);
void split(Draft& d);
void slice(Draft& d);
void pad(Draft& d);
void trilu(Draft& d);

// ---- Indices (indexing.cpp) ----
void gather(Draft& d);
void gatherElements(Draft& d);
void gatherNd(Draft& d);
void scatterElements(Draft& d);
void scatterNd(Draft& d);
void oneHot(Draft& d);
void topK(Draft& d);
void reverseSequence(Draft& d);

// ---- Normalisation, losses, transformers (normalisation.cpp) ----
void batchNormalization(Draft& d);
void instanceNormalization(Draft& d);
void layerNormalization(Draft& d);
void rmsNormalization(Draft& d);
void groupNormalization(Draft& d);
void lrn(Draft& d);
void lpNormalization(Draft& d);
void meanVarianceNormalization(Draft& d);
void negativeLogLikelihoodLoss(Draft& d);
void softmaxCrossEntropyLoss(Draft& d);
void attention(Draft& d);
void rotaryEmbedding(Draft& d);

// ---- Creation and signals (creation.cpp) ----
void constant(Draft& d);
void constantOfShape(Draft& d);
void eyeLike(Draft& d);
void range(Draft& d);
void shape(Draft& d);
void window(Draft& d);
void melWeightMatrix(Draft& d);
void dft(Draft& d);
void stft(Draft& d);

}  // namespace quartet::operators
