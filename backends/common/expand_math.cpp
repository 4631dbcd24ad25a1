// Rewrites a kernel op by op through a builder, expanding float functions on the way.
#include "backends/common/math.h"

namespace quartet::common {

namespace {

using ir::Op;
using ir::Opcode;
using ir::ValueId;

class Rewriter {
 public:
  explicit Rewriter(const ir::Module& from)
      : from_(from),
        to_(ir::Level::Kernel, from.name),
        builder_(to_),
        values_(static_cast<size_t>(from.valueCount())) {}

  ir::Module run() {
    to_.attributes = from_.attributes;
    to_.symbols = from_.symbols;
    to_.constants = from_.constants;
    for (ValueId parameter : from_.region(from_.top()).parameters) {
      const ir::Value& value = from_.value(parameter);
      map(parameter, to_.addParameter(to_.top(), value.type, value.name));
    }
    rewriteRegion(from_.top());
    return std::move(to_);
  }

 private:
  void map(ValueId from, ValueId to) { values_[static_cast<size_t>(from.index)] = to; }
  ValueId mapped(ValueId from) const { return values_[static_cast<size_t>(from.index)]; }
  ValueId operand(const Op& op, size_t i) const {
    return i < op.operands.size() ? mapped(op.operands[i]) : ValueId{};
  }

  void rewriteRegion(ir::RegionId region) {
    for (ir::OpId id : from_.region(region).ops) {
      const Op& op = from_.op(id);
      builder_.setOrigin(op.origin);
      if (op.results.empty()) {
        rewriteEffect(op);
      } else {
        map(op.results[0], rewriteValue(op));
      }
    }
  }

  ValueId rewriteValue(const Op& op) {
    const ir::Type& type = from_.type(op.results[0]);
    if (ir::isScalar(op.opcode)) return rewriteScalar(op, type);
    switch (op.opcode) {
      case Opcode::Splat:
        if (type.kind == ir::Type::Kind::Matrix) return builder_.matrixSplat(operand(op, 0), type);
        return builder_.splat(operand(op, 0), type.lanes);
      case Opcode::Extract:
        return builder_.extract(operand(op, 0), static_cast<int>(op.attributes.integer("lane")));
      case Opcode::Var:
        if (type.rows > 0) return builder_.matrixVar(type.held());
        return builder_.var(type.dtype, type.lanes, type.shape);
      case Opcode::Get:
        return builder_.get(operand(op, 0), operand(op, 1));
      case Opcode::Load:
        if (op.attributes.has("stride")) {
          return builder_.stridedLoad(operand(op, 0), operand(op, 1), type.lanes,
                                      op.attributes.integer("stride"), operand(op, 2));
        }
        return builder_.load(operand(op, 0), operand(op, 1), type.lanes, operand(op, 2),
                             op.attributes.has("align") ? op.attributes.integer("align") : 1);
      case Opcode::GatherLoad:
        return builder_.gatherLoad(operand(op, 0), operand(op, 1), operand(op, 2));
      default:
        return rewriteOther(op, type);
    }
  }

  ValueId rewriteOther(const Op& op, const ir::Type& type) {
    switch (op.opcode) {
      case Opcode::Literal: {
        const ir::Attribute* value = op.attributes.find("value");
        if (const auto* integer = std::get_if<int64_t>(value)) {
          return builder_.literal(*integer, type.dtype, type.lanes);
        }
        return builder_.literal(std::get<double>(*value), type.dtype, type.lanes);
      }
      case Opcode::Bitcast:
        return builder_.bitcast(operand(op, 0), type.dtype);
      case Opcode::Shuffle:
        return builder_.shuffle(operand(op, 0), operand(op, 1),
                                op.attributes.get<std::vector<int64_t>>("lanes"));
      case Opcode::ReduceLanes:
        return builder_.reduceLanes(op.attributes.get<Opcode>("fn"), operand(op, 0));
      case Opcode::LaneId:
        return builder_.laneId(type.lanes);
      case Opcode::Param:
        return builder_.param(static_cast<int>(op.attributes.integer("index")));
      case Opcode::GroupId:
        return builder_.groupId();
      case Opcode::LocalId:
        return builder_.localId();
      case Opcode::SubgroupId:
        return builder_.subgroupId();
      case Opcode::MatrixLoad:
        return builder_.matrixLoad(type, operand(op, 0), operand(op, 1), operand(op, 2),
                                   op.attributes.has("column_major"));
      case Opcode::AtomicAdd:
        return builder_.atomicAdd(operand(op, 0), operand(op, 1), operand(op, 2));
      case Opcode::MatrixMultiplyAdd:
        return builder_.matrixMultiplyAdd(operand(op, 0), operand(op, 1), operand(op, 2));
      case Opcode::Shared:
        return builder_.shared(type.dtype, type.shape[0].value());
      default:
        QT_ASSERT(false, "no kernel-level op: " + std::string(ir::name(op.opcode)));
        return {};
    }
  }

  ValueId rewriteScalar(const Op& op, const ir::Type& type) {
    if (op.opcode == Opcode::Cast) return builder_.cast(operand(op, 0), type.dtype);
    std::vector<ValueId> operands;
    for (size_t i = 0; i < op.operands.size(); ++i) operands.push_back(operand(op, i));
    if (isExpandable(op.opcode, from_.type(op.operands[0]).dtype)) {
      return expandScalar(builder_, op.opcode, operands);
    }
    return builder_.apply(op.opcode, std::move(operands));
  }

  void rewriteEffect(const Op& op) {
    switch (op.opcode) {
      case Opcode::Return:
        to_.addOp(builder_.region(), Opcode::Return, {}, {}, {}, {}, op.origin);
        return;
      case Opcode::Set:
        return builder_.set(operand(op, 0), operand(op, 1), operand(op, 2));
      case Opcode::Store:
        return builder_.store(operand(op, 0), operand(op, 1), operand(op, 2), operand(op, 3),
                              op.attributes.has("align") ? op.attributes.integer("align") : 1,
                              op.attributes.has("streams"));
      case Opcode::Prefetch:
        return builder_.prefetch(operand(op, 0), operand(op, 1));
      case Opcode::ScatterStore:
        return builder_.scatterStore(operand(op, 0), operand(op, 1), operand(op, 2),
                                     operand(op, 3));
      case Opcode::MatrixStore:
        return builder_.matrixStore(operand(op, 0), operand(op, 1), operand(op, 2), operand(op, 3),
                                    op.attributes.has("column_major"));
      case Opcode::Barrier:
        return builder_.barrier();
      case Opcode::Report:
        return builder_.report(operand(op, 0), op.attributes.integer("code"),
                               op.attributes.integer("node"), operand(op, 1));
      case Opcode::For:
        return builder_.loop(operand(op, 0), operand(op, 1), operand(op, 2), [&](ValueId index) {
          map(from_.region(op.regions[0]).parameters[0], index);
          rewriteRegion(op.regions[0]);
        });
      case Opcode::If:
        return builder_.branch(
            operand(op, 0), [&] { rewriteRegion(op.regions[0]); },
            [&] { rewriteRegion(op.regions[1]); }, op.attributes.has("likely"));
      default:
        QT_ASSERT(false, "no kernel-level op: " + std::string(ir::name(op.opcode)));
    }
  }

  const ir::Module& from_;
  ir::Module to_;
  ir::KernelBuilder builder_;
  std::vector<ValueId> values_;
};

}  // namespace

ir::Module expandMath(const ir::Module& kernel) { return Rewriter(kernel).run(); }

}  // namespace quartet::common
