#include "backends/common/evaluator.h"

#include <algorithm>
#include <iterator>
#include <ranges>

#include "backends/common/storage.h"

namespace quartet::common {

using ir::DType;
using ir::Expr;
using ir::Opcode;
using ir::OpId;
using ir::ValueId;

namespace {

constexpr Interval kInt32{INT32_MIN, INT32_MAX};

bool fitsInt32(Interval range) { return range.lo >= kInt32.lo && range.hi <= kInt32.hi; }

bool isIndexOp(Opcode op) {
  switch (op) {
    case Opcode::Add:
    case Opcode::Sub:
    case Opcode::Mul:
    case Opcode::FloorDiv:
    case Opcode::Mod:
    case Opcode::Min:
    case Opcode::Max:
    case Opcode::Neg:
    case Opcode::Abs:
      return true;
    default:
      return false;
  }
}

}  // namespace

Linear Extents::of(const ir::Dim& dim) {
  using Kind = ir::Dim::Kind;
  switch (dim.kind()) {
    case Kind::Constant:
      return Linear::of(dim.value());
    case Kind::Symbol:
      break;
    case Kind::Add:
      return of(dim.lhs()) + of(dim.rhs());
    case Kind::Mul:
      return math_.multiply(of(dim.lhs()), of(dim.rhs()));
    case Kind::FloorDiv:
      return math_.floorDiv(of(dim.lhs()), of(dim.rhs()));
    case Kind::Mod:
      return math_.mod(of(dim.lhs()), of(dim.rhs()));
    case Kind::Min:
      return math_.minimum(of(dim.lhs()), of(dim.rhs()));
    case Kind::Max:
      return math_.maximum(of(dim.lhs()), of(dim.rhs()));
  }
  const std::string& name = dim.symbolName();
  const auto found = values_.find(name);
  if (found != values_.end()) return found->second;
  const ValueId value = builder_.param(static_cast<int>(parameters_.size()));
  parameters_.push_back(name);
  const auto range = symbols_.find(name);
  if (range != symbols_.end()) math_.setRange(value, {range->second.min, range->second.max});
  return values_[name] = Linear::of(value);
}

const Evaluator::Facts& Evaluator::facts(OpId tile, const Expr& e) {
  if (const auto found = facts_.find({tile, e.id()}); found != facts_.end()) return found->second;
  e.visit([&](const Expr& node) {
    const auto [place, isNew] = facts_.try_emplace({tile, node.id()});
    if (!isNew) return;
    Facts& own = place->second;
    own.keep = node;
    if (node.kind() == Expr::Kind::Axis) own.axes = {node.number()};
    own.states = node.kind() == Expr::Kind::State || node.kind() == Expr::Kind::Element;
    if (node.kind() == Expr::Kind::Load) {
      const ValueId operand = plan_.op(tile).operands[static_cast<size_t>(node.number())];
      own.loads = true;
      own.registers = plan_.type(operand).kind == ir::Type::Kind::Tensor;
    }
    for (size_t i = 0; i < node.childCount(); ++i) {
      const Facts& child = facts_.at({tile, node.child(i).id()});
      std::vector<int> axes;
      std::ranges::set_union(own.axes, child.axes, std::back_inserter(axes));
      own.axes = std::move(axes);
      own.loads |= child.loads;
      own.states |= child.states;
      own.registers |= child.registers;
    }
  });
  return facts_.at({tile, e.id()});
}

Evaluator::Key Evaluator::keyOf(OpId tile, const Expr& e, const Point& point) {
  const Facts& about = facts(tile, e);
  Key key;
  key.tile = tile;
  key.expression = e.id();
  key.lanes = math_.lanes();
  for (int axis : about.axes) key.axes.push_back(point.axes[static_cast<size_t>(axis)]);
  if (about.loads) {
    key.laneCount = point.laneCount;
    key.mask = point.mask;
  }
  if (about.states) {
    key.states = point.states;
    key.elements = point.elements;
  }
  if (about.registers) key.registersOf = registersOf_;
  return key;
}

template <class Table, class F>
auto Evaluator::once(Table Memo::*table, OpId tile, const Expr& e, const Point& point,
                     const F& compute) {
  Key key = keyOf(tile, e, point);
  for (const Memo& memo : std::views::reverse(memo_)) {
    const Table& known = memo.*table;
    if (const auto found = known.find(key); found != known.end()) return found->second;
  }
  typename Table::mapped_type result = compute();
  (memo_.back().*table).emplace(std::move(key), result);
  return result;
}

ValueId Evaluator::value(OpId tile, const Expr& e, const Point& point) {
  if (e.isLiteral()) return literal(e);
  return once(&Memo::values, tile, e, point, [&] { return compute(tile, e, point); });
}

ValueId Evaluator::vector(OpId tile, const Expr& e, const Point& point) {
  return widen(value(tile, e, point));
}

ValueId Evaluator::widen(ValueId value) {
  const int lanes = builder_.module().type(value).lanes;
  return lanes == math_.lanes() ? value : builder_.splat(value, math_.lanes());
}

ValueId Evaluator::compute(OpId tile, const Expr& e, const Point& point) {
  switch (e.kind()) {
    case Expr::Kind::Literal:
      return literal(e);
    case Expr::Kind::State:
      return point.states.at(static_cast<size_t>(e.number()));
    case Expr::Kind::Element:
      return point.elements.at(static_cast<size_t>(e.number()));
    case Expr::Kind::Load:
      return load(tile, e, point);
    case Expr::Kind::Bounded:
      return bounded(tile, e, point);
    case Expr::Kind::Axis:
    case Expr::Kind::Extent:
      return builder_.cast(math_.materialize(*pureIndex(tile, e, point)), DType::I64);
    case Expr::Kind::Apply:
      return apply(tile, e, point);
  }
  QT_ASSERT(false, "unknown expression kind");
  return {};
}

ValueId Evaluator::literal(const Expr& e) {
  const DType dtype = computeType(e.dtype());
  if (ir::isFloat(dtype)) return builder_.literal(e.floatValue(), dtype);
  return builder_.literal(e.intValue(), dtype);
}

/// An index that axes and extents alone decide, in 32 bits; nothing when it is none.
std::optional<Linear> Evaluator::pureIndex(OpId tile, const Expr& e, const Point& point) {
  std::optional<Linear> form;
  // Axes and extents fit 32 bits whatever the range of their symbols: tensors are limited to that.
  if (e.kind() == Expr::Kind::Axis) return point.axes[static_cast<size_t>(e.number())];
  if (e.kind() == Expr::Kind::Extent) return extents_.of(e.dim());
  if (e.isLiteral() && e.dtype() == DType::I64) {
    form = Linear::of(e.intValue());
  } else if (e.kind() == Expr::Kind::Apply && e.dtype() == DType::I64 && isIndexOp(e.op())) {
    form = once(&Memo::pureIndices, tile, e, point, [&] { return pureArithmetic(tile, e, point); });
  }
  if (form && !fitsInt32(math_.range(*form))) return std::nullopt;
  return form;
}

std::optional<Linear> Evaluator::pureArithmetic(OpId tile, const Expr& e, const Point& point) {
  const auto a = pureIndex(tile, e.args()[0], point);
  if (!a) return std::nullopt;
  if (e.args().size() == 1) {
    const Linear negated = *a * -1;
    return e.op() == Opcode::Neg ? negated : math_.maximum(*a, negated);
  }
  const auto b = pureIndex(tile, e.args()[1], point);
  if (!b) return std::nullopt;
  switch (e.op()) {
    case Opcode::Add:
      return *a + *b;
    case Opcode::Sub:
      return *a - *b;
    case Opcode::Mul:
      return math_.multiply(*a, *b);
    case Opcode::FloorDiv:
    case Opcode::Mod: {
      const Interval divisor = math_.range(*b);  // a zero divisor must be reported: not here
      if (divisor.lo <= 0 && divisor.hi >= 0) return std::nullopt;
      return e.op() == Opcode::Mod ? math_.mod(*a, *b) : math_.floorDiv(*a, *b);
    }
    case Opcode::Min:
      return math_.minimum(*a, *b);
    default:
      return math_.maximum(*a, *b);
  }
}

Linear Evaluator::index(OpId tile, const Expr& e, const Point& point) {
  if (const auto form = pureIndex(tile, e, point)) return *form;
  return once(&Memo::indices, tile, e, point, [&]() -> Linear {
    if (e.kind() == Expr::Kind::Apply && e.dtype() == DType::I64 &&
        (e.op() == Opcode::Add || e.op() == Opcode::Sub)) {
      const Linear a = index(tile, e.args()[0], point);
      const Linear b = index(tile, e.args()[1], point);
      return e.op() == Opcode::Add ? a + b : a - b;
    }
    const ValueId wide = value(tile, e, point);
    const ValueId narrow = builder_.cast(wide, DType::I32);
    if (e.kind() == Expr::Kind::Bounded) {
      const Interval extent = math_.range(extents_.of(e.dim()));
      math_.setRange(narrow, {0, std::max<int64_t>(extent.hi - 1, 0)});
    }
    return Linear::of(narrow, builder_.module().type(narrow).lanes > 1);
  });
}

std::optional<ValueId> Evaluator::indexComparison(OpId tile, const Expr& e, const Point& point) {
  const auto a = pureIndex(tile, e.args()[0], point);
  if (!a) return std::nullopt;
  const auto b = pureIndex(tile, e.args()[1], point);
  if (!b || !fitsInt32(math_.range(*a - *b))) return std::nullopt;
  return math_.compare(e.op(), *a, *b);
}

ValueId Evaluator::apply(OpId tile, const Expr& e, const Point& point) {
  if (ir::isComparison(e.op()) && e.args().size() == 2 && e.args()[0].dtype() == DType::I64) {
    if (const auto decided = indexComparison(tile, e, point)) return *decided;
  }
  if (e.dtype() == DType::I64 && isIndexOp(e.op())) {
    if (const auto form = pureIndex(tile, e, point)) {
      return builder_.cast(math_.materialize(*form), DType::I64);
    }
  }
  std::vector<ValueId> args;
  int lanes = 1;
  for (const Expr& arg : e.args()) {
    args.push_back(value(tile, arg, point));
    lanes = std::max(lanes, builder_.module().type(args.back()).lanes);
  }
  if (e.op() == Opcode::Cast) {
    const DType target = computeType(e.dtype());
    if (target == e.dtype()) {
      return builder_.module().type(args[0]).dtype == target ? args[0]
                                                             : builder_.cast(args[0], target);
    }
    return builder_.cast(builder_.cast(args[0], e.dtype()), target);
  }
  if (lanes > 1) {
    for (ValueId& arg : args) arg = widen(arg);
  }
  const bool divides = e.op() == Opcode::Div || e.op() == Opcode::Rem || e.op() == Opcode::Mod ||
                       e.op() == Opcode::FloorDiv;
  if (divides && !ir::isFloat(e.dtype())) reportZeroDivisor(tile, e, args[1], point);
  const ValueId result = builder_.apply(e.op(), args);
  return ir::isComparison(e.op()) ? result : normalize(builder_, result, e.dtype());
}

int64_t Evaluator::siteNumber(const ReportSite& site) {
  const auto found = std::find(sites_.begin(), sites_.end(), site);
  const int64_t number = found - sites_.begin();
  if (found == sites_.end()) sites_.push_back(site);
  return firstSite_ + number;
}

void Evaluator::reportZeroDivisor(OpId tile, const Expr& e, ValueId divisor, const Point& point) {
  const Expr& source = e.args()[1];
  if (source.isLiteral() && source.intValue() != 0) return;
  const ir::Type type = builder_.module().type(divisor);
  ValueId zero =
      builder_.apply(Opcode::Eq, {divisor, builder_.literal(int64_t{0}, type.dtype, type.lanes)});
  if (const ValueId mask = maskOf(point, type.lanes > 1); mask.valid()) {
    zero = builder_.apply(Opcode::And, {zero, mask});
  }
  builder_.report(zero, static_cast<int64_t>(ir::StatusCode::DivisionByZero),
                  siteNumber({tile, 0}));
}

ValueId Evaluator::bounded(OpId tile, const Expr& e, const Point& point) {
  const ValueId raw = value(tile, e.args()[0], point);
  const int lanes = builder_.module().type(raw).lanes;
  const auto splat = [&](ValueId x) { return lanes > 1 ? builder_.splat(x, lanes) : x; };
  const ValueId zero = builder_.literal(int64_t{0}, DType::I64, lanes);
  const ValueId extent = splat(builder_.cast(math_.materialize(extents_.of(e.dim())), DType::I64));
  const ValueId negative = builder_.apply(Opcode::Lt, {raw, zero});
  const ValueId wrapped =
      builder_.apply(Opcode::Select, {negative, builder_.apply(Opcode::Add, {raw, extent}), raw});
  ValueId bad = builder_.apply(Opcode::Or, {builder_.apply(Opcode::Lt, {wrapped, zero}),
                                            builder_.apply(Opcode::Ge, {wrapped, extent})});
  const ValueId safe = builder_.apply(Opcode::Select, {bad, zero, wrapped});
  if (const ValueId mask = maskOf(point, lanes > 1); mask.valid()) {
    bad = builder_.apply(Opcode::And, {bad, mask});
  }
  builder_.report(bad, static_cast<int64_t>(ir::StatusCode::IndexOutOfRange),
                  siteNumber({tile, e.dim()}), raw);
  return safe;
}

}  // namespace quartet::common
