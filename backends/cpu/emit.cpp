#include "backends/cpu/emit.h"

#include <llvm/IR/Intrinsics.h>
#include <llvm/IR/MDBuilder.h>

#include "backends/cpu/emitter.h"

namespace quartet::cpu {

using ir::Opcode;

Emitter::Emitter(const ir::Module& kernel, llvm::Module& module)
    : kernel_(kernel),
      module_(module),
      context_(module.getContext()),
      builder_(context_),
      values_(static_cast<size_t>(kernel.valueCount())),
      wide_(static_cast<size_t>(kernel.valueCount())),
      bounds_(static_cast<size_t>(kernel.valueCount()), kUnbounded) {
  llvm::FastMathFlags flags;
  flags.setAllowContract(true);
  builder_.setFastMathFlags(flags);
}

void Emitter::run(const std::string& symbol) {
  createBody(symbol + ".body");
  emitGroups();
  createEntry(symbol);
}

namespace {

/// Whether a buffer is one that atomics access, which other threads do too.
bool isAtomic(const ir::Module& kernel, ir::ValueId buffer) {
  for (int i = 0; i < kernel.opCount(); ++i) {
    const ir::Op& op = kernel.op({i});
    if (op.opcode == Opcode::AtomicAdd && op.operands[0] == buffer) return true;
  }
  return false;
}

}  // namespace

// The kernel proper takes its buffers as arguments: `noalias` is a property of arguments, and it is
// what lets loads leave loops.
void Emitter::createBody(const std::string& name) {
  const std::vector<ir::ValueId>& buffers = kernel_.region(kernel_.top()).parameters;
  llvm::Type* pointer = builder_.getPtrTy();
  std::vector<llvm::Type*> arguments(buffers.size() + 2, pointer);
  arguments.insert(arguments.end(), 2, builder_.getInt64Ty());
  auto* type = llvm::FunctionType::get(builder_.getVoidTy(), arguments, false);
  body_ = llvm::Function::Create(type, llvm::GlobalValue::InternalLinkage, name, module_);
  body_->addFnAttr(llvm::Attribute::NoUnwind);
  body_->addFnAttr(llvm::Attribute::NoInline);
  for (size_t i = 0; i < buffers.size(); ++i) {
    const auto argument = static_cast<unsigned>(i);
    const ir::Type& buffer = kernel_.type(buffers[i]);
    if (!isAtomic(kernel_, buffers[i])) body_->addParamAttr(argument, llvm::Attribute::NoAlias);
    body_->addParamAttr(argument, llvm::Attribute::NoCapture);
    if (buffer.access == ir::Type::Access::Read) {
      body_->addParamAttr(argument, llvm::Attribute::ReadOnly);
    } else if (buffer.access == ir::Type::Access::Write) {
      body_->addParamAttr(argument, llvm::Attribute::WriteOnly);
    }
    values_[static_cast<size_t>(buffers[i].index)] = body_->getArg(argument);
  }
  const auto count = static_cast<unsigned>(buffers.size());
  body_->addParamAttr(count, llvm::Attribute::NoAlias);
  body_->addParamAttr(count, llvm::Attribute::ReadOnly);
  body_->addParamAttr(count + 1, llvm::Attribute::NoAlias);
  params_ = body_->getArg(count);
  status_ = body_->getArg(count + 1);
}

void Emitter::createEntry(const std::string& name) {
  llvm::Type* pointer = builder_.getPtrTy();
  llvm::Type* int64 = builder_.getInt64Ty();
  auto* type = llvm::FunctionType::get(builder_.getVoidTy(),
                                       {pointer, pointer, pointer, int64, int64}, false);
  auto* function = llvm::Function::Create(type, llvm::GlobalValue::ExternalLinkage, name, module_);
  function->addFnAttr(llvm::Attribute::NoUnwind);
  builder_.SetInsertPoint(llvm::BasicBlock::Create(context_, "entry", function));
  std::vector<llvm::Value*> arguments;
  const size_t count = kernel_.region(kernel_.top()).parameters.size();
  for (size_t i = 0; i < count; ++i) {
    auto* slot = builder_.CreateConstGEP1_64(pointer, function->getArg(0), i);
    arguments.push_back(builder_.CreateLoad(pointer, slot));
  }
  for (unsigned i = 1; i < 5; ++i) arguments.push_back(function->getArg(i));
  builder_.CreateCall(body_, arguments);
  builder_.CreateRetVoid();
}

// entry: allocas; group: the kernel, once per group.
void Emitter::emitGroups() {
  auto* entry = llvm::BasicBlock::Create(context_, "entry", body_);
  auto* group = llvm::BasicBlock::Create(context_, "group", body_);
  auto* done = llvm::BasicBlock::Create(context_, "done", body_);
  llvm::Value* first = body_->getArg(static_cast<unsigned>(body_->arg_size() - 2));
  llvm::Value* last = body_->getArg(static_cast<unsigned>(body_->arg_size() - 1));
  builder_.SetInsertPoint(entry);
  allocaPoint_ = builder_.CreateCondBr(builder_.CreateICmpSLT(first, last), group, done);

  builder_.SetInsertPoint(group);
  llvm::PHINode* index = builder_.CreatePHI(builder_.getInt64Ty(), 2);
  index->addIncoming(first, entry);
  group_ = index;
  emitRegion(kernel_.top());
  llvm::Value* next = builder_.CreateNSWAdd(index, builder_.getInt64(1));
  index->addIncoming(next, builder_.GetInsertBlock());
  builder_.CreateCondBr(builder_.CreateICmpSLT(next, last), group, done);
  builder_.SetInsertPoint(done);
  // Stores past the caches come in any order: other threads must see all of them.
  if (streams_) builder_.CreateFence(llvm::AtomicOrdering::SequentiallyConsistent);
  builder_.CreateRetVoid();
}

void Emitter::emitRegion(ir::RegionId region) {
  for (ir::OpId id : kernel_.region(region).ops) emitOp(kernel_.op(id));
}

void Emitter::define(const ir::Op& op, llvm::Value* result) {
  const auto place = static_cast<size_t>(op.results[0].index);
  values_[place] = result;
  if (ir::isFloat(kernel_.type(op.results[0]).dtype)) bounds_[place] = magnitudeBound(op);
}

llvm::Value* Emitter::wide(ir::ValueId id) {
  llvm::Value*& mirror = wide_[static_cast<size_t>(id.index)];
  if (mirror != nullptr) return mirror;
  // Not cached: the extension stands where it is used, which need not dominate other uses.
  return builder_.CreateSExt(value(id), builder_.getInt64Ty());
}

// The 64-bit twin of scalar i32 arithmetic; what no address uses is dead and disappears.
void Emitter::mirrorIndex(const ir::Op& op) {
  const ir::Type& type = kernel_.type(op.results[0]);
  if (type.dtype != ir::DType::I32 || type.lanes != 1) return;
  if (op.opcode == Opcode::Add) {
    setWide(op.results[0], builder_.CreateNSWAdd(wide(op.operands[0]), wide(op.operands[1])));
  } else if (op.opcode == Opcode::Sub) {
    setWide(op.results[0], builder_.CreateNSWSub(wide(op.operands[0]), wide(op.operands[1])));
  } else if (op.opcode == Opcode::Mul) {
    setWide(op.results[0], builder_.CreateNSWMul(wide(op.operands[0]), wide(op.operands[1])));
  }
}

void Emitter::emitOp(const ir::Op& op) {
  if (ir::isScalar(op.opcode)) {
    define(op, scalarOp(op));
    mirrorIndex(op);
    return;
  }
  switch (op.opcode) {
    case Opcode::Return:
    case Opcode::Barrier:  // one invocation per group
      return;
    case Opcode::Literal:
      return emitLiteral(op);
    case Opcode::For:
      return emitFor(op);
    case Opcode::If:
      return emitIf(op);
    case Opcode::Var:
    case Opcode::Shared:
      return emitVar(op);
    case Opcode::Set:
      builder_.CreateStore(operand(op, 1), variableElement(op, 2));
      return;
    case Opcode::Load:
      return emitLoad(op);
    case Opcode::Store:
      return emitStore(op);
    case Opcode::GatherLoad:
      return emitGather(op);
    case Opcode::ScatterStore:
      return emitScatter(op);
    case Opcode::AtomicAdd:
      return emitAtomicAdd(op);
    case Opcode::Prefetch:
      return emitPrefetch(op);
    case Opcode::Report:
      return emitReport(op);
    default:
      return define(op, simpleValue(op));
  }
}

// Ops that are an instruction or two.
llvm::Value* Emitter::simpleValue(const ir::Op& op) {
  const ir::Type& type = kernel_.type(op.results[0]);
  switch (op.opcode) {
    case Opcode::Param: {
      const auto index = static_cast<uint64_t>(op.attributes.integer("index"));
      return builder_.CreateLoad(builder_.getInt32Ty(), builder_.CreateConstGEP1_64(
                                                            builder_.getInt32Ty(), params_, index));
    }
    case Opcode::GroupId:
      setWide(op.results[0], group_);
      return builder_.CreateTrunc(group_, builder_.getInt32Ty());
    case Opcode::LocalId:
      setWide(op.results[0], builder_.getInt64(0));
      return builder_.getInt32(0);
    case Opcode::Splat:
      return splat(operand(op, 0), type.lanes);
    case Opcode::LaneId:
      return laneIds(type.lanes);
    case Opcode::Bitcast:
      return builder_.CreateBitCast(operand(op, 0), vectorOf(elementType(type.dtype), type.lanes));
    case Opcode::Extract: {
      llvm::Value* x = operand(op, 0);
      if (!x->getType()->isVectorTy()) return x;
      return builder_.CreateExtractElement(x, static_cast<uint64_t>(op.attributes.integer("lane")));
    }
    case Opcode::Shuffle: {
      const auto& lanes = op.attributes.get<std::vector<int64_t>>("lanes");
      return builder_.CreateShuffleVector(operand(op, 0), operand(op, 1),
                                          std::vector<int>(lanes.begin(), lanes.end()));
    }
    case Opcode::ReduceLanes:
      return reduceLanes(op.attributes.get<Opcode>("fn"), kernel_.type(op.operands[0]).dtype,
                         operand(op, 0));
    case Opcode::Get:
      return builder_.CreateLoad(vectorOf(elementType(type.dtype), type.lanes),
                                 variableElement(op, 1));
    default:
      QT_ASSERT(false, "no kernel-level op: " + std::string(ir::name(op.opcode)));
      return nullptr;
  }
}

// for (i = lo; i < hi; i += step), rotated: the body dominates the latch, so invariant loads can
// leave the loop without a proof that it runs.
void Emitter::emitFor(const ir::Op& op) {
  llvm::Value* lo = wide(op.operands[0]);
  llvm::Value* hi = wide(op.operands[1]);
  llvm::Value* step = wide(op.operands[2]);
  auto* loop = llvm::BasicBlock::Create(context_, "loop", body_);
  auto* done = llvm::BasicBlock::Create(context_, "done", body_);
  auto* before = builder_.GetInsertBlock();
  builder_.CreateCondBr(builder_.CreateICmpSLT(lo, hi), loop, done);

  builder_.SetInsertPoint(loop);
  llvm::PHINode* index = builder_.CreatePHI(builder_.getInt64Ty(), 2);
  index->addIncoming(lo, before);
  const ir::ValueId parameter = kernel_.region(op.regions[0]).parameters[0];
  setWide(parameter, index);
  values_[static_cast<size_t>(parameter.index)] =
      builder_.CreateTrunc(index, builder_.getInt32Ty());
  emitRegion(op.regions[0]);
  llvm::Value* next = builder_.CreateNSWAdd(index, step);
  index->addIncoming(next, builder_.GetInsertBlock());
  builder_.CreateCondBr(builder_.CreateICmpSLT(next, hi), loop, done);
  builder_.SetInsertPoint(done);
}

void Emitter::emitIf(const ir::Op& op) {
  auto* then = llvm::BasicBlock::Create(context_, "then", body_);
  auto* otherwise = llvm::BasicBlock::Create(context_, "else", body_);
  auto* join = llvm::BasicBlock::Create(context_, "join", body_);
  llvm::MDNode* weights = nullptr;
  if (op.attributes.has("likely")) weights = llvm::MDBuilder(context_).createLikelyBranchWeights();
  builder_.CreateCondBr(operand(op, 0), then, otherwise, weights);
  builder_.SetInsertPoint(then);
  emitRegion(op.regions[0]);
  builder_.CreateBr(join);
  builder_.SetInsertPoint(otherwise);
  emitRegion(op.regions[1]);
  builder_.CreateBr(join);
  builder_.SetInsertPoint(join);
}

void Emitter::emitLiteral(const ir::Op& op) {
  const ir::Type& type = kernel_.type(op.results[0]);
  const ir::Attribute* attribute = op.attributes.find("value");
  QT_ASSERT(attribute != nullptr, "literal without a value");
  const auto* integer = std::get_if<int64_t>(attribute);
  llvm::Type* element = elementType(type.dtype);
  llvm::Constant* constant = nullptr;
  if (ir::isFloat(type.dtype)) {
    const double number =
        integer != nullptr ? static_cast<double>(*integer) : std::get<double>(*attribute);
    if (type.dtype == ir::DType::BF16) {  // its bits
      llvm::Type* bfloat = builder_.getBFloatTy();
      const auto* value = llvm::cast<llvm::ConstantFP>(llvm::ConstantFP::get(bfloat, number));
      constant = llvm::ConstantInt::get(element, value->getValueAPF().bitcastToAPInt());
    } else {
      constant = llvm::ConstantFP::get(element, number);
    }
  } else {
    QT_ASSERT(integer != nullptr, "a float literal of an integer dtype");
    constant = llvm::ConstantInt::get(element, static_cast<uint64_t>(*integer), true);
    if (type.dtype == ir::DType::I32 && type.lanes == 1) {
      setWide(op.results[0], builder_.getInt64(static_cast<uint64_t>(*integer)));
    }
  }
  define(op, splat(constant, type.lanes));
}

void Emitter::emitVar(const ir::Op& op) {
  const ir::Type& type = kernel_.type(op.results[0]);
  llvm::Type* element = op.opcode == Opcode::Shared ? memoryElementType(type.dtype)
                                                    : vectorOf(elementType(type.dtype), type.lanes);
  llvm::IRBuilder<> entry(allocaPoint_);
  if (!type.shape.empty()) {
    element = llvm::ArrayType::get(element, static_cast<uint64_t>(type.shape[0].value()));
  }
  llvm::AllocaInst* place = entry.CreateAlloca(element);
  if (op.opcode == Opcode::Shared) place->setAlignment(llvm::Align(64));  // vectors of any width
  define(op, place);
}

llvm::Value* Emitter::variableElement(const ir::Op& op, size_t indexOperand) {
  llvm::Value* variable = operand(op, 0);
  if (op.operands.size() <= indexOperand) return variable;
  const ir::Type& type = kernel_.type(op.operands[0]);
  return builder_.CreateInBoundsGEP(vectorOf(elementType(type.dtype), type.lanes), variable,
                                    wide(op.operands[indexOperand]));
}

// The first report of a run wins, whatever the thread.
void Emitter::emitReport(const ir::Op& op) {
  llvm::Value* condition = operand(op, 0);
  llvm::Value* lanes = condition->getType()->isVectorTy() ? condition : nullptr;
  if (lanes != nullptr) condition = builder_.CreateOrReduce(lanes);
  auto* report = llvm::BasicBlock::Create(context_, "report", body_);
  auto* after = llvm::BasicBlock::Create(context_, "after", body_);
  builder_.CreateCondBr(condition, report, after,
                        llvm::MDBuilder(context_).createBranchWeights(1, 1U << 20));
  builder_.SetInsertPoint(report);
  const auto code = static_cast<uint64_t>(op.attributes.integer("code"));
  const auto node = static_cast<uint64_t>(op.attributes.integer("node"));
  llvm::Value* exchange = builder_.CreateAtomicCmpXchg(
      status_, builder_.getInt64(0), builder_.getInt64(code | (node << 32U)), llvm::MaybeAlign(8),
      llvm::AtomicOrdering::Monotonic, llvm::AtomicOrdering::Monotonic);
  if (op.operands.size() > 1) {
    auto* won = llvm::BasicBlock::Create(context_, "won", body_);
    builder_.CreateCondBr(builder_.CreateExtractValue(exchange, 1), won, after);
    builder_.SetInsertPoint(won);
    llvm::Value* detail = operand(op, 1);
    if (lanes != nullptr) detail = builder_.CreateExtractElement(detail, firstLane(lanes));
    llvm::Value* place = builder_.CreateConstInBoundsGEP1_64(builder_.getInt64Ty(), status_, 1);
    builder_.CreateAlignedStore(detail, place, llvm::MaybeAlign(8));
  }
  builder_.CreateBr(after);
  builder_.SetInsertPoint(after);
}

// The first lane that is true, of a vector of bool with such a lane.
llvm::Value* Emitter::firstLane(llvm::Value* lanes) {
  const auto* type = llvm::cast<llvm::FixedVectorType>(lanes->getType());
  llvm::Value* bits = builder_.CreateBitCast(lanes, builder_.getIntNTy(type->getNumElements()));
  return builder_.CreateBinaryIntrinsic(llvm::Intrinsic::cttz, bits, builder_.getTrue());
}

void emitKernel(const ir::Module& kernel, const std::string& symbol, llvm::Module& module) {
  Emitter(kernel, module).run(symbol);
}

}  // namespace quartet::cpu
