// Integer division, shifts and powers as scalar.def defines them: the machine's own trap on zero
// and on MIN / -1, and take shift amounts modulo the width.
#include <llvm/IR/Intrinsics.h>

#include "backends/cpu/emitter.h"

namespace quartet::cpu {

using llvm::Value;

namespace {

// A divisor that the machine can divide by: neither 0 nor -1. With a literal all of this folds.
struct SafeDivisor {
  Value* divisor;
  Value* isZero;
  Value* isMinusOne;  // null when unsigned
};

SafeDivisor safeDivisor(llvm::IRBuilder<>& builder, bool isSigned, Value* b) {
  SafeDivisor safe{b, builder.CreateIsNull(b), nullptr};
  Value* unsafe = safe.isZero;
  if (isSigned) {
    safe.isMinusOne = builder.CreateICmpEQ(b, llvm::Constant::getAllOnesValue(b->getType()));
    unsafe = builder.CreateOr(unsafe, safe.isMinusOne);
  }
  safe.divisor = builder.CreateSelect(unsafe, llvm::ConstantInt::get(b->getType(), 1), b);
  return safe;
}

}  // namespace

Value* Emitter::divide(bool isSigned, Value* a, Value* b) {
  const SafeDivisor safe = safeDivisor(builder_, isSigned, b);
  Value* quotient =
      isSigned ? builder_.CreateSDiv(a, safe.divisor) : builder_.CreateUDiv(a, safe.divisor);
  if (isSigned) quotient = builder_.CreateSelect(safe.isMinusOne, builder_.CreateNeg(a), quotient);
  return builder_.CreateSelect(safe.isZero, integerLike(a, 0), quotient);
}

Value* Emitter::remainder(bool isSigned, Value* a, Value* b) {
  // x % 1 is 0: what is wanted for a divisor of -1, and for 0.
  const SafeDivisor safe = safeDivisor(builder_, isSigned, b);
  return isSigned ? builder_.CreateSRem(a, safe.divisor) : builder_.CreateURem(a, safe.divisor);
}

namespace {

// Where truncated and floored division differ: a remainder whose sign is not the divisor's.
Value* roundsUp(llvm::IRBuilder<>& builder, Value* remainder, Value* b) {
  Value* zero = llvm::Constant::getNullValue(b->getType());
  Value* signsDiffer = builder.CreateICmpSLT(builder.CreateXor(remainder, b), zero);
  return builder.CreateAnd(builder.CreateICmpNE(remainder, zero), signsDiffer);
}

}  // namespace

Value* Emitter::floorDivide(bool isSigned, Value* a, Value* b) {
  Value* quotient = divide(isSigned, a, b);
  if (!isSigned) return quotient;
  Value* adjust = roundsUp(builder_, remainder(isSigned, a, b), b);
  return builder_.CreateSelect(adjust, builder_.CreateSub(quotient, integerLike(a, 1)), quotient);
}

Value* Emitter::modulo(bool isSigned, Value* a, Value* b) {
  Value* rest = remainder(isSigned, a, b);
  if (!isSigned) return rest;
  return builder_.CreateSelect(roundsUp(builder_, rest, b), builder_.CreateAdd(rest, b), rest);
}

Value* Emitter::shift(bool left, bool isSigned, Value* a, Value* b) {
  const unsigned width = a->getType()->getScalarSizeInBits();
  Value* inRange = builder_.CreateICmpULT(b, integerLike(b, width));
  Value* shifted = left       ? builder_.CreateShl(a, b)
                   : isSigned ? builder_.CreateAShr(a, b)
                              : builder_.CreateLShr(a, b);
  // An out-of-range shift is poison, which a select does not pass on.
  return builder_.CreateSelect(inRange, shifted, integerLike(a, 0));
}

// Squaring, all lanes together until every exponent is used up.
Value* Emitter::integerPower(bool isSigned, Value* base, Value* exponent) {
  llvm::Type* type = base->getType();
  Value* zero = integerLike(base, 0);
  Value* one = integerLike(base, 1);
  auto* before = builder_.GetInsertBlock();
  auto* loop = llvm::BasicBlock::Create(context_, "pow", body_);
  auto* done = llvm::BasicBlock::Create(context_, "pow.done", body_);
  builder_.CreateBr(loop);
  builder_.SetInsertPoint(loop);
  llvm::PHINode* result = builder_.CreatePHI(type, 2);
  llvm::PHINode* square = builder_.CreatePHI(type, 2);
  llvm::PHINode* rest = builder_.CreatePHI(type, 2);
  Value* odd = builder_.CreateICmpNE(builder_.CreateAnd(rest, one), zero);
  Value* nextResult = builder_.CreateSelect(odd, builder_.CreateMul(result, square), result);
  Value* nextSquare = builder_.CreateMul(square, square);
  Value* nextRest = builder_.CreateLShr(rest, one);
  result->addIncoming(one, before);
  result->addIncoming(nextResult, loop);
  square->addIncoming(base, before);
  square->addIncoming(nextSquare, loop);
  rest->addIncoming(exponent, before);
  rest->addIncoming(nextRest, loop);
  Value* more = builder_.CreateICmpNE(nextRest, zero);
  if (type->isVectorTy()) more = builder_.CreateOrReduce(more);
  builder_.CreateCondBr(more, loop, done);
  builder_.SetInsertPoint(done);
  if (!isSigned) return nextResult;
  // base^-n: 1 for 1, the parity's sign for -1, else 0.
  Value* minusOne = integerLike(base, -1);
  Value* oddExponent = builder_.CreateICmpNE(builder_.CreateAnd(exponent, one), zero);
  Value* ofMinusOne = builder_.CreateSelect(oddExponent, minusOne, one);
  Value* other = builder_.CreateSelect(builder_.CreateICmpEQ(base, minusOne), ofMinusOne, zero);
  Value* negative = builder_.CreateSelect(builder_.CreateICmpEQ(base, one), one, other);
  return builder_.CreateSelect(builder_.CreateICmpSLT(exponent, zero), negative, nextResult);
}

}  // namespace quartet::cpu
