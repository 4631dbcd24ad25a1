#include "backends/common/gpu/positions.h"

#include <algorithm>
#include <ranges>

namespace quartet::gpu {

namespace {

using ir::Op;
using ir::Opcode;
using ir::ValueId;

/// Ops whose result is a position when all of their integer operands are.
bool moves(Opcode op) {
  switch (op) {
    case Opcode::Add:
    case Opcode::Sub:
    case Opcode::Mul:
    case Opcode::Neg:
    case Opcode::Fma:
    case Opcode::Div:
    case Opcode::FloorDiv:
    case Opcode::Rem:
    case Opcode::Mod:
    case Opcode::Min:
    case Opcode::Max:
    case Opcode::Select:
    case Opcode::Splat:
    case Opcode::Extract:
    case Opcode::Shuffle:
      return true;
    default:
      return false;
  }
}

bool begins(Opcode op) {
  return op == Opcode::GroupId || op == Opcode::LocalId || op == Opcode::LaneId ||
         op == Opcode::SubgroupId || op == Opcode::Param || op == Opcode::Literal;
}

class Finder {
 public:
  explicit Finder(const ir::Module& kernel)
      : kernel_(kernel), found_(static_cast<size_t>(kernel.valueCount())) {}

  std::vector<bool> run() {
    forwards(kernel_.top());
    backwards(kernel_.top());
    return std::move(found_);
  }

 private:
  bool isInteger(ValueId value) const {
    const ir::Type& type = kernel_.type(value);
    return type.kind == ir::Type::Kind::Scalar && type.dtype == ir::DType::I32;
  }
  std::vector<bool>::reference at(ValueId value) {
    return found_[static_cast<size_t>(value.index)];
  }

  /// What begins as a position stays one as long as it meets nothing else.
  void forwards(ir::RegionId region) {
    for (const ir::OpId id : kernel_.region(region).ops) {
      const Op& op = kernel_.op(id);
      if (op.opcode == Opcode::For) at(kernel_.region(op.regions[0]).parameters[0]) = true;
      for (const ir::RegionId inner : op.regions) forwards(inner);
      if (op.results.empty() || !isInteger(op.results[0])) continue;
      const bool moved =
          moves(op.opcode) && std::all_of(op.operands.begin(), op.operands.end(),
                                          [&](ValueId v) { return !isInteger(v) || at(v); });
      at(op.results[0]) = begins(op.opcode) || moved;
    }
  }

  /// Uses stand behind definitions: a result's uses have been seen when its op is.
  void backwards(ir::RegionId region) {
    const std::vector<ir::OpId>& ops = kernel_.region(region).ops;
    for (const ir::OpId id : std::views::reverse(ops)) {
      const Op& op = kernel_.op(id);
      for (const ir::RegionId inner : std::views::reverse(op.regions)) backwards(inner);
      for (size_t i = 0; i < op.operands.size(); ++i) {
        if (!usesAsPosition(op, i)) at(op.operands[i]) = false;
      }
    }
  }

  bool usesAsPosition(const Op& op, size_t operand) {
    switch (op.opcode) {
      case Opcode::For:
      case Opcode::Load:
      case Opcode::GatherLoad:
      case Opcode::Prefetch:
      case Opcode::MatrixLoad:
      case Opcode::MatrixStore:
        return true;
      case Opcode::Store:
      case Opcode::ScatterStore:
      case Opcode::AtomicAdd:
        return operand != 2;  // the value
      case Opcode::Get:
        return operand == 1;  // the index of an array
      case Opcode::Set:
        return operand == 2;
      default:
        return ir::isComparison(op.opcode) || (moves(op.opcode) && at(op.results[0]));
    }
  }

  const ir::Module& kernel_;
  std::vector<bool> found_;
};

}  // namespace

std::vector<bool> positions(const ir::Module& kernel) { return Finder(kernel).run(); }

}  // namespace quartet::gpu
