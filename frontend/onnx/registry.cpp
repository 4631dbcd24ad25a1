#include "frontend/onnx/registry.h"

#include "frontend/onnx/builders.h"
#include "frontend/onnx/widen.h"

namespace quartet::frontend {

using enum Types;
using O = ir::Opcode;

namespace {

// Sorted by type, then by version. `since` is the first version whose meaning the builder has; a
// builder may look at the version itself for what differs only in attributes.
constexpr Operator kOperators[] = {
    {"", "Abs", 1, unary<O::Abs>, 1, 1, Number},
    {"", "Acos", 7, unary<O::Acos>, 1, 1, Float},
    {"", "Acosh", 9, unary<O::Acosh>, 1, 1, Float},
    {"", "Add", 1, legacyBinary<O::Add>, 2, 2, Number},
    {"", "Add", 7, binary<O::Add>, 2, 2, Number},
    {"", "And", 1, legacyBinary<O::And>, 2, 2, Bool},
    {"", "And", 7, binary<O::And>, 2, 2, Bool},
    {"", "ArgMax", 1, buildArgMax, 1, 1, Number},
    {"", "ArgMin", 1, buildArgMin, 1, 1, Number},
    {"", "Asin", 7, unary<O::Asin>, 1, 1, Float},
    {"", "Asinh", 9, unary<O::Asinh>, 1, 1, Float},
    {"", "Atan", 7, unary<O::Atan>, 1, 1, Float},
    {"", "Atanh", 9, unary<O::Atanh>, 1, 1, Float},
    {"", "Attention", 23, buildAttention, 3, 7, Float},
    {"", "AveragePool", 1, widened<buildAveragePool>, 1, 1, Float},
    {"", "BatchNormalization", 1, buildBatchNormalization, 5, 5, Float},
    {"", "BitShift", 11, buildBitShift, 2, 2, Integer},
    {"", "BitwiseAnd", 18, binary<O::And>, 2, 2, Integer},
    {"", "BitwiseNot", 18, buildNot, 1, 1, Integer},
    {"", "BitwiseOr", 18, binary<O::Or>, 2, 2, Integer},
    {"", "BitwiseXor", 18, binary<O::Xor>, 2, 2, Integer},
    {"", "BlackmanWindow", 17, buildBlackmanWindow, 1, 1, Integer},
    {"", "Cast", 6, buildCast, 1, 1, Any},
    {"", "CastLike", 15, buildCastLike, 2, 2, Any},
    {"", "Ceil", 1, unary<O::Ceil>, 1, 1, Float},
    {"", "Celu", 12, widened<buildCelu>, 1, 1, Float},
    {"", "Clip", 1, buildClipAttributes, 1, 1, Float},
    {"", "Clip", 11, buildClip, 1, 3, Number},
    {"", "Concat", 4, buildConcat, 1, -1, Any},
    {"", "Constant", 1, buildConstant, 0, 0, Any},
    {"", "ConstantOfShape", 9, buildConstantOfShape, 1, 1, Integer},
    {"", "Conv", 1, buildConv, 2, 3, Float},
    {"", "ConvInteger", 10, buildConvInteger, 2, 4, Integer},
    {"", "ConvTranspose", 1, buildConvTranspose, 2, 3, Float},
    {"", "Cos", 7, unary<O::Cos>, 1, 1, Float},
    {"", "Cosh", 9, unary<O::Cosh>, 1, 1, Float},
    {"", "CumProd", 26, buildCumProd, 2, 2, Number},
    {"", "CumSum", 11, buildCumSum, 2, 2, Number},
    {"", "DFT", 17, widened<buildDftAttribute>, 1, 2, Float},
    {"", "DFT", 20, widened<buildDft>, 1, 3, Float},
    {"", "DepthToSpace", 1, buildDepthToSpace, 1, 1, Any},
    {"", "Div", 1, legacyBinary<O::Div>, 2, 2, Number},
    {"", "Div", 7, binary<O::Div>, 2, 2, Number},
    {"", "Dropout", 1, buildDropout, 1, 3, Float},
    {"", "Einsum", 12, buildEinsum, 1, -1, Number},
    {"", "Elu", 1, widened<buildElu>, 1, 1, Float},
    {"", "Equal", 1, legacyBinary<O::Eq>, 2, 2, Any},
    {"", "Equal", 7, binary<O::Eq>, 2, 2, Any},
    {"", "Erf", 9, unary<O::Erf>, 1, 1, Float},
    {"", "Exp", 1, unary<O::Exp>, 1, 1, Float},
    {"", "Expand", 8, buildExpand, 2, 2, Any},
    {"", "EyeLike", 9, buildEyeLike, 1, 1, Any},
    {"", "Flatten", 1, buildFlatten, 1, 1, Any},
    {"", "Floor", 1, unary<O::Floor>, 1, 1, Float},
    {"", "Gather", 1, buildGather, 2, 2, Any},
    {"", "GatherElements", 11, buildGatherElements, 2, 2, Any},
    {"", "GatherND", 11, buildGatherNd, 2, 2, Any},
    {"", "Gelu", 20, widened<buildGelu>, 1, 1, Float},
    {"", "Gemm", 1, buildGemm, 2, 3, Number},
    {"", "GlobalAveragePool", 1, widened<buildGlobalAveragePool>, 1, 1, Float},
    {"", "GlobalLpPool", 2, widened<buildGlobalLpPool>, 1, 1, Float},
    {"", "GlobalMaxPool", 1, buildGlobalMaxPool, 1, 1, Float},
    {"", "Greater", 1, legacyBinary<O::Gt>, 2, 2, Number},
    {"", "Greater", 7, binary<O::Gt>, 2, 2, Number},
    {"", "GreaterOrEqual", 12, binary<O::Ge>, 2, 2, Number},
    {"", "GroupNormalization", 18, widened<buildGroupNormalization>, 3, 3, Float},
    {"", "HammingWindow", 17, buildHammingWindow, 1, 1, Integer},
    {"", "HannWindow", 17, buildHannWindow, 1, 1, Integer},
    {"", "HardSigmoid", 1, widened<buildHardSigmoid>, 1, 1, Float},
    {"", "HardSwish", 14, widened<buildHardSwish>, 1, 1, Float},
    {"", "Hardmax", 1, buildHardmax, 1, 1, Float},
    {"", "Identity", 1, buildIdentity, 1, 1, Any},
    {"", "InstanceNormalization", 1, widened<buildInstanceNormalization>, 3, 3, Float},
    {"", "IsInf", 10, buildIsInf, 1, 1, Float},
    {"", "IsNaN", 9, unary<O::IsNan>, 1, 1, Float},
    {"", "LRN", 1, widened<buildLrn>, 1, 1, Float},
    {"", "LayerNormalization", 17, buildLayerNormalization, 2, 3, Float},
    {"", "LeakyRelu", 1, widened<buildLeakyRelu>, 1, 1, Float},
    {"", "Less", 1, legacyBinary<O::Lt>, 2, 2, Number},
    {"", "Less", 7, binary<O::Lt>, 2, 2, Number},
    {"", "LessOrEqual", 12, binary<O::Le>, 2, 2, Number},
    {"", "Log", 1, unary<O::Log>, 1, 1, Float},
    {"", "LogSoftmax", 1, widened<buildLogSoftmax>, 1, 1, Float},
    {"", "LpNormalization", 1, widened<buildLpNormalization>, 1, 1, Float},
    {"", "LpPool", 2, widened<buildLpPool>, 1, 1, Float},
    {"", "MatMul", 1, buildMatMul, 2, 2, Number},
    {"", "MatMulInteger", 10, buildMatMulInteger, 2, 4, Integer},
    {"", "Max", 1, variadic<O::Max>, 1, -1, Number},
    {"", "MaxPool", 1, buildMaxPool, 1, 1, Number},
    {"", "Mean", 1, widened<buildMean>, 1, -1, Float},
    {"", "MeanVarianceNormalization", 9, widened<buildMeanVarianceNormalization>, 1, 1, Float},
    {"", "MelWeightMatrix", 17, buildMelWeightMatrix, 5, 5, Integer},
    {"", "Min", 1, variadic<O::Min>, 1, -1, Number},
    {"", "Mish", 18, widened<buildMish>, 1, 1, Float},
    {"", "Mod", 10, buildMod, 2, 2, Number},
    {"", "Mul", 1, legacyBinary<O::Mul>, 2, 2, Number},
    {"", "Mul", 7, binary<O::Mul>, 2, 2, Number},
    {"", "Neg", 1, unary<O::Neg>, 1, 1, Number},
    {"", "NegativeLogLikelihoodLoss", 12, widened<buildNegativeLogLikelihoodLoss>, 2, 3, Float},
    {"", "Not", 1, buildNot, 1, 1, Bool},
    {"", "OneHot", 9, buildOneHot, 3, 3, Number},
    {"", "Or", 1, legacyBinary<O::Or>, 2, 2, Bool},
    {"", "Or", 7, binary<O::Or>, 2, 2, Bool},
    {"", "PRelu", 1, buildLegacyPRelu, 2, 2, Number},
    {"", "PRelu", 7, buildPRelu, 2, 2, Number},
    {"", "Pad", 2, buildPad, 1, 1, Any},
    {"", "Pad", 11, buildPad, 2, 4, Any},
    {"", "Pow", 1, buildLegacyPow, 2, 2, Number},
    {"", "Pow", 7, buildPow, 2, 2, Number},
    {"", "RMSNormalization", 23, buildRmsNormalization, 2, 2, Float},
    {"", "Range", 11, widened<buildRange>, 3, 3, Number},
    {"", "Reciprocal", 1, buildReciprocal, 1, 1, Float},
    {"", "ReduceL1", 1, buildReduceL1, 1, 2, Number},
    {"", "ReduceL2", 1, widened<buildReduceL2>, 1, 2, Number},
    {"", "ReduceLogSum", 1, widened<buildReduceLogSum>, 1, 2, Number},
    {"", "ReduceLogSumExp", 1, widened<buildReduceLogSumExp>, 1, 2, Number},
    {"", "ReduceMax", 1, buildReduceMax, 1, 2, Any},
    {"", "ReduceMean", 1, widened<buildReduceMean>, 1, 2, Number},
    {"", "ReduceMin", 1, buildReduceMin, 1, 2, Any},
    {"", "ReduceProd", 1, buildReduceProd, 1, 2, Number},
    {"", "ReduceSum", 1, buildReduceSum, 1, 2, Number},
    {"", "ReduceSumSquare", 1, widened<buildReduceSumSquare>, 1, 2, Number},
    {"", "Relu", 1, buildRelu, 1, 1, Number},
    {"", "Reshape", 5, buildReshape, 2, 2, Any},
    {"", "Resize", 10, buildResize, 2, 2, Number},
    {"", "Resize", 11, buildResize, 1, 4, Number},
    {"", "ReverseSequence", 10, buildReverseSequence, 2, 2, Any},
    {"", "RotaryEmbedding", 23, widened<buildRotaryEmbedding>, 3, 4, Float},
    {"", "Round", 11, unary<O::Round>, 1, 1, Float},
    {"", "STFT", 17, widened<buildStft>, 2, 4, Float},
    {"", "Scatter", 9, buildScatterElements, 3, 3, Any},
    {"", "ScatterElements", 11, buildScatterElements, 3, 3, Any},
    {"", "ScatterND", 11, buildScatterNd, 3, 3, Any},
    {"", "Selu", 1, widened<buildSelu>, 1, 1, Float},
    {"", "Shape", 1, buildShape, 1, 1, Any},
    {"", "Shrink", 9, widened<buildShrink>, 1, 1, Number},
    {"", "Sigmoid", 1, widened<buildSigmoid>, 1, 1, Float},
    {"", "Sign", 9, unary<O::Sign>, 1, 1, Number},
    {"", "Sin", 7, unary<O::Sin>, 1, 1, Float},
    {"", "Sinh", 9, unary<O::Sinh>, 1, 1, Float},
    {"", "Size", 1, buildSize, 1, 1, Any},
    {"", "Slice", 1, buildSliceAttributes, 1, 1, Any},
    {"", "Slice", 10, buildSlice, 3, 5, Any},
    {"", "Softmax", 1, widened<buildSoftmax>, 1, 1, Float},
    {"", "SoftmaxCrossEntropyLoss", 12, widened<buildSoftmaxCrossEntropyLoss>, 2, 3, Float},
    {"", "Softplus", 1, widened<buildSoftplus>, 1, 1, Float},
    {"", "Softsign", 1, widened<buildSoftsign>, 1, 1, Float},
    {"", "SpaceToDepth", 1, buildSpaceToDepth, 1, 1, Any},
    {"", "Split", 2, buildSplit, 1, 2, Any},
    {"", "Sqrt", 1, unary<O::Sqrt>, 1, 1, Float},
    {"", "Squeeze", 1, buildSqueeze, 1, 1, Any},
    {"", "Squeeze", 13, buildSqueeze, 1, 2, Any},
    {"", "Sub", 1, legacyBinary<O::Sub>, 2, 2, Number},
    {"", "Sub", 7, binary<O::Sub>, 2, 2, Number},
    {"", "Sum", 1, widened<variadic<O::Add>>, 1, -1, Float},
    {"", "Swish", 24, widened<buildSwish>, 1, 1, Float},
    {"", "Tan", 7, unary<O::Tan>, 1, 1, Float},
    {"", "Tanh", 1, unary<O::Tanh>, 1, 1, Float},
    {"", "ThresholdedRelu", 10, widened<buildThresholdedRelu>, 1, 1, Float},
    {"", "Tile", 1, buildTile, 2, 3, Any},
    {"", "TopK", 1, buildTopKAttribute, 1, 1, Number},
    {"", "TopK", 10, buildTopK, 2, 2, Number},
    {"", "Transpose", 1, buildTranspose, 1, 1, Any},
    {"", "Trilu", 14, buildTrilu, 1, 2, Any},
    {"", "Unsqueeze", 1, buildUnsqueeze, 1, 1, Any},
    {"", "Unsqueeze", 13, buildUnsqueeze, 2, 2, Any},
    {"", "Upsample", 7, buildUpsample, 1, 1, Number},
    {"", "Upsample", 9, buildUpsample, 2, 2, Number},
    {"", "Where", 9, buildWhere, 3, 3, Bool},
    {"", "Xor", 1, legacyBinary<O::Xor>, 2, 2, Bool},
    {"", "Xor", 7, binary<O::Xor>, 2, 2, Bool},
};

}  // namespace

std::span<const Operator> operators() { return kOperators; }

const Operator* findOperator(std::string_view domain, std::string_view type, int64_t opset) {
  const Operator* found = nullptr;
  for (const Operator& row : kOperators) {
    if (row.type == type && row.domain == domain && row.since <= opset) found = &row;
  }
  return found;
}

bool accepts(Types types, ir::DType dtype) {
  switch (types) {
    case Any:
      return true;
    case Number:
      return dtype != ir::DType::Bool;
    case Float:
      return ir::isFloat(dtype);
    case Integer:
      return ir::isInteger(dtype);
    case Types::Bool:
      return dtype == ir::DType::Bool;
  }
  return false;
}

std::string_view describe(Types types) {
  switch (types) {
    case Any:
      return "any type";
    case Number:
      return "a number";
    case Float:
      return "a float";
    case Integer:
      return "an integer";
    case Types::Bool:
      return "bool";
  }
  return "";
}

}  // namespace quartet::frontend
