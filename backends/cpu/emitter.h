// Inside of emit: one kernel being translated. Included by emit*.cpp only (LLVM's headers are
// slow).
//
// A kernel value becomes one LLVM value: bool is i1, bf16 its bits as i16, a vector a fixed vector.
// Variables are allocas in the entry block, which SROA turns into registers. Index arithmetic on
// scalar i32 is mirrored in 64 bits without wrapping (an index never overflows), so that addresses
// need no sign extension inside loops.
#pragma once

#include <llvm/IR/IRBuilder.h>
#include <llvm/IR/Module.h>

#include <limits>
#include <string>
#include <vector>

#include "ir/module.h"

namespace quartet::cpu {

class Emitter {
 public:
  Emitter(const ir::Module& kernel, llvm::Module& module);
  void run(const std::string& symbol);

 private:
  static constexpr double kUnbounded = std::numeric_limits<double>::infinity();

  // emit.cpp: the function around the kernel, and control flow
  void createBody(const std::string& name);
  void createEntry(const std::string& name);
  void emitGroups();
  void emitRegion(ir::RegionId region);
  void emitOp(const ir::Op& op);
  llvm::Value* simpleValue(const ir::Op& op);
  void emitFor(const ir::Op& op);
  void emitIf(const ir::Op& op);
  void emitLiteral(const ir::Op& op);
  void emitVar(const ir::Op& op);
  void emitReport(const ir::Op& op);
  llvm::Value* firstLane(llvm::Value* lanes);
  llvm::Value* variableElement(const ir::Op& op, size_t indexOperand);

  // emit_memory.cpp
  void emitLoad(const ir::Op& op);
  llvm::Value* loadStrided(llvm::Type* element, llvm::Value* address, int lanes, int stride,
                           llvm::Value* count);
  void emitStore(const ir::Op& op);
  void storeFirst(llvm::Value* stored, llvm::Value* address, llvm::Align align, int count);
  void streamStore(llvm::Value* stored, llvm::Value* address, llvm::Align align);
  void emitGather(const ir::Op& op);
  void emitScatter(const ir::Op& op);
  void emitAtomicAdd(const ir::Op& op);
  void emitPrefetch(const ir::Op& op);
  llvm::Value* elementPointer(ir::ValueId buffer, ir::ValueId index);
  llvm::Value* countMask(ir::ValueId count, int lanes);
  llvm::Value* fromMemory(llvm::Value* stored, ir::DType dtype);
  llvm::Value* toMemory(llvm::Value* value, ir::DType dtype);
  llvm::Value* laneIds(int lanes);

  // emit_scalar.cpp
  llvm::Value* scalarOp(const ir::Op& op);
  llvm::Value* binary(ir::Opcode op, ir::DType dtype, llvm::Value* a, llvm::Value* b);
  llvm::Value* floatBinary(ir::Opcode op, llvm::Value* a, llvm::Value* b);
  llvm::Value* integerBinary(ir::Opcode op, bool isSigned, llvm::Value* a, llvm::Value* b);
  llvm::Value* unary(ir::Opcode op, ir::DType dtype, llvm::Value* x);
  llvm::Value* floatUnary(ir::Opcode op, llvm::Value* x);
  llvm::Value* compare(ir::Opcode op, ir::DType dtype, llvm::Value* a, llvm::Value* b);
  llvm::Value* reduceLanes(ir::Opcode fn, ir::DType dtype, llvm::Value* x);

  // emit_integer.cpp
  llvm::Value* divide(bool isSigned, llvm::Value* a, llvm::Value* b);
  llvm::Value* remainder(bool isSigned, llvm::Value* a, llvm::Value* b);
  llvm::Value* floorDivide(bool isSigned, llvm::Value* a, llvm::Value* b);
  llvm::Value* modulo(bool isSigned, llvm::Value* a, llvm::Value* b);
  llvm::Value* shift(bool left, bool isSigned, llvm::Value* a, llvm::Value* b);
  llvm::Value* integerPower(bool isSigned, llvm::Value* base, llvm::Value* exponent);

  // emit_dot.cpp
  llvm::Value* dot4(llvm::Value* a, llvm::Value* b, llvm::Value* sum);
  llvm::Value* dot2(llvm::Value* a, llvm::Value* b, llvm::Value* sum);

  // emit_cast.cpp
  /// `bound`: what is known of the magnitude of a float.
  llvm::Value* cast(llvm::Value* x, ir::DType from, ir::DType to, double bound = kUnbounded);
  llvm::Value* castFloat(llvm::Value* x, ir::DType from, ir::DType to, double bound);
  double magnitudeBound(const ir::Op& op) const;
  double boundOf(ir::ValueId id) const { return bounds_[static_cast<size_t>(id.index)]; }
  llvm::Value* floatToInteger(llvm::Value* x, llvm::Type* target, bool isSigned, double bound);
  llvm::Value* narrowToOdd(llvm::Value* f64);
  llvm::Value* floatToBf16(llvm::Value* f32);
  llvm::Value* bf16ToFloat(llvm::Value* bits);

  // shared
  llvm::Type* elementType(ir::DType dtype);        // of values
  llvm::Type* memoryElementType(ir::DType dtype);  // in buffers
  static llvm::Type* vectorOf(llvm::Type* element, int lanes);
  static int lanesOf(const llvm::Value* value);
  static llvm::Type* like(llvm::Type* element, const llvm::Value* shape);
  llvm::Value* splat(llvm::Value* scalar, int lanes);
  llvm::Value* constantLike(const llvm::Value* shape, double value);
  llvm::Value* integerLike(const llvm::Value* shape, int64_t value);
  llvm::Value* intrinsic(unsigned id, llvm::Value* x);
  llvm::Value* perLane(const std::string& function, llvm::ArrayRef<llvm::Value*> operands);

  llvm::Value* value(ir::ValueId id) const { return values_[static_cast<size_t>(id.index)]; }
  llvm::Value* operand(const ir::Op& op, size_t i) const { return value(op.operands[i]); }
  void define(const ir::Op& op, llvm::Value* result);
  /// Scalar i32 `id` as i64, from its mirror where there is one.
  llvm::Value* wide(ir::ValueId id);
  void setWide(ir::ValueId id, llvm::Value* value) { wide_[static_cast<size_t>(id.index)] = value; }
  void mirrorIndex(const ir::Op& op);

  const ir::Module& kernel_;
  llvm::Module& module_;
  llvm::LLVMContext& context_;
  llvm::IRBuilder<> builder_;
  llvm::Function* body_ = nullptr;
  llvm::Instruction* allocaPoint_ = nullptr;  // end of the entry block
  llvm::Value* params_ = nullptr;
  llvm::Value* status_ = nullptr;
  llvm::Value* group_ = nullptr;  // i64
  bool streams_ = false;          // stores past the caches
  std::vector<llvm::Value*> values_;
  std::vector<llvm::Value*> wide_;
  std::vector<double> bounds_;  // of the magnitudes of floats, NaN apart
};

}  // namespace quartet::cpu
