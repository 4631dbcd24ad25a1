// The scalar operations of ir/scalar.def, lane by lane.
#include <llvm/IR/Intrinsics.h>

#include "backends/cpu/emitter.h"

namespace quartet::cpu {

using ir::DType;
using ir::Opcode;
using llvm::Value;
using llvm::Intrinsic::ID;

Value* Emitter::constantLike(const Value* shape, double value) {
  return llvm::ConstantFP::get(shape->getType(), value);
}

Value* Emitter::integerLike(const Value* shape, int64_t value) {
  return llvm::ConstantInt::get(shape->getType(), static_cast<uint64_t>(value), true);
}

Value* Emitter::intrinsic(unsigned id, Value* x) {
  return builder_.CreateUnaryIntrinsic(static_cast<ID>(id), x);
}

// A function of the C library, called for each lane: rare (f64, fmod).
Value* Emitter::perLane(const std::string& function, llvm::ArrayRef<Value*> operands) {
  const int lanes = lanesOf(operands[0]);
  llvm::Type* element = operands[0]->getType()->getScalarType();
  const std::vector<llvm::Type*> arguments(operands.size(), element);
  auto callee =
      module_.getOrInsertFunction(function, llvm::FunctionType::get(element, arguments, false));
  if (lanes == 1) return builder_.CreateCall(callee, operands);
  Value* result = llvm::PoisonValue::get(operands[0]->getType());
  for (uint64_t lane = 0; lane < static_cast<uint64_t>(lanes); ++lane) {
    std::vector<Value*> scalars;
    for (Value* operand : operands) scalars.push_back(builder_.CreateExtractElement(operand, lane));
    result = builder_.CreateInsertElement(result, builder_.CreateCall(callee, scalars), lane);
  }
  return result;
}

Value* Emitter::scalarOp(const ir::Op& op) {
  const DType dtype = kernel_.type(op.operands[0]).dtype;
  switch (op.opcode) {
    case Opcode::Cast:
      return cast(operand(op, 0), dtype, kernel_.type(op.results[0]).dtype,
                  boundOf(op.operands[0]));
    case Opcode::Select: {
      Value* condition = operand(op, 0);
      const int lanes = lanesOf(operand(op, 1));
      if (lanesOf(condition) != lanes) condition = splat(condition, lanes);
      return builder_.CreateSelect(condition, operand(op, 1), operand(op, 2));
    }
    case Opcode::Fma:
      if (ir::isFloat(dtype)) {
        return builder_.CreateIntrinsic(operand(op, 0)->getType(), llvm::Intrinsic::fma,
                                        {operand(op, 0), operand(op, 1), operand(op, 2)});
      }
      return builder_.CreateAdd(builder_.CreateMul(operand(op, 0), operand(op, 1)), operand(op, 2));
    case Opcode::Dot4:
      return dot4(operand(op, 0), operand(op, 1), operand(op, 2));
    case Opcode::Dot2:
      return dot2(operand(op, 0), operand(op, 1), operand(op, 2));
    default:
      break;
  }
  if (ir::isComparison(op.opcode) && op.operands.size() == 2) {
    return compare(op.opcode, dtype, operand(op, 0), operand(op, 1));
  }
  if (op.operands.size() == 2) return binary(op.opcode, dtype, operand(op, 0), operand(op, 1));
  return unary(op.opcode, dtype, operand(op, 0));
}

Value* Emitter::compare(Opcode op, DType dtype, Value* a, Value* b) {
  using Predicate = llvm::CmpInst::Predicate;
  const bool isFloat = ir::isFloat(dtype);
  const bool isSigned = ir::isSigned(dtype);
  const auto choose = [&](Predicate floating, Predicate with, Predicate without) {
    const Predicate predicate = isFloat ? floating : isSigned ? with : without;
    return builder_.CreateCmp(predicate, a, b);
  };
  switch (op) {
    case Opcode::Eq:
      return choose(Predicate::FCMP_OEQ, Predicate::ICMP_EQ, Predicate::ICMP_EQ);
    case Opcode::Ne:
      return choose(Predicate::FCMP_UNE, Predicate::ICMP_NE, Predicate::ICMP_NE);
    case Opcode::Lt:
      return choose(Predicate::FCMP_OLT, Predicate::ICMP_SLT, Predicate::ICMP_ULT);
    case Opcode::Le:
      return choose(Predicate::FCMP_OLE, Predicate::ICMP_SLE, Predicate::ICMP_ULE);
    case Opcode::Gt:
      return choose(Predicate::FCMP_OGT, Predicate::ICMP_SGT, Predicate::ICMP_UGT);
    case Opcode::Ge:
      return choose(Predicate::FCMP_OGE, Predicate::ICMP_SGE, Predicate::ICMP_UGE);
    default:
      QT_ASSERT(false, "no comparison: " + std::string(ir::name(op)));
      return nullptr;
  }
}

Value* Emitter::binary(Opcode op, DType dtype, Value* a, Value* b) {
  switch (op) {
    case Opcode::And:
      return builder_.CreateAnd(a, b);
    case Opcode::Or:
      return builder_.CreateOr(a, b);
    case Opcode::Xor:
      return builder_.CreateXor(a, b);
    default:
      break;
  }
  if (ir::isFloat(dtype)) return floatBinary(op, a, b);
  return integerBinary(op, ir::isSigned(dtype), a, b);
}

Value* Emitter::floatBinary(Opcode op, Value* a, Value* b) {
  switch (op) {
    case Opcode::Add:
      return builder_.CreateFAdd(a, b);
    case Opcode::Sub:
      return builder_.CreateFSub(a, b);
    case Opcode::Mul:
      return builder_.CreateFMul(a, b);
    case Opcode::Div:
      return builder_.CreateFDiv(a, b);
    case Opcode::FloorDiv:
      return intrinsic(llvm::Intrinsic::floor, builder_.CreateFDiv(a, b));
    case Opcode::Rem:
      return builder_.CreateFRem(a, b);
    case Opcode::Mod: {  // each step rounds: contracted, a large quotient would change the result
      const llvm::IRBuilder<>::FastMathFlagGuard guard(builder_);
      builder_.clearFastMathFlags();
      Value* floor = intrinsic(llvm::Intrinsic::floor, builder_.CreateFDiv(a, b));
      return builder_.CreateFSub(a, builder_.CreateFMul(b, floor));
    }
    case Opcode::Pow:
      return perLane("pow", {a, b});
    case Opcode::Min:
    case Opcode::Max: {
      // NaN from either side. Which zero comes out of two is left open, else it takes more code.
      Value* chosen = builder_.CreateBinaryIntrinsic(
          op == Opcode::Min ? llvm::Intrinsic::minimum : llvm::Intrinsic::maximum, a, b);
      if (auto* call = llvm::dyn_cast<llvm::CallInst>(chosen)) call->setHasNoSignedZeros(true);
      return chosen;
    }
    default:
      QT_ASSERT(false, "no float operation: " + std::string(ir::name(op)));
      return nullptr;
  }
}

Value* Emitter::integerBinary(Opcode op, bool isSigned, Value* a, Value* b) {
  switch (op) {
    case Opcode::Add:
      return builder_.CreateAdd(a, b);
    case Opcode::Sub:
      return builder_.CreateSub(a, b);
    case Opcode::Mul:
      return builder_.CreateMul(a, b);
    case Opcode::Div:
      return divide(isSigned, a, b);
    case Opcode::FloorDiv:
      return floorDivide(isSigned, a, b);
    case Opcode::Rem:
      return remainder(isSigned, a, b);
    case Opcode::Mod:
      return modulo(isSigned, a, b);
    case Opcode::Pow:
      return integerPower(isSigned, a, b);
    case Opcode::Min:
      return builder_.CreateBinaryIntrinsic(
          isSigned ? llvm::Intrinsic::smin : llvm::Intrinsic::umin, a, b);
    case Opcode::Max:
      return builder_.CreateBinaryIntrinsic(
          isSigned ? llvm::Intrinsic::smax : llvm::Intrinsic::umax, a, b);
    case Opcode::Shl:
      return shift(true, isSigned, a, b);
    case Opcode::Shr:
      return shift(false, isSigned, a, b);
    default:
      QT_ASSERT(false, "no integer operation: " + std::string(ir::name(op)));
      return nullptr;
  }
}

Value* Emitter::unary(Opcode op, DType dtype, Value* x) {
  if (op == Opcode::Not) return builder_.CreateNot(x);
  if (ir::isFloat(dtype)) return floatUnary(op, x);
  switch (op) {
    case Opcode::Neg:
      return builder_.CreateNeg(x);
    case Opcode::Abs:
      if (!ir::isSigned(dtype)) return x;
      return builder_.CreateBinaryIntrinsic(llvm::Intrinsic::abs, x, builder_.getFalse());
    case Opcode::Sign: {
      Value* nonZero = builder_.CreateZExt(builder_.CreateIsNotNull(x), x->getType());
      if (!ir::isSigned(dtype)) return nonZero;
      Value* negative = builder_.CreateICmpSLT(x, integerLike(x, 0));
      return builder_.CreateSelect(negative, integerLike(x, -1), nonZero);
    }
    default:
      QT_ASSERT(false, "no integer operation: " + std::string(ir::name(op)));
      return nullptr;
  }
}

namespace {

// The C library's name of a transcendental.
const char* libraryName(Opcode op) {
  switch (op) {
    case Opcode::Exp:
      return "exp";
    case Opcode::Log:
      return "log";
    case Opcode::Sin:
      return "sin";
    case Opcode::Cos:
      return "cos";
    case Opcode::Tan:
      return "tan";
    case Opcode::Asin:
      return "asin";
    case Opcode::Acos:
      return "acos";
    case Opcode::Atan:
      return "atan";
    case Opcode::Sinh:
      return "sinh";
    case Opcode::Cosh:
      return "cosh";
    case Opcode::Tanh:
      return "tanh";
    case Opcode::Asinh:
      return "asinh";
    case Opcode::Acosh:
      return "acosh";
    case Opcode::Atanh:
      return "atanh";
    case Opcode::Erf:
      return "erf";
    default:
      return nullptr;
  }
}

}  // namespace

Value* Emitter::floatUnary(Opcode op, Value* x) {
  switch (op) {
    case Opcode::Neg:
      return builder_.CreateFNeg(x);
    case Opcode::Abs:
      return intrinsic(llvm::Intrinsic::fabs, x);
    case Opcode::Sign: {
      Value* zero = constantLike(x, 0);
      Value* nanOrZero = builder_.CreateSelect(builder_.CreateFCmpUNO(x, x), x, zero);
      Value* atMost =
          builder_.CreateSelect(builder_.CreateFCmpOLT(x, zero), constantLike(x, -1), nanOrZero);
      return builder_.CreateSelect(builder_.CreateFCmpOGT(x, zero), constantLike(x, 1), atMost);
    }
    case Opcode::Sqrt:
      return intrinsic(llvm::Intrinsic::sqrt, x);
    case Opcode::Floor:
      return intrinsic(llvm::Intrinsic::floor, x);
    case Opcode::Ceil:
      return intrinsic(llvm::Intrinsic::ceil, x);
    case Opcode::Round:
      return intrinsic(llvm::Intrinsic::roundeven, x);
    case Opcode::IsNan:
      return builder_.CreateFCmpUNO(x, x);
    case Opcode::IsInf:
      return builder_.CreateFCmpOEQ(intrinsic(llvm::Intrinsic::fabs, x),
                                    llvm::ConstantFP::getInfinity(x->getType()));
    default:
      break;
  }
  const char* function = libraryName(op);
  QT_ASSERT(function != nullptr, "no float operation: " + std::string(ir::name(op)));
  QT_ASSERT(x->getType()->getScalarType()->isDoubleTy(),
            std::string(function) + " of f32 is expanded before emission");
  return perLane(function, {x});
}

// A pairwise tree: lanes i and i + n/2 meet first.
Value* Emitter::reduceLanes(Opcode fn, DType dtype, Value* x) {
  int lanes = lanesOf(x);
  if (lanes == 1) return x;
  while (lanes > 1 && lanes % 2 == 0) {
    lanes /= 2;
    std::vector<int> low;
    std::vector<int> high;
    for (int i = 0; i < lanes; ++i) {
      low.push_back(i);
      high.push_back(i + lanes);
    }
    if (lanes == 1) {
      return binary(fn, dtype, builder_.CreateExtractElement(x, uint64_t{0}),
                    builder_.CreateExtractElement(x, uint64_t{1}));
    }
    x = binary(fn, dtype, builder_.CreateShuffleVector(x, low),
               builder_.CreateShuffleVector(x, high));
  }
  Value* result = builder_.CreateExtractElement(x, uint64_t{0});
  for (uint64_t i = 1; i < static_cast<uint64_t>(lanes); ++i) {
    result = binary(fn, dtype, result, builder_.CreateExtractElement(x, i));
  }
  return result;
}

}  // namespace quartet::cpu
