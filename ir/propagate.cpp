// Which part of an operand a tensor expression reads.
#include <algorithm>
#include <set>

#include "base/floor_division.h"
#include "base/saturate.h"
#include "ir/tensor_expr.h"

namespace quartet::ir {

namespace {

/// lo <= x <= hi; empty when hi < lo. The limits of int64 stand for "unbounded".
struct Interval {
  int64_t lo = INT64_MIN;
  int64_t hi = INT64_MAX;
  bool empty() const { return hi < lo; }
  bool operator==(const Interval&) const = default;
};

/// A bound times a factor: an unbounded side stays unbounded.
Wide scaled(int64_t bound, int64_t factor) {
  if (factor == 0) return 0;
  const bool open = bound == INT64_MIN || bound == INT64_MAX;
  const Wide product = static_cast<Wide>(bound) * factor;
  if (!open) return product;
  return product > 0 ? static_cast<Wide>(INT64_MAX) : static_cast<Wide>(INT64_MIN);
}

Interval interval(Wide lo, Wide hi) { return {saturate(lo), saturate(hi)}; }

Interval hull(const Interval& a, const Interval& b) {
  if (a.empty()) return b;
  if (b.empty()) return a;
  return {std::min(a.lo, b.lo), std::max(a.hi, b.hi)};
}

Interval meet(const Interval& a, const Interval& b) {
  return {std::max(a.lo, b.lo), std::min(a.hi, b.hi)};
}

Interval sum(const Interval& a, const Interval& b) {
  const auto side = [](int64_t x, int64_t y, int64_t open) {
    return x == open || y == open ? open : saturate(static_cast<Wide>(x) + y);
  };
  return {side(a.lo, b.lo, INT64_MIN), side(a.hi, b.hi, INT64_MAX)};
}

Interval times(const Interval& a, int64_t factor) {
  const Wide x = scaled(a.lo, factor);
  const Wide y = scaled(a.hi, factor);
  return interval(std::min(x, y), std::max(x, y));
}

Interval times(const Interval& a, const Interval& b) {
  return hull(times(a, b.lo), times(a, b.hi));
}

bool isOpen(int64_t bound) { return bound == INT64_MIN || bound == INT64_MAX; }

/// An open bound stays open.
int64_t divideBound(int64_t a, int64_t by) { return isOpen(a) ? a : floorDivide(a, by); }

/// Division by a positive number; both roundings are monotone.
Interval divide(Opcode op, const Interval& a, int64_t by) {
  if (op == Opcode::FloorDiv) return {divideBound(a.lo, by), divideBound(a.hi, by)};
  const auto truncate = [&](int64_t x) { return isOpen(x) ? x : x / by; };
  return {truncate(a.lo), truncate(a.hi)};
}

/// The remainder by a positive number.
Interval remainder(Opcode op, const Interval& a, int64_t by) {
  const bool onePeriod =
      !isOpen(a.lo) && !isOpen(a.hi) && divideBound(a.lo, by) == divideBound(a.hi, by);
  if (onePeriod && (op == Opcode::Mod || a.lo >= 0)) {
    const int64_t start = divideBound(a.lo, by) * by;
    return {a.lo - start, a.hi - start};
  }
  if (op == Opcode::Mod || a.lo >= 0) return {0, by - 1};
  return {-(by - 1), a.hi <= 0 ? 0 : by - 1};
}

/// What is known where an expression is evaluated: the ranges of the axes, and affine forms that
/// are not negative there.
struct Region {
  std::vector<Interval> axes;
  std::vector<AffineForm> bounds;

  bool empty() const {
    return std::any_of(axes.begin(), axes.end(), [](const Interval& x) { return x.empty(); });
  }

  Interval range(const AffineForm& form, size_t without = SIZE_MAX) const {
    Wide lo = form.constant;
    Wide hi = form.constant;
    for (size_t i = 0; i < axes.size(); ++i) {
      if (i == without) continue;
      const Interval term = times(axes[i], form.coefficients[i]);
      lo += term.lo;
      hi += term.hi;
    }
    return interval(lo, hi);
  }

  /// Adds form >= 0, and narrows each axis to where the other axes allow it.
  void require(const AffineForm& form) {
    bounds.push_back(form);
    for (size_t pass = 0; pass <= bounds.size() && narrow(); ++pass) {
    }
  }

  bool narrow() {
    bool changed = false;
    for (const AffineForm& form : bounds) {
      for (size_t i = 0; i < axes.size() && !empty(); ++i) {
        const int64_t factor = form.coefficients[i];
        if (factor == 0) continue;
        // factor * x >= -rest for the largest rest
        const int64_t rest = range(form, i).hi;
        if (isOpen(rest)) continue;
        const Interval limit = factor > 0 ? Interval{-divideBound(rest, factor), INT64_MAX}
                                          : Interval{INT64_MIN, divideBound(rest, -factor)};
        const Interval narrowed = meet(axes[i], limit);
        changed = changed || !(narrowed == axes[i]);
        axes[i] = narrowed;
      }
      const Interval whole = empty() ? Interval{} : range(form);
      if (whole.hi < 0 && !axes.empty()) axes[0] = {0, -1};
    }
    return changed;
  }

  /// The range of an affine form: from the axes, and from bounds that are a multiple of it plus a
  /// constant.
  Interval rangeWithBounds(const AffineForm& form) const {
    Interval result = range(form);
    for (const AffineForm& bound : bounds) {
      const auto factor = multipleOf(bound, form);
      if (!factor) continue;
      // bound == factor * (form - form.constant) + bound.constant >= 0
      const Wide offset = form.constant;
      if (*factor > 0) {
        const int64_t least = -divideBound(bound.constant, *factor);
        result = meet(result, {saturate(least + offset), INT64_MAX});
      } else {
        const int64_t most = divideBound(bound.constant, -*factor);
        result = meet(result, {INT64_MIN, saturate(most + offset)});
      }
    }
    return result;
  }

  /// k with a's coefficients == k * b's coefficients, k not zero.
  static std::optional<int64_t> multipleOf(const AffineForm& a, const AffineForm& b) {
    std::optional<int64_t> factor;
    for (size_t i = 0; i < a.coefficients.size(); ++i) {
      const int64_t x = a.coefficients[i];
      const int64_t y = b.coefficients[i];
      if (y == 0 && x == 0) continue;
      if (y == 0 || x % y != 0 || x == 0) return std::nullopt;
      if (factor && *factor != x / y) return std::nullopt;
      factor = x / y;
    }
    return factor;
  }
};

std::optional<AffineForm> difference(const Expr& a, const Expr& b, int64_t offset, int axes) {
  if (a.dtype() != DType::I64) return std::nullopt;
  auto form = affineForm(a - b, axes);
  if (form) form->constant += offset;
  return form;
}

/// Narrows `region` to where `condition`, no conjunction, may hold; what is not understood narrows
/// nothing.
void assumeOne(Region& region, const Expr& condition) {
  if (condition.kind() != Expr::Kind::Apply || condition.args().size() != 2) return;
  const int axes = static_cast<int>(region.axes.size());
  const auto atLeast = [&](const Expr& a, const Expr& b, int64_t offset) {  // a - b + offset >= 0
    if (const auto form = difference(a, b, offset, axes)) region.require(*form);
  };
  const Expr& a = condition.args()[0];
  const Expr& b = condition.args()[1];
  switch (condition.op()) {
    case Opcode::Lt:
      return atLeast(b, a, -1);
    case Opcode::Le:
      return atLeast(b, a, 0);
    case Opcode::Gt:
      return atLeast(a, b, -1);
    case Opcode::Ge:
      return atLeast(a, b, 0);
    case Opcode::Eq:
      atLeast(a, b, 0);
      return atLeast(b, a, 0);
    default:
      return;
  }
}

void assume(Region& region, const Expr& guard) {
  for (const Expr& condition : conjuncts(guard)) assumeOne(region, condition);
}

/// What is known of an i64 expression over a region.
struct Known {
  std::optional<AffineForm> form;
  Interval values;  // a superset
};

using KnownOf = std::function<const Known&(const Expr&)>;

Interval applied(const Expr& x, const KnownOf& of) {
  const auto arg = [&](size_t i) { return of(x.args()[i]).values; };
  switch (x.op()) {
    case Opcode::Add:
      return sum(arg(0), arg(1));
    case Opcode::Sub:
      return sum(arg(0), times(arg(1), -1));
    case Opcode::Neg:
      return times(arg(0), -1);
    case Opcode::Mul:
      return times(arg(0), arg(1));
    case Opcode::Min: {
      const Interval a = arg(0);
      const Interval b = arg(1);
      return {std::min(a.lo, b.lo), std::min(a.hi, b.hi)};
    }
    case Opcode::Max: {
      const Interval a = arg(0);
      const Interval b = arg(1);
      return {std::max(a.lo, b.lo), std::max(a.hi, b.hi)};
    }
    case Opcode::Abs: {
      const Interval a = arg(0);
      const Interval b = times(a, -1);
      return hull(meet(a, {0, INT64_MAX}), meet(b, {0, INT64_MAX}));
    }
    case Opcode::Select:
      return hull(arg(1), arg(2));
    case Opcode::Div:
    case Opcode::FloorDiv:
    case Opcode::Mod:
    case Opcode::Rem: {
      const Interval by = arg(1);
      if (by.lo != by.hi || by.lo <= 0) return {};
      const bool quotient = x.op() == Opcode::Div || x.op() == Opcode::FloorDiv;
      return quotient ? divide(x.op(), arg(0), by.lo) : remainder(x.op(), arg(0), by.lo);
    }
    default:
      return {};
  }
}

Interval valuesOf(const Expr& x, const std::optional<AffineForm>& form, const Region& region,
                  const KnownOf& of) {
  if (x.dtype() != DType::I64) return {};
  if (form) return region.rangeWithBounds(*form);
  if (x.kind() == Expr::Kind::Apply) return applied(x, of);
  if (x.kind() == Expr::Kind::Bounded && x.dim().isConstant()) {
    const Interval all{0, std::max<int64_t>(x.dim().value() - 1, 0)};
    const Interval inner = of(x.args()[0]).values;
    return inner.lo >= all.lo && inner.hi <= all.hi ? inner : all;
  }
  if (x.kind() == Expr::Kind::Extent && x.dim().isConstant()) {
    return {x.dim().value(), x.dim().value()};
  }
  return {};
}

/// The values of an i64 expression over a region: a superset.
Interval valuesOf(const Expr& index, const Region& region) {
  const int axes = static_cast<int>(region.axes.size());
  const auto known = [&](const Expr& node, const KnownOf& of) {
    const auto formOf = [&](const Expr& child) -> const std::optional<AffineForm>& {
      return of(child).form;
    };
    Known result{affineForm(node, axes, formOf), {}};
    result.values = valuesOf(node, result.form, region, of);
    return result;
  };
  return foldUp<Known>(index, known).values;
}

/// Joins what every load of one operand reads.
class Footprint {
 public:
  Footprint(int input, const std::vector<int64_t>& shape) : input_(input), shape_(shape) {
    box_.lo.assign(shape.size(), 0);
    box_.hi.assign(shape.size(), 0);
  }

  /// Adds the loads of `x` over `region`; `seen`: what has been visited in this region.
  void add(const Expr& x, const Region& region) {
    std::set<const void*> seen;
    visit(x, region, seen);
  }

  const Box& box() const { return box_; }

 private:
  void visit(const Expr& x, const Region& region, std::set<const void*>& seen) {
    if (!x.valid() || region.empty() || !seen.insert(x.id()).second) return;
    if (!x.guarded()) {
      for (const Expr& arg : x.args()) visit(arg, region, seen);
      if (x.kind() == Expr::Kind::Load) read(x, region);
      return;
    }
    visit(x.guard(), region, seen);
    visit(x.other(), region, seen);
    Region guarded = region;
    assume(guarded, x.guard());
    if (guarded.empty()) return;
    for (const Expr& arg : x.args()) add(arg, guarded);
    read(x, guarded);
  }

  void read(const Expr& load, const Region& region) {
    if (load.number() != input_) return;
    QT_ASSERT(load.args().size() == shape_.size(), "a load of another rank than its operand");
    Box part;
    for (size_t i = 0; i < shape_.size(); ++i) {
      const Interval values = meet(valuesOf(load.args()[i], region), {0, shape_[i] - 1});
      if (values.empty()) return;
      part.lo.push_back(values.lo);
      part.hi.push_back(values.hi + 1);
    }
    if (!any_) {
      box_ = part;
    } else {
      for (size_t i = 0; i < shape_.size(); ++i) {
        box_.lo[i] = std::min(box_.lo[i], part.lo[i]);
        box_.hi[i] = std::max(box_.hi[i], part.hi[i]);
      }
    }
    any_ = true;
  }

  int input_;
  const std::vector<int64_t>& shape_;
  Box box_;
  bool any_ = false;
};

}  // namespace

Box propagate(const TensorExpr& expr, const Box& output, int input,
              const std::vector<int64_t>& operandShape) {
  QT_ASSERT(output.lo.size() == expr.domain.size(), "an output box of another rank");
  Region points;
  for (size_t i = 0; i < output.lo.size(); ++i) {
    points.axes.push_back({output.lo[i], output.hi[i] - 1});
  }
  Footprint footprint(input, operandShape);
  if (output.empty()) return footprint.box();
  const bool scans = expr.form == TensorExpr::Form::Scan;
  if (!scans) {
    for (const Expr& result : expr.results) footprint.add(result, points);
  }
  for (const Dim& extent : expr.reduction) points.axes.push_back({0, extent.value() - 1});
  for (const Expr& element : expr.element) footprint.add(element, points);
  for (const Expr& index : expr.target) footprint.add(index, points);
  if (scans) {
    for (const Expr& result : expr.results) footprint.add(result, points);
  }
  if (!expr.inPlace()) return footprint.box();
  Region whole;
  for (const Dim& extent : expr.resultShape()) whole.axes.push_back({0, extent.value() - 1});
  for (const Expr& start : expr.init) footprint.add(start, whole);
  return footprint.box();
}

}  // namespace quartet::ir
