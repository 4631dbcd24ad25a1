#include "backends/common/lower_tasks.h"

#include <algorithm>

#include "backends/common/storage.h"
#include "backends/common/task_lowering.h"

namespace quartet::common {

using ir::DType;
using ir::Expr;
using ir::Opcode;
using ir::OpId;
using ir::TensorExpr;
using ir::Tile;
using ir::ValueId;

ir::OpId anchorOf(const ir::Module& plan, OpId tasks) {
  OpId last;
  for (OpId id : plan.region(plan.op(tasks).regions[0]).ops) {
    const ir::Op& op = plan.op(id);
    if (op.opcode != Opcode::Tile) continue;
    if (!op.attributes.get<Tile>("tile").empty()) return id;
    last = id;
  }
  // Nothing but maps of one point: their tiles have no axes, and the last one reads the others.
  QT_ASSERT(last.valid() && plan.op(last).attributes.expr().axisCount() == 0,
            "a task set without an anchor");
  return last;
}

namespace {

/// Results are read again while they are made.
bool updatesInPlace(const TensorExpr& expr) {
  return expr.readsTarget() || expr.form == TensorExpr::Form::Opaque;
}

}  // namespace

void TaskLowering::declareBuffers() {
  std::map<ValueId, std::pair<bool, bool>> use;  // read, written
  for (OpId id : plan_.region(plan_.op(tasks_).regions[0]).ops) {
    const ir::Op& op = plan_.op(id);
    for (size_t i = 0; i < op.operands.size(); ++i) {
      const ValueId operand = op.operands[i];
      if (plan_.type(operand).kind != ir::Type::Kind::Buffer) continue;
      if (!use.contains(operand)) order_.push_back(operand);
      (op.opcode == Opcode::Write ? use[operand].second : use[operand].first) = true;
      // Updated in place.
      use[operand].first |= op.opcode == Opcode::Write && updatesInPlace(expr_);
    }
  }
  for (ValueId buffer : order_) {
    const ir::Type& type = plan_.type(buffer);
    const DType storage = storageType(type.dtype, device_);
    const auto [read, written] = use[buffer];
    const auto access = read && written ? ir::Type::Access::ReadWrite
                        : written       ? ir::Type::Access::Write
                                        : ir::Type::Access::Read;
    // What is bound at least; of a windowed buffer, any part may be.
    const ir::Dim elements = windowed_.contains(buffer)
                                 ? ir::Dim(0)
                                 : ir::elementCount(type.layout.physicalShape(type.shape));
    const ValueId parameter =
        kernel_.addParameter(kernel_.top(), ir::Type::kernelBuffer(storage, elements, access),
                             "b" + std::to_string(buffers_.size()));
    buffers_[buffer] = {parameter, type, storage, {}};
  }
}

void TaskLowering::declareParameters() {
  std::vector<std::string> names;
  const auto collect = [&](const ir::Dim& dim) {
    for (std::string& name : dim.symbols()) names.push_back(std::move(name));
  };
  for (OpId id : plan_.region(plan_.op(tasks_).regions[0]).ops) {
    const ir::Op& op = plan_.op(id);
    if (op.opcode != Opcode::Tile) continue;
    const TensorExpr& expr = op.attributes.expr();
    for (const ir::Dim& dim : expr.domain) collect(dim);
    for (const ir::Dim& dim : expr.reduction) collect(dim);
    const auto visit = [&](const Expr& node) {
      if (node.kind() == Expr::Kind::Extent || node.kind() == Expr::Kind::Bounded) {
        collect(node.dim());
      }
    };
    for (const ir::Dim& dim : expr.shape) collect(dim);
    expr.visitParts([&](const Expr& part) { part.visit(visit); });
  }
  for (const auto& [buffer, use] : buffers_) {
    for (const ir::Dim& dim : use.type.shape) collect(dim);
  }
  std::sort(names.begin(), names.end());
  names.erase(std::unique(names.begin(), names.end()), names.end());
  for (const std::string& name : names) extents_.of(ir::Dim::symbol(name));
  int next = static_cast<int>(names.size());
  for (ValueId buffer : order_) {
    if (!windowed_.contains(buffer)) continue;
    if (firstGroup_.isConstant()) firstGroup_ = Linear::of(builder_.param(next++));
    KernelBufferUse& use = buffers_.at(buffer);
    use.window = Linear::of(builder_.param(next++)) * windowUnit(use.storage, device_);
  }
}

void TaskLowering::loop(const Linear& lo, const Linear& hi, int64_t step, Interval range,
                        const std::function<void(const Linear&)>& body) {
  const auto inScope = [&](const Linear& at) {
    evaluator_.enterScope();
    body(at);
    evaluator_.leaveScope();
  };
  const Linear trip = hi - lo;
  if (trip.isConstant() && trip.constant <= step) {
    if (trip.constant > 0) inScope(lo);
    return;
  }
  builder_.loop(math_.materialize(lo), math_.materialize(hi), builder_.literal(step),
                [&](ValueId i) {
                  math_.setRange(i, range);
                  inScope(Linear::of(i));
                });
}

void TaskLowering::branch(ValueId condition, const Body& then, const Body& otherwise, bool likely) {
  const auto scoped = [&](const Body& body) {
    return [&, body] {
      evaluator_.enterScope();
      if (body) body();
      evaluator_.leaveScope();
    };
  };
  builder_.branch(condition, scoped(then), otherwise ? std::function(scoped(otherwise)) : nullptr,
                  likely);
}

/// Groups along each axis of the domain.
std::vector<ir::Dim> TaskLowering::groupCounts() const {
  std::vector<ir::Dim> counts;
  for (size_t i = 0; i < rank(); ++i) {
    counts.push_back(ir::Dim::ceilDiv(expr_.domain[i], group(i)));
  }
  return counts;
}

/// The number of this group among all of the task set, also where a launch begins at a later one.
Linear TaskLowering::groupNumber() {
  const auto numbered = [&](ValueId value) {
    math_.setRange(value, {0, INT32_MAX});
    return Linear::of(value);
  };
  Linear number = numbered(builder_.groupId());
  if (firstGroup_.isConstant()) return number;
  return numbered(math_.materialize(number + firstGroup_));
}

/// Where a group's points begin.
std::vector<Linear> TaskLowering::groupOrigin(const Linear& number) {
  const std::vector<ir::Dim> tiles = groupCounts();
  std::vector<Linear> base(rank());
  Linear rest = number;
  // The innermost axis of `order` varies fastest, so that neighbouring tasks share operands.
  std::vector<size_t> order = domainOrder();
  std::erase_if(order, [&](size_t i) { return tiles[i] == ir::Dim(1); });
  for (size_t k = order.size(); k-- > 0;) {
    const size_t axis = order[k];
    const Linear count = extents_.of(tiles[axis]);
    Linear index = k == 0 ? rest : math_.mod(rest, count);
    if (k > 0) rest = math_.floorDiv(rest, count);
    const Interval most = math_.range(count);
    for (const Linear::Term& term : index.terms) {
      if (index.terms.size() == 1)
        math_.setRange(term.value, {0, std::max<int64_t>(most.hi - 1, 0)});
    }
    base[axis] = index * group(axis);
  }
  return base;
}

/// The group works together on one point of its tile after the other.
void TaskLowering::opaquePoints(size_t axis, const std::vector<Linear>& base,
                                std::vector<Linear>& point) {
  if (axis == rank()) {
    argsort(point);
    return;
  }
  const Linear left = extents_.of(expr_.domain[axis]) - base[axis];
  loop(Linear::of(0), math_.minimum(Linear::of(group(axis)), left), 1, {0, group(axis) - 1},
       [&](const Linear& i) {
         point[axis] = base[axis] + i;
         opaquePoints(axis + 1, base, point);
       });
}

void TaskLowering::groupTile(const std::vector<Linear>& base) {
  if (!tile_.unit.empty()) {
    matrixTile(base);
    return;
  }
  if (device_.groupInvocations.value > 1) {
    spreadOverInvocations(base);
    return;
  }
  std::vector<Linear> origin = base;
  if (!padded_.empty()) {
    loopOverPaddedBoxes(0, base, origin);
  } else if (sliceCount() > 1) {
    loopOverSlices(base, origin);
  } else {
    loopOverRegisterTiles(0, base, tile_.group, origin);
  }
}

/// The axes of the domain in the order of their loops, outermost first.
std::vector<size_t> TaskLowering::domainOrder() const {
  std::vector<size_t> order;
  for (const int axis : tile_.order) {
    if (static_cast<size_t>(axis) < rank()) order.push_back(static_cast<size_t>(axis));
  }
  return order;
}

/// Runs `body` for one part after the other of `whole` points along an axis from `base` on, as far
/// as they lie inside the domain: each begins at `origin`.
void TaskLowering::loopOverParts(size_t axis, const std::vector<Linear>& base, int64_t whole,
                                 int64_t part, std::vector<Linear>& origin, const Body& body) {
  const Linear extent = extents_.of(expr_.domain[axis]);
  const Linear left = math_.minimum(Linear::of(whole), extent - base[axis]);
  // Loop over multiples of the part by index, so that offsets stay divisible by it.
  const Linear count = math_.floorDiv(left + Linear::of(part - 1), Linear::of(part));
  const Interval range{0, std::max<int64_t>((whole + part - 1) / part - 1, 0)};
  loop(Linear::of(0), count, 1, range, [&](const Linear& i) {
    origin[axis] = base[axis] + i * part;
    body();
  });
}

/// Of `whole` points along each axis.
void TaskLowering::loopOverRegisterTiles(size_t depth, const std::vector<Linear>& base,
                                         const std::vector<int64_t>& whole,
                                         std::vector<Linear>& origin) {
  const std::vector<size_t> order = domainOrder();
  if (depth == order.size()) {
    if (!ahead_.empty()) prefetchShare(origin);
    registerTile(origin);
    return;
  }
  const size_t axis = order[depth];
  loopOverParts(axis, base, whole[axis], reg(axis), origin,
                [&] { loopOverRegisterTiles(depth + 1, base, whole, origin); });
}

std::vector<int64_t> TaskLowering::tileCounts() const {
  std::vector<int64_t> counts(rank());
  for (size_t i = 0; i < rank(); ++i) counts[i] = (group(i) + reg(i) - 1) / reg(i);
  return counts;
}

/// Where register tile `number` of the group begins.
std::vector<Linear> TaskLowering::tileOrigin(const std::vector<Linear>& base, Linear number) {
  const std::vector<int64_t> counts = tileCounts();
  std::vector<Linear> origin = base;
  for (size_t k = tile_.order.size(); k-- > 0;) {
    const auto axis = static_cast<size_t>(tile_.order[k]);
    if (axis >= rank()) continue;
    const Linear index = math_.mod(number, Linear::of(counts[axis]));
    number = math_.floorDiv(number, Linear::of(counts[axis]));
    origin[axis] = base[axis] + index * reg(axis);
  }
  return origin;
}

void TaskLowering::spreadOverInvocations(const std::vector<Linear>& base) {
  int64_t total = 1;
  for (const int64_t count : tileCounts()) total *= count;
  const int64_t invocations = device_.groupInvocations.value;
  const ValueId local = builder_.localId();
  math_.setRange(local, {0, invocations - 1});
  if (staged()) {
    stagedTile(base, Linear::of(local), total);
    return;
  }
  const auto tile = [&](const Linear& number) {
    const std::vector<Linear> origin = tileOrigin(base, number);
    ValueId inside;
    for (size_t k = tile_.order.size(); k-- > 0;) {
      const auto axis = static_cast<size_t>(tile_.order[k]);
      if (axis >= rank()) continue;
      const ValueId here = math_.compare(Opcode::Lt, origin[axis], extents_.of(expr_.domain[axis]));
      if (builder_.intLiteral(here) == 1) continue;
      inside = inside.valid() ? builder_.apply(Opcode::And, {inside, here}) : here;
    }
    if (!inside.valid()) {
      registerTile(origin);
    } else {
      branch(inside, [&] { registerTile(origin); });
    }
  };
  if (total >= invocations && total % invocations == 0) {
    loop(Linear::of(0), Linear::of(total / invocations), 1, {0, total / invocations - 1},
         [&](const Linear& i) { tile(i * invocations + Linear::of(local)); });
  } else {
    loop(Linear::of(local), Linear::of(total), invocations, {0, total - 1}, tile);
  }
}

LoweredTasks TaskLowering::run() {
  builder_.setOrigin(plan_.op(tasks_).origin);
  kernel_.attributes.set("local", device_.groupInvocations.value);
  kernel_.symbols = plan_.symbols;
  declareBuffers();
  declareParameters();
  declarePartialStates();
  declareStages();
  declarePaddedBoxes();
  LoweredTasks lowered;
  lowered.tiles = groupCounts();
  group_ = groupNumber();
  const std::vector<Linear> base = groupOrigin(group_);
  if (expr_.form == TensorExpr::Form::Opaque) {
    std::vector<Linear> point = base;
    opaquePoints(0, base, point);
  } else {
    groupTile(base);
  }
  kernel_.addOp(kernel_.top(), Opcode::Return, {}, {});
  lowered.kernel = std::move(kernel_);
  lowered.buffers = std::move(order_);
  lowered.symbols = extents_.parameters();
  lowered.sites = evaluator_.sites();
  for (ValueId buffer : lowered.buffers) {
    if (windowed_.contains(buffer)) lowered.windowed.push_back(buffer);
  }
  for (const size_t axis : domainOrder()) lowered.order.push_back(static_cast<int>(axis));
  return lowered;
}

LoweredTasks lowerTasks(const ir::Module& plan, OpId tasks, const hwdb::Description& device,
                        int64_t firstSite, const std::set<ValueId>& windowed) {
  return TaskLowering(plan, tasks, device, firstSite, windowed).run();
}

int64_t windowUnit(DType storage, const hwdb::Description& device) {
  return std::max<int64_t>(device.bindingAlignBytes.value / ir::byteSize(storage), 1);
}

}  // namespace quartet::common
