// Sums of products of packed elements, in one instruction where the host has it.
#include <llvm/IR/IntrinsicsX86.h>

#include "backends/cpu/emitter.h"
#include "backends/cpu/jit.h"

namespace quartet::cpu {

using llvm::Value;
using ID = llvm::Intrinsic::ID;

namespace {

constexpr int kWord = 32;
constexpr int kByte = 8;
constexpr int kHalf = 16;

// The one of three instructions for vectors of so many words; not_intrinsic where there is none.
ID forLanes(int lanes, ID four, ID eight, ID sixteen) {
  switch (lanes) {
    case 4:
      return four;
    case 8:
      return eight;
    case 16:
      return sixteen;
    default:
      return llvm::Intrinsic::not_intrinsic;
  }
}

}  // namespace

Value* Emitter::dot4(Value* a, Value* b, Value* sum) {
  const ID whole =
      forLanes(lanesOf(sum), llvm::Intrinsic::x86_avx512_vpdpbusd_128,
               llvm::Intrinsic::x86_avx512_vpdpbusd_256, llvm::Intrinsic::x86_avx512_vpdpbusd_512);
  if (HostTarget::get().vnni && whole != llvm::Intrinsic::not_intrinsic) {
    return builder_.CreateIntrinsic(whole, {}, {sum, a, b});
  }
  for (int at = 0; at < kWord; at += kByte) {
    Value* left = builder_.CreateAnd(builder_.CreateLShr(a, at), (1 << kByte) - 1);
    Value* right = builder_.CreateShl(b, kWord - kByte - at);
    right = builder_.CreateAShr(right, kWord - kByte);
    sum = builder_.CreateAdd(sum, builder_.CreateMul(left, right));
  }
  return sum;
}

Value* Emitter::dot2(Value* a, Value* b, Value* sum) {
  const int lanes = lanesOf(sum);
  const ID whole = forLanes(lanes, llvm::Intrinsic::x86_avx512bf16_dpbf16ps_128,
                            llvm::Intrinsic::x86_avx512bf16_dpbf16ps_256,
                            llvm::Intrinsic::x86_avx512bf16_dpbf16ps_512);
  if (HostTarget::get().bf16 && whole != llvm::Intrinsic::not_intrinsic) {
    llvm::Type* pairs = vectorOf(builder_.getBFloatTy(), 2 * lanes);
    return builder_.CreateIntrinsic(
        whole, {}, {sum, builder_.CreateBitCast(a, pairs), builder_.CreateBitCast(b, pairs)});
  }
  // A bf16 is the upper half of an f32.
  const auto low = [&](Value* x) {
    return builder_.CreateBitCast(builder_.CreateShl(x, kHalf), sum->getType());
  };
  const auto high = [&](Value* x) {
    return builder_.CreateBitCast(builder_.CreateAnd(x, ~((1LL << kHalf) - 1)), sum->getType());
  };
  const auto add = [&](Value* x, Value* y) {
    return builder_.CreateIntrinsic(sum->getType(), llvm::Intrinsic::fma, {x, y, sum});
  };
  sum = add(low(a), low(b));
  return add(high(a), high(b));
}

}  // namespace quartet::cpu
