// Loads and stores. Alignment is that of the element: buffers may be the caller's memory, and
// unaligned vector accesses cost nothing extra where the address happens to be aligned.
#include <llvm/Support/MathExtras.h>

#include <algorithm>
#include <bit>
#include <numeric>

#include "backends/cpu/emitter.h"
#include "backends/cpu/jit.h"

namespace quartet::cpu {

using ir::DType;
using llvm::Value;

llvm::Type* Emitter::elementType(DType dtype) {
  switch (dtype) {
    case DType::Bool:
      return builder_.getInt1Ty();
    case DType::I8:
    case DType::U8:
      return builder_.getInt8Ty();
    case DType::I16:
    case DType::U16:
    case DType::BF16:
      return builder_.getInt16Ty();
    case DType::I32:
    case DType::U32:
      return builder_.getInt32Ty();
    case DType::I64:
    case DType::U64:
      return builder_.getInt64Ty();
    case DType::F16:
      return builder_.getHalfTy();
    case DType::F32:
      return builder_.getFloatTy();
    case DType::F64:
      return builder_.getDoubleTy();
  }
  QT_ASSERT(false, "unknown dtype");
  return nullptr;
}

llvm::Type* Emitter::memoryElementType(DType dtype) {
  return dtype == DType::Bool ? builder_.getInt8Ty() : elementType(dtype);
}

llvm::Type* Emitter::vectorOf(llvm::Type* element, int lanes) {
  if (lanes == 1) return element;
  return llvm::FixedVectorType::get(element, static_cast<unsigned>(lanes));
}

int Emitter::lanesOf(const Value* value) {
  const auto* vector = llvm::dyn_cast<llvm::FixedVectorType>(value->getType());
  return vector == nullptr ? 1 : static_cast<int>(vector->getNumElements());
}

llvm::Type* Emitter::like(llvm::Type* element, const Value* shape) {
  return vectorOf(element, lanesOf(shape));
}

Value* Emitter::splat(Value* scalar, int lanes) {
  if (lanes == 1) return scalar;
  return builder_.CreateVectorSplat(static_cast<unsigned>(lanes), scalar);
}

Value* Emitter::laneIds(int lanes) {
  if (lanes == 1) return builder_.getInt32(0);
  std::vector<uint32_t> ids(static_cast<size_t>(lanes));
  for (size_t i = 0; i < ids.size(); ++i) ids[i] = static_cast<uint32_t>(i);
  return llvm::ConstantDataVector::get(context_, ids);
}

Value* Emitter::elementPointer(ir::ValueId buffer, ir::ValueId index) {
  return builder_.CreateInBoundsGEP(memoryElementType(kernel_.type(buffer).dtype), value(buffer),
                                    wide(index));
}

// Lanes below `count`, which may lie outside [0, lanes].
Value* Emitter::countMask(ir::ValueId count, int lanes) {
  return builder_.CreateICmpSLT(laneIds(lanes), splat(value(count), lanes));
}

Value* Emitter::fromMemory(Value* stored, DType dtype) {
  if (dtype != DType::Bool) return stored;
  return builder_.CreateICmpNE(stored, llvm::Constant::getNullValue(stored->getType()));
}

Value* Emitter::toMemory(Value* value, DType dtype) {
  if (dtype != DType::Bool) return value;
  return builder_.CreateZExt(value, like(builder_.getInt8Ty(), value));
}

namespace {

llvm::Align elementAlign(llvm::Type* element) {
  return llvm::Align(element->getPrimitiveSizeInBits() / 8);
}

// A masked access needs a vector, be it of one element.
Value* asVector(llvm::IRBuilder<>& builder, Value* scalar) {
  auto* type = llvm::FixedVectorType::get(scalar->getType(), 1);
  return builder.CreateInsertElement(llvm::PoisonValue::get(type), scalar, uint64_t{0});
}

}  // namespace

// Every stride-th element: vectors are read up to the last element, and no further, and their lanes
// picked. With a count, only the first so many elements are read; the other lanes are 0.
Value* Emitter::loadStrided(llvm::Type* element, Value* address, int lanes, int stride,
                            Value* count) {
  const int last = (lanes - 1) * stride;
  llvm::Type* type = vectorOf(element, lanes);
  if (count != nullptr) {
    using llvm::Intrinsic::smax;
    using llvm::Intrinsic::smin;
    count = builder_.CreateBinaryIntrinsic(smin, count, builder_.getInt32(lanes));
    count = builder_.CreateBinaryIntrinsic(smax, count, builder_.getInt32(0));
  }
  Value* picked = nullptr;
  for (int part = 0; part < stride; ++part) {
    const int first = count == nullptr ? std::min(part * lanes, last + 1 - lanes) : part * lanes;
    Value* from = builder_.CreateInBoundsGEP(element, address, builder_.getInt32(first));
    Value* loaded = nullptr;
    if (count == nullptr) {
      loaded = builder_.CreateAlignedLoad(type, from, elementAlign(element));
    } else {
      // Elements up to (count - 1) * stride, seen from `first`.
      Value* left = builder_.CreateSub(builder_.CreateMul(count, builder_.getInt32(stride)),
                                       builder_.getInt32(stride - 1 + first));
      Value* mask = builder_.CreateICmpSLT(laneIds(lanes), splat(left, lanes));
      loaded = builder_.CreateMaskedLoad(type, from, elementAlign(element), mask,
                                         llvm::Constant::getNullValue(type));
    }
    std::vector<int> lanesOfBoth(static_cast<size_t>(lanes), -1);
    for (int lane = 0; lane < lanes; ++lane) {
      const int at = lane * stride;
      if (at < part * lanes) {
        lanesOfBoth[static_cast<size_t>(lane)] = lane;  // picked before
      } else if (at < first + lanes) {
        lanesOfBoth[static_cast<size_t>(lane)] = lanes + at - first;
      }
    }
    picked = builder_.CreateShuffleVector(picked == nullptr ? loaded : picked, loaded, lanesOfBoth);
  }
  return picked;
}

void Emitter::emitLoad(const ir::Op& op) {
  const DType dtype = kernel_.type(op.operands[0]).dtype;
  const int lanes = kernel_.type(op.results[0]).lanes;
  llvm::Type* element = memoryElementType(dtype);
  Value* address = elementPointer(op.operands[0], op.operands[1]);
  const llvm::Align align = elementAlign(element);
  Value* loaded = nullptr;
  if (op.attributes.has("stride") && lanes > 1) {
    const auto stride = static_cast<int>(op.attributes.integer("stride"));
    Value* count = op.operands.size() < 3 ? nullptr : value(op.operands[2]);
    loaded = loadStrided(element, address, lanes, stride, count);
  } else if (op.operands.size() < 3) {
    loaded = builder_.CreateAlignedLoad(vectorOf(element, lanes), address, align);
  } else {
    Value* mask = countMask(op.operands[2], lanes);
    if (lanes == 1) mask = asVector(builder_, mask);
    auto* type = llvm::FixedVectorType::get(element, static_cast<unsigned>(lanes));
    loaded =
        builder_.CreateMaskedLoad(type, address, align, mask, llvm::Constant::getNullValue(type));
    if (lanes == 1) loaded = builder_.CreateExtractElement(loaded, uint64_t{0});
  }
  define(op, fromMemory(loaded, dtype));
}

// Past the caches where the address is that of a whole vector: then no line is read before it is
// written. Addresses of a loop's stores are mostly all aligned or none. Elsewhere in two halves,
// half of which lie inside a line; were the two stores alike, LLVM would make a plain one of them.
void Emitter::streamStore(Value* stored, Value* address, llvm::Align align) {
  const uint64_t bytes = stored->getType()->getPrimitiveSizeInBits() / 8;
  if (!llvm::isPowerOf2_64(bytes)) {
    builder_.CreateAlignedStore(stored, address, align);
    return;
  }
  auto* past = llvm::BasicBlock::Create(context_, "stream", body_);
  auto* through = llvm::BasicBlock::Create(context_, "store", body_);
  auto* after = llvm::BasicBlock::Create(context_, "stored", body_);
  Value* offset = builder_.CreateAnd(builder_.CreatePtrToInt(address, builder_.getInt64Ty()),
                                     builder_.getInt64(bytes - 1));
  builder_.CreateCondBr(builder_.CreateICmpEQ(offset, builder_.getInt64(0)), past, through);
  builder_.SetInsertPoint(past);
  llvm::StoreInst* store = builder_.CreateAlignedStore(stored, address, llvm::Align(bytes));
  auto* one = llvm::ConstantAsMetadata::get(builder_.getInt32(1));
  store->setMetadata(llvm::LLVMContext::MD_nontemporal, llvm::MDNode::get(context_, one));
  builder_.CreateBr(after);
  builder_.SetInsertPoint(through);
  const int half = lanesOf(stored) / 2;
  for (int first = 0; first < 2 * half; first += half) {
    std::vector<int> lanes(static_cast<size_t>(half));
    std::iota(lanes.begin(), lanes.end(), first);
    Value* part = builder_.CreateShuffleVector(stored, lanes);
    builder_.CreateAlignedStore(
        part,
        builder_.CreateInBoundsGEP(stored->getType()->getScalarType(), address,
                                   builder_.getInt32(static_cast<uint32_t>(first))),
        align);
  }
  builder_.CreateBr(after);
  builder_.SetInsertPoint(after);
  streams_ = true;
}

// The first `count` lanes, by whole vectors of 1, 2, 4, ... of them: on some CPUs with AVX2, a
// masked store is microcode that takes the time of a dozen others.
void Emitter::storeFirst(Value* stored, Value* address, llvm::Align align, int count) {
  for (int first = 0; first < count;) {
    const int length = static_cast<int>(std::bit_floor(static_cast<unsigned>(count - first)));
    std::vector<int> lanes(static_cast<size_t>(length));
    std::iota(lanes.begin(), lanes.end(), first);
    Value* to = builder_.CreateInBoundsGEP(stored->getType()->getScalarType(), address,
                                           builder_.getInt32(static_cast<uint32_t>(first)));
    Value* part = length == 1 ? builder_.CreateExtractElement(stored, static_cast<uint64_t>(first))
                              : builder_.CreateShuffleVector(stored, lanes);
    builder_.CreateAlignedStore(part, to, align);
    first += length;
  }
}

void Emitter::emitStore(const ir::Op& op) {
  const DType dtype = kernel_.type(op.operands[0]).dtype;
  const llvm::Align align = elementAlign(memoryElementType(dtype));
  Value* address = elementPointer(op.operands[0], op.operands[1]);
  Value* stored = toMemory(operand(op, 2), dtype);
  const int lanes = lanesOf(stored);
  if (op.operands.size() < 4) {
    if (op.attributes.has("streams") && lanes > 1) {
      streamStore(stored, address, align);
    } else {
      builder_.CreateAlignedStore(stored, address, align);
    }
    return;
  }
  const auto* known = llvm::dyn_cast<llvm::ConstantInt>(value(op.operands[3]));
  if (known != nullptr && lanes > 1 && !HostTarget::get().avx512) {
    storeFirst(stored, address, align,
               static_cast<int>(std::clamp<int64_t>(known->getSExtValue(), 0, lanes)));
    return;
  }
  Value* mask = countMask(op.operands[3], lanes);
  if (lanes == 1) {
    mask = asVector(builder_, mask);
    stored = asVector(builder_, stored);
  }
  builder_.CreateMaskedStore(stored, address, align, mask);
}

void Emitter::emitGather(const ir::Op& op) {
  const DType dtype = kernel_.type(op.operands[0]).dtype;
  llvm::Type* element = memoryElementType(dtype);
  Value* indices = operand(op, 1);
  const bool scalar = !indices->getType()->isVectorTy();
  if (scalar) indices = asVector(builder_, indices);
  auto* type = llvm::FixedVectorType::get(element, static_cast<unsigned>(lanesOf(indices)));
  Value* addresses = builder_.CreateInBoundsGEP(element, value(op.operands[0]), indices);
  Value* mask = nullptr;  // all lanes
  if (op.operands.size() > 2) {
    mask = scalar ? asVector(builder_, operand(op, 2)) : operand(op, 2);
  }
  Value* loaded = builder_.CreateMaskedGather(type, addresses, elementAlign(element), mask,
                                              llvm::Constant::getNullValue(type));
  if (scalar) loaded = builder_.CreateExtractElement(loaded, uint64_t{0});
  define(op, fromMemory(loaded, dtype));
}

void Emitter::emitScatter(const ir::Op& op) {
  const DType dtype = kernel_.type(op.operands[0]).dtype;
  llvm::Type* element = memoryElementType(dtype);
  Value* indices = operand(op, 1);
  Value* stored = toMemory(operand(op, 2), dtype);
  Value* mask = op.operands.size() > 3 ? operand(op, 3) : nullptr;
  if (!indices->getType()->isVectorTy()) {
    indices = asVector(builder_, indices);
    stored = asVector(builder_, stored);
    if (mask != nullptr) mask = asVector(builder_, mask);
  }
  Value* addresses = builder_.CreateInBoundsGEP(element, value(op.operands[0]), indices);
  builder_.CreateMaskedScatter(stored, addresses, elementAlign(element), mask);
}

// Into the second cache: the first has no room for what is read later. The address may lie
// anywhere, so it is no inbounds one.
void Emitter::emitPrefetch(const ir::Op& op) {
  constexpr uint32_t kRead = 0;
  constexpr uint32_t kSecondCache = 2;
  constexpr uint32_t kData = 1;
  Value* address = builder_.CreateGEP(memoryElementType(kernel_.type(op.operands[0]).dtype),
                                      value(op.operands[0]), wide(op.operands[1]));
  builder_.CreateIntrinsic(llvm::Intrinsic::prefetch, {builder_.getPtrTy()},
                           {address, builder_.getInt32(kRead), builder_.getInt32(kSecondCache),
                            builder_.getInt32(kData)});
}

void Emitter::emitAtomicAdd(const ir::Op& op) {
  Value* address = elementPointer(op.operands[0], op.operands[1]);
  define(op, builder_.CreateAtomicRMW(llvm::AtomicRMWInst::Add, address, operand(op, 2),
                                      llvm::MaybeAlign(4), llvm::AtomicOrdering::Monotonic));
}

}  // namespace quartet::cpu
