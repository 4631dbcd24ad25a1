// Conversions between dtypes.
#include <llvm/IR/Intrinsics.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "backends/cpu/emitter.h"

namespace quartet::cpu {

using ir::DType;
using llvm::Value;

Value* Emitter::cast(Value* x, DType from, DType to, double bound) {
  if (from == to) return x;
  if (from == DType::BF16) return cast(bf16ToFloat(x), DType::F32, to);
  llvm::Type* target = like(elementType(to), x);
  if (to == DType::Bool) {
    if (ir::isFloat(from)) return builder_.CreateFCmpUNE(x, constantLike(x, 0));
    return builder_.CreateICmpNE(x, integerLike(x, 0));
  }
  if (from == DType::Bool) {
    if (to == DType::BF16) return cast(cast(x, from, DType::F32), DType::F32, to);
    if (!ir::isFloat(to)) return builder_.CreateZExt(x, target);
    return builder_.CreateSelect(x, llvm::ConstantFP::get(target, 1.0),
                                 llvm::ConstantFP::get(target, 0.0));
  }
  if (ir::isFloat(from)) return castFloat(x, from, to, bound);
  if (to == DType::F16 || to == DType::BF16) {
    // Through f64, which holds 32 bits exactly: one rounding.
    return castFloat(cast(x, from, DType::F64), DType::F64, to, bound);
  }
  if (ir::isFloat(to)) {
    return ir::isSigned(from) ? builder_.CreateSIToFP(x, target) : builder_.CreateUIToFP(x, target);
  }
  return ir::isSigned(from) ? builder_.CreateSExtOrTrunc(x, target)
                            : builder_.CreateZExtOrTrunc(x, target);
}

// An upper bound of the magnitude of what `op` gives, where it and the ops before it show one;
// infinity otherwise. NaN apart.
double Emitter::magnitudeBound(const ir::Op& op) const {
  const auto operandBound = [&](size_t i) { return boundOf(op.operands[i]); };
  switch (op.opcode) {
    case ir::Opcode::Literal: {
      const ir::Attribute& value = *op.attributes.find("value");
      if (const auto* number = std::get_if<double>(&value)) return std::fabs(*number);
      return std::fabs(static_cast<double>(std::get<int64_t>(value)));
    }
    case ir::Opcode::Splat:
    case ir::Opcode::Neg:
    case ir::Opcode::Abs:
      return operandBound(0);
    case ir::Opcode::Round:
    case ir::Opcode::Floor:
    case ir::Opcode::Ceil:
      return operandBound(0) + 1;
    case ir::Opcode::Mul:
      return operandBound(0) * operandBound(1) * (1 + 0x1p-20);
    case ir::Opcode::Min: {  // min(max(x, lo), hi)
      const ir::OpId inner = kernel_.value(op.operands[0]).definition;
      if (!inner.valid() || kernel_.op(inner).opcode != ir::Opcode::Max) return kUnbounded;
      return std::max(boundOf(kernel_.op(inner).operands[1]), operandBound(1));
    }
    default:
      return kUnbounded;
  }
}

Value* Emitter::castFloat(Value* x, DType from, DType to, double bound) {
  llvm::Type* target = like(elementType(to), x);
  if (to == DType::BF16) {
    if (from == DType::F64) return floatToBf16(narrowToOdd(x));
    return floatToBf16(cast(x, from, DType::F32));
  }
  if (to == DType::F16 && from == DType::F64) {
    return builder_.CreateFPTrunc(narrowToOdd(x), target);
  }
  if (ir::isFloat(to)) return builder_.CreateFPCast(x, target);
  if (from == DType::F16) return cast(cast(x, from, DType::F32), DType::F32, to);
  return floatToInteger(x, target, ir::isSigned(to), bound);
}

// Saturating; NaN gives 0. The intrinsic for this is scalar code on x86.
Value* Emitter::floatToInteger(Value* x, llvm::Type* target, bool isSigned, double bound) {
  const int bits = static_cast<int>(target->getScalarSizeInBits());
  if (isSigned && bound < std::ldexp(1.0, bits - 1)) {
    Value* number = builder_.CreateSelect(builder_.CreateFCmpUNO(x, x), constantLike(x, 0), x);
    return builder_.CreateFPToSI(number, target);
  }
  Value* above = constantLike(x, std::ldexp(1.0, isSigned ? bits - 1 : bits));
  Value* below = isSigned ? constantLike(x, -std::ldexp(1.0, bits - 1)) : constantLike(x, -1);
  Value* fits = builder_.CreateAnd(
      isSigned ? builder_.CreateFCmpOGE(x, below) : builder_.CreateFCmpOGT(x, below),
      builder_.CreateFCmpOLT(x, above));
  Value* safe = builder_.CreateSelect(fits, x, constantLike(x, 0));
  Value* result =
      isSigned ? builder_.CreateFPToSI(safe, target) : builder_.CreateFPToUI(safe, target);
  const auto width = static_cast<unsigned>(bits);
  const llvm::APInt most =
      isSigned ? llvm::APInt::getSignedMaxValue(width) : llvm::APInt::getMaxValue(width);
  result = builder_.CreateSelect(builder_.CreateFCmpOGE(x, above),
                                 llvm::ConstantInt::get(target, most), result);
  if (!isSigned) return result;
  const llvm::APInt least = llvm::APInt::getSignedMinValue(width);
  return builder_.CreateSelect(builder_.CreateFCmpOLT(x, below),
                               llvm::ConstantInt::get(target, least), result);
}

// f64 -> f32 rounded to odd: a second rounding, to fewer bits, is then right.
Value* Emitter::narrowToOdd(Value* f64) {
  llvm::Type* bits = like(builder_.getInt32Ty(), f64);
  Value* nearest = builder_.CreateFPTrunc(f64, like(builder_.getFloatTy(), f64));
  Value* back = builder_.CreateFPExt(nearest, f64->getType());
  Value* inexact = builder_.CreateFCmpONE(back, f64);
  Value* tooFar = builder_.CreateFCmpOGT(intrinsic(llvm::Intrinsic::fabs, back),
                                         intrinsic(llvm::Intrinsic::fabs, f64));
  Value* pattern = builder_.CreateBitCast(nearest, bits);
  Value* truncated = builder_.CreateSub(pattern, builder_.CreateZExt(tooFar, bits));
  Value* odd = builder_.CreateOr(truncated, llvm::ConstantInt::get(bits, 1));
  return builder_.CreateBitCast(builder_.CreateSelect(inexact, odd, pattern), nearest->getType());
}

// To nearest even; NaN stays NaN.
Value* Emitter::floatToBf16(Value* f32) {
  llvm::Type* wide = like(builder_.getInt32Ty(), f32);
  const auto constant = [&](uint64_t value) { return llvm::ConstantInt::get(wide, value); };
  Value* bits = builder_.CreateBitCast(f32, wide);
  Value* high = builder_.CreateLShr(bits, constant(16));
  Value* bias = builder_.CreateAdd(builder_.CreateAnd(high, constant(1)), constant(0x7fff));
  Value* rounded = builder_.CreateLShr(builder_.CreateAdd(bits, bias), constant(16));
  Value* quiet = builder_.CreateOr(high, constant(0x40));
  Value* result = builder_.CreateSelect(builder_.CreateFCmpUNO(f32, f32), quiet, rounded);
  return builder_.CreateTrunc(result, like(builder_.getInt16Ty(), f32));
}

Value* Emitter::bf16ToFloat(Value* bits) {
  llvm::Type* wide = like(builder_.getInt32Ty(), bits);
  Value* high =
      builder_.CreateShl(builder_.CreateZExt(bits, wide), llvm::ConstantInt::get(wide, 16));
  return builder_.CreateBitCast(high, like(builder_.getFloatTy(), bits));
}

}  // namespace quartet::cpu
