#include "backends/common/lower_tasks.h"

#include <algorithm>
#include <functional>
#include <limits>

#include "backends/common/evaluator.h"
#include "backends/common/storage.h"

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

/// The operation of a one-state reduction `combine = op(state, element)`, if it is one that lanes
/// can do apart and merge at the end.
std::optional<Opcode> simpleCombine(const TensorExpr& expr) {
  if (expr.combine.size() != 1 || expr.order != TensorExpr::Order::Commutative) return std::nullopt;
  const Expr& combine = expr.combine[0];
  if (combine.kind() != Expr::Kind::Apply || combine.args().size() != 2) return std::nullopt;
  const auto kinds = std::pair(combine.args()[0].kind(), combine.args()[1].kind());
  if (kinds != std::pair(Expr::Kind::State, Expr::Kind::Element)) return std::nullopt;
  switch (combine.op()) {
    case Opcode::Add:
    case Opcode::Mul:
    case Opcode::Min:
    case Opcode::Max:
    case Opcode::And:
    case Opcode::Or:
      return combine.op();
    default:
      return std::nullopt;
  }
}

class TaskLowering {
 public:
  TaskLowering(const ir::Module& plan, OpId tasks, const hwdb::Description& device,
               int64_t statusNode, const std::set<ValueId>& windowed)
      : plan_(plan),
        tasks_(tasks),
        anchor_(anchorOf(plan, tasks)),
        expr_(plan.op(anchor_).attributes.expr()),
        tile_(plan.op(anchor_).attributes.get<Tile>("tile")),
        device_(device),
        windowed_(windowed),
        kernel_(ir::Level::Kernel, "kernel"),
        builder_(kernel_),
        math_(builder_, static_cast<int>(tile_.lanes)),
        extents_(builder_, math_, plan.symbols),
        evaluator_(plan, builder_, math_, extents_, buffers_, statusNode) {}

  LoweredTasks run();

 private:
  using Body = std::function<void()>;

  void declareBuffers();
  void declareParameters();
  std::vector<Linear> groupOrigin(std::vector<ir::Dim>& tiles);
  void groupTile(const std::vector<Linear>& base);
  void loopOverRegisterTiles(size_t depth, const std::vector<Linear>& base,
                             std::vector<Linear>& origin);
  void spreadOverInvocations(const std::vector<Linear>& base);
  void registerTile(const std::vector<Linear>& origin);
  ValueId inside(const std::vector<Linear>& origin, bool lanes);
  void cutLanes(const std::vector<Linear>& origin, std::vector<int64_t> shape);
  void cutRows(size_t axis, const std::vector<Linear>& origin, std::vector<Linear>& point);
  void points(const std::vector<Linear>& origin, const std::vector<int64_t>& shape,
              ValueId laneCount);
  void reduce(std::vector<Point>& all);
  void reductionStep(Point point, ValueId laneCount, const std::vector<ValueId>& variables);
  void reductionLoops(size_t depth, std::vector<Linear>& position,
                      const std::function<void(const std::vector<Linear>&, ValueId)>& body);
  void finish(Point& point);
  ValueId identity(Opcode op, DType logical, int lanes);
  std::optional<ValueId> fusedMultiplyAdd(const Point& point, ValueId state);
  void loop(const Linear& lo, const Linear& hi, int64_t step, Interval range,
            const std::function<void(const Linear&)>& body);
  void branch(ValueId condition, const Body& then, const Body& otherwise = {});

  size_t rank() const { return expr_.domain.size(); }
  int64_t reg(size_t axis) const { return tile_.reg[axis]; }
  int64_t group(size_t axis) const { return tile_.group[axis]; }
  bool reductionLanes() const { return tile_.laneAxis >= static_cast<int>(rank()); }
  bool isLane(size_t axis) const { return tile_.laneAxis == static_cast<int>(axis); }
  /// The extent is a multiple of the register tile: no tile is cut.
  bool whole(size_t axis) const {
    const auto extent = expr_.domain[axis].constant();
    return extent ? *extent % reg(axis) == 0 : reg(axis) == 1;
  }

  const ir::Module& plan_;
  OpId tasks_;
  OpId anchor_;
  const TensorExpr& expr_;
  const Tile& tile_;
  const hwdb::Description& device_;
  const std::set<ValueId>& windowed_;
  ir::Module kernel_;
  ir::KernelBuilder builder_;
  IndexMath math_;
  Extents extents_;
  std::map<ValueId, KernelBufferUse> buffers_;
  std::vector<ValueId> order_;  // plan values of the kernel's parameters
  Linear firstGroup_;
  Evaluator evaluator_;
};

void TaskLowering::declareBuffers() {
  std::map<ValueId, std::pair<bool, bool>> use;  // read, written
  for (OpId id : plan_.region(plan_.op(tasks_).regions[0]).ops) {
    const ir::Op& op = plan_.op(id);
    for (size_t i = 0; i < op.operands.size(); ++i) {
      const ValueId operand = op.operands[i];
      if (plan_.type(operand).kind != ir::Type::Kind::Buffer) continue;
      if (!use.contains(operand)) order_.push_back(operand);
      (op.opcode == Opcode::Write ? use[operand].second : use[operand].first) = true;
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
    for (const Expr& e : expr.element) e.visit(visit);
    for (const Expr& e : expr.results) e.visit(visit);
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

void TaskLowering::branch(ValueId condition, const Body& then, const Body& otherwise) {
  const auto scoped = [&](const Body& body) {
    return [&, body] {
      evaluator_.enterScope();
      if (body) body();
      evaluator_.leaveScope();
    };
  };
  builder_.branch(condition, scoped(then), otherwise ? std::function(scoped(otherwise)) : nullptr);
}

std::vector<Linear> TaskLowering::groupOrigin(std::vector<ir::Dim>& tiles) {
  tiles.resize(rank());
  std::vector<Linear> base(rank());
  for (size_t i = 0; i < rank(); ++i) {
    tiles[i] = ir::Dim::ceilDiv(expr_.domain[i], group(i));
  }
  Linear rest = Linear::of(builder_.groupId());
  math_.setRange(rest.terms[0].value, {0, INT32_MAX});
  if (!firstGroup_.isConstant()) {
    rest = Linear::of(math_.materialize(rest + firstGroup_));
    math_.setRange(rest.terms[0].value, {0, INT32_MAX});
  }
  // The innermost axis of `order` varies fastest, so that neighbouring tasks share operands.
  std::vector<size_t> order;
  for (int axis : tile_.order) {
    if (static_cast<size_t>(axis) < rank()) order.push_back(static_cast<size_t>(axis));
  }
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

void TaskLowering::groupTile(const std::vector<Linear>& base) {
  if (device_.groupInvocations.value > 1) {
    spreadOverInvocations(base);
    return;
  }
  std::vector<Linear> origin = base;
  loopOverRegisterTiles(0, base, origin);
}

void TaskLowering::loopOverRegisterTiles(size_t depth, const std::vector<Linear>& base,
                                         std::vector<Linear>& origin) {
  std::vector<size_t> order;
  for (int axis : tile_.order) {
    if (static_cast<size_t>(axis) < rank()) order.push_back(static_cast<size_t>(axis));
  }
  if (depth == order.size()) {
    registerTile(origin);
    return;
  }
  const size_t axis = order[depth];
  const Linear extent = extents_.of(expr_.domain[axis]);
  Linear left = math_.minimum(Linear::of(group(axis)), extent - base[axis]);
  // Loop over multiples of the register tile by index, so that offsets stay divisible by it.
  const Linear count = math_.floorDiv(left + Linear::of(reg(axis) - 1), Linear::of(reg(axis)));
  const Interval range{0, std::max<int64_t>((group(axis) + reg(axis) - 1) / reg(axis) - 1, 0)};
  loop(Linear::of(0), count, 1, range, [&](const Linear& i) {
    origin[axis] = base[axis] + i * reg(axis);
    loopOverRegisterTiles(depth + 1, base, origin);
  });
}

void TaskLowering::spreadOverInvocations(const std::vector<Linear>& base) {
  std::vector<int64_t> counts(rank());
  int64_t total = 1;
  for (size_t i = 0; i < rank(); ++i) {
    counts[i] = (group(i) + reg(i) - 1) / reg(i);
    total *= counts[i];
  }
  const int64_t invocations = device_.groupInvocations.value;
  const ValueId local = builder_.localId();
  math_.setRange(local, {0, invocations - 1});
  const auto tile = [&](Linear rest) {
    std::vector<Linear> origin = base;
    ValueId inside;
    for (size_t k = tile_.order.size(); k-- > 0;) {
      const auto axis = static_cast<size_t>(tile_.order[k]);
      if (axis >= rank()) continue;
      const Linear index = math_.mod(rest, Linear::of(counts[axis]));
      rest = math_.floorDiv(rest, Linear::of(counts[axis]));
      origin[axis] = base[axis] + index * reg(axis);
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

/// Whether the register tile at `origin` lies inside the domain along the axes chosen; invalid:
/// known to.
ValueId TaskLowering::inside(const std::vector<Linear>& origin, bool lanes) {
  ValueId all;
  for (size_t i = 0; i < rank(); ++i) {
    if (whole(i) || isLane(i) != lanes) continue;
    const ValueId here =
        math_.compare(Opcode::Le, origin[i] + Linear::of(reg(i)), extents_.of(expr_.domain[i]));
    if (builder_.intLiteral(here) == 1) continue;
    all = all.valid() ? builder_.apply(Opcode::And, {all, here}) : here;
  }
  return all;
}

void TaskLowering::registerTile(const std::vector<Linear>& origin) {
  const std::vector<int64_t> shape(tile_.reg.begin(),
                                   tile_.reg.begin() + static_cast<long>(rank()));
  const auto either = [&](ValueId condition, const Body& yes, const Body& no) {
    if (condition.valid()) {
      branch(condition, yes, no);
    } else {
      yes();
    }
  };
  either(
      inside(origin, false),
      [&] {
        either(
            inside(origin, true), [&] { points(origin, shape, {}); },
            [&] { cutLanes(origin, shape); });
      },
      [&] {
        std::vector<Linear> point = origin;
        cutRows(0, origin, point);
      });
}

/// All rows, vector by vector, the last one counted.
void TaskLowering::cutLanes(const std::vector<Linear>& origin, std::vector<int64_t> shape) {
  const auto lane = static_cast<size_t>(tile_.laneAxis);
  const int64_t lanes = tile_.lanes;
  const Linear left = extents_.of(expr_.domain[lane]) - origin[lane];
  const Linear count = math_.floorDiv(left + Linear::of(lanes - 1), Linear::of(lanes));
  shape[lane] = lanes;
  loop(Linear::of(0), math_.minimum(count, Linear::of(reg(lane) / lanes)), 1,
       {0, reg(lane) / lanes - 1}, [&](const Linear& i) {
         std::vector<Linear> point = origin;
         point[lane] = origin[lane] + i * lanes;
         points(point, shape,
                math_.materialize(math_.minimum(left - i * lanes, Linear::of(lanes))));
       });
}

/// A register tile that the domain's edge cuts along its rows: row by row.
void TaskLowering::cutRows(size_t axis, const std::vector<Linear>& origin,
                           std::vector<Linear>& point) {
  if (axis == rank()) {
    const std::vector<int64_t> shape(rank(), 1);
    if (tile_.laneAxis >= 0 && !reductionLanes()) {
      cutLanes(point, shape);
    } else {
      points(point, shape, {});
    }
    return;
  }
  if (isLane(axis)) {
    cutRows(axis + 1, origin, point);
    return;
  }
  const Linear left = extents_.of(expr_.domain[axis]) - origin[axis];
  loop(Linear::of(0), math_.minimum(left, Linear::of(reg(axis))), 1, {0, reg(axis) - 1},
       [&](const Linear& i) {
         point[axis] = origin[axis] + i;
         cutRows(axis + 1, origin, point);
       });
}

/// Computes and stores all points of an unrolled tile.
void TaskLowering::points(const std::vector<Linear>& origin, const std::vector<int64_t>& shape,
                          ValueId laneCount) {
  std::vector<Point> all;
  std::vector<int64_t> offset(rank(), 0);
  for (bool more = true; more;) {
    Point point;
    for (size_t i = 0; i < rank(); ++i) {
      point.axes.push_back(origin[i] + Linear::of(offset[i]));
      if (isLane(i)) point.axes.back().lane += 1;
    }
    point.laneCount = laneCount;
    all.push_back(std::move(point));
    more = false;
    for (size_t i = rank(); i-- > 0 && !more;) {
      offset[i] += isLane(i) ? tile_.lanes : 1;
      more = offset[i] < shape[i];
      if (!more) offset[i] = 0;
    }
  }
  if (expr_.form == TensorExpr::Form::Reduce) reduce(all);
  // With lanes along a reduction axis, results are scalars: one lane from here on.
  const int lanes = math_.lanes();
  if (reductionLanes()) math_.setLanes(1);
  for (Point& point : all) {
    evaluator_.enterScope();
    finish(point);
    evaluator_.leaveScope();
  }
  math_.setLanes(lanes);
}

/// What `op` leaves other values as they are with: in the compute type of `dtype`, and within
/// `dtype`'s own range, because combining wraps to that.
ValueId TaskLowering::identity(Opcode op, DType logical, int lanes) {
  const DType dtype = computeType(logical);
  const bool isFloat = ir::isFloat(dtype);
  const double infinity = std::numeric_limits<double>::infinity();
  switch (op) {
    case Opcode::Mul:
      return isFloat ? builder_.literal(1.0, dtype, lanes)
                     : builder_.literal(int64_t{1}, dtype, lanes);
    case Opcode::And:
      return builder_.literal(int64_t{dtype == DType::Bool ? 1 : -1}, dtype, lanes);
    case Opcode::Max:
    case Opcode::Min: {
      const bool max = op == Opcode::Max;
      if (isFloat) return builder_.literal(max ? -infinity : infinity, dtype, lanes);
      if (logical == DType::Bool) return builder_.literal(int64_t{max ? 0 : 1}, dtype, lanes);
      const bool isSigned = ir::isSigned(logical);
      const auto unused = static_cast<int>(64 - 8 * ir::byteSize(logical));  // bits of an i64
      const int64_t most =
          isSigned ? INT64_MAX >> unused : static_cast<int64_t>(UINT64_MAX >> unused);
      return builder_.literal(max ? (isSigned ? INT64_MIN >> unused : 0) : most, dtype, lanes);
    }
    default:
      return isFloat ? builder_.literal(0.0, dtype, lanes)
                     : builder_.literal(int64_t{0}, dtype, lanes);
  }
}

/// state + a * b in one operation, when that is the whole reduction step.
std::optional<ValueId> TaskLowering::fusedMultiplyAdd(const Point& point, ValueId state) {
  const Expr& element = expr_.element[0];
  const bool fits = simpleCombine(expr_) == Opcode::Add && ir::isFloat(element.dtype()) &&
                    computeType(element.dtype()) == element.dtype() &&
                    element.kind() == Expr::Kind::Apply && element.op() == Opcode::Mul;
  if (!fits) return std::nullopt;
  const ValueId a = evaluator_.vector(anchor_, element.args()[0], point);
  const ValueId b = evaluator_.vector(anchor_, element.args()[1], point);
  return builder_.apply(Opcode::Fma, {a, b, state});
}

void TaskLowering::reductionLoops(
    size_t depth, std::vector<Linear>& position,
    const std::function<void(const std::vector<Linear>&, ValueId)>& body) {
  std::vector<size_t> order;
  for (int axis : tile_.order) {
    if (static_cast<size_t>(axis) >= rank()) order.push_back(static_cast<size_t>(axis));
  }
  if (depth == order.size()) {
    body(position, {});
    return;
  }
  const size_t axis = order[depth];
  const size_t which = axis - rank();
  const Linear extent = extents_.of(expr_.reduction[which]);
  const int64_t unroll = reg(axis);
  const int64_t most = std::max<int64_t>(math_.range(extent).hi, 0);
  if (!isLane(axis)) {
    const Linear trips = math_.floorDiv(extent, Linear::of(unroll));
    QT_ASSERT(unroll == 1 || (extent.isConstant() && extent.constant % unroll == 0),
              "a reduction axis is unrolled by a number that does not divide it");
    loop(Linear::of(0), trips, 1, {0, std::max<int64_t>(most / unroll - 1, 0)},
         [&](const Linear& i) {
           for (int64_t u = 0; u < unroll; ++u) {
             position[which] = i * unroll + Linear::of(u);
             reductionLoops(depth + 1, position, body);
           }
         });
    return;
  }
  QT_ASSERT(depth + 1 == order.size(), "the lane axis of a reduction is its innermost");
  const int64_t lanes = tile_.lanes;
  const Linear whole = math_.floorDiv(extent, Linear::of(lanes));
  loop(Linear::of(0), whole, 1, {0, std::max<int64_t>(most / lanes - 1, 0)}, [&](const Linear& i) {
    position[which] = i * lanes;
    position[which].lane = 1;
    body(position, {});
  });
  const Linear rest = extent - whole * lanes;
  if (rest.isConstant() && rest.constant == 0) return;
  const ValueId count = math_.materialize(rest);
  branch(builder_.apply(Opcode::Gt, {count, builder_.literal(int64_t{0})}), [&] {
    position[which] = whole * lanes;
    position[which].lane = 1;
    body(position, count);
  });
}

/// One step of the reduction at a point: takes the elements there into the states' variables.
void TaskLowering::reductionStep(Point point, ValueId laneCount,
                                 const std::vector<ValueId>& variables) {
  const int lanes = math_.lanes();
  if (laneCount.valid()) point.laneCount = laneCount;
  if (!laneCount.valid()) {
    if (const auto sum = fusedMultiplyAdd(point, builder_.get(variables[0]))) {
      builder_.set(variables[0], *sum);
      return;
    }
  }
  for (size_t s = 0; s < variables.size(); ++s) {
    ValueId element = evaluator_.vector(anchor_, expr_.element[s], point);
    if (laneCount.valid()) {
      const ValueId active =
          builder_.apply(Opcode::Lt, {builder_.laneId(lanes), builder_.splat(laneCount, lanes)});
      const DType dtype = expr_.element[s].dtype();
      element = builder_.apply(Opcode::Select,
                               {active, element, identity(*simpleCombine(expr_), dtype, lanes)});
    }
    point.elements.push_back(element);
    point.states.push_back(builder_.get(variables[s]));
  }
  std::vector<ValueId> next;
  for (const Expr& combine : expr_.combine) {
    next.push_back(evaluator_.vector(anchor_, combine, point));
  }
  for (size_t s = 0; s < variables.size(); ++s) builder_.set(variables[s], next[s]);
}

/// Runs the reduction for all points of a register tile; leaves the final states in the points.
void TaskLowering::reduce(std::vector<Point>& all) {
  const std::optional<Opcode> simple = simpleCombine(expr_);
  QT_ASSERT(!reductionLanes() || simple, "lanes along a reduction that lanes cannot share");
  const int lanes = math_.lanes();
  std::vector<std::vector<ValueId>> variables(all.size());
  for (size_t p = 0; p < all.size(); ++p) {
    for (const Expr& init : expr_.init) {
      const DType dtype = computeType(init.dtype());
      variables[p].push_back(builder_.var(dtype, lanes));
      builder_.set(variables[p].back(), reductionLanes()
                                            ? identity(*simple, init.dtype(), lanes)
                                            : evaluator_.vector(anchor_, init, all[p]));
    }
  }
  std::vector<Linear> position(expr_.reduction.size());
  reductionLoops(0, position, [&](const std::vector<Linear>& at, ValueId laneCount) {
    for (size_t p = 0; p < all.size(); ++p) {
      Point point = all[p];
      point.axes.insert(point.axes.end(), at.begin(), at.end());
      reductionStep(std::move(point), laneCount, variables[p]);
    }
  });
  for (size_t p = 0; p < all.size(); ++p) {
    for (size_t s = 0; s < variables[p].size(); ++s) {
      ValueId value = builder_.get(variables[p][s]);
      if (reductionLanes()) {
        const ValueId start = evaluator_.value(anchor_, expr_.init[s], all[p]);
        value = builder_.apply(*simple, {start, builder_.reduceLanes(*simple, value)});
        value = normalize(builder_, value, expr_.init[s].dtype());  // lanes were merged in 32 bits
      }
      all[p].states.push_back(value);
    }
  }
}

/// Results of the anchor at a point, then of the maps on top of it, then the stores.
void TaskLowering::finish(Point& point) {
  evaluator_.known.clear();
  bool reached = false;
  for (OpId id : plan_.region(plan_.op(tasks_).regions[0]).ops) {
    const ir::Op& op = plan_.op(id);
    reached |= id == anchor_;
    if (!reached) continue;
    if (op.opcode == Opcode::Tile) {
      const TensorExpr& expr = op.attributes.expr();
      for (size_t r = 0; r < op.results.size(); ++r) {
        evaluator_.known[op.results[r]] = evaluator_.value(id, expr.results[r], point);
      }
      continue;
    }
    std::vector<Linear> indices = point.axes;
    if (op.attributes.has("offset")) {
      const auto& offset = op.attributes.get<ir::Dims>("offset");
      for (size_t i = 0; i < indices.size(); ++i) indices[i] = indices[i] + extents_.of(offset[i]);
    }
    evaluator_.store(buffers_.at(op.operands[1]), indices, evaluator_.known.at(op.operands[0]),
                     point);
  }
}

LoweredTasks TaskLowering::run() {
  builder_.setOrigin(plan_.op(tasks_).origin);
  kernel_.attributes.set("local", device_.groupInvocations.value);
  kernel_.symbols = plan_.symbols;
  declareBuffers();
  declareParameters();
  LoweredTasks lowered;
  groupTile(groupOrigin(lowered.tiles));
  kernel_.addOp(kernel_.top(), Opcode::Return, {}, {});
  lowered.kernel = std::move(kernel_);
  lowered.buffers = std::move(order_);
  lowered.symbols = extents_.parameters();
  for (ValueId buffer : lowered.buffers) {
    if (windowed_.contains(buffer)) lowered.windowed.push_back(buffer);
  }
  for (int axis : tile_.order) {
    if (static_cast<size_t>(axis) < rank()) lowered.order.push_back(axis);
  }
  return lowered;
}

}  // namespace

LoweredTasks lowerTasks(const ir::Module& plan, OpId tasks, const hwdb::Description& device,
                        int64_t statusNode, const std::set<ValueId>& windowed) {
  return TaskLowering(plan, tasks, device, statusNode, windowed).run();
}

int64_t windowUnit(DType storage, const hwdb::Description& device) {
  return std::max<int64_t>(device.bindingAlignBytes.value / ir::byteSize(storage), 1);
}

}  // namespace quartet::common
