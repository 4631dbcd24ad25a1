#include "backends/common/linear.h"

#include <algorithm>
#include <numeric>

#include "base/floor_division.h"
#include "base/saturate.h"

namespace quartet::common {

using ir::DType;
using ir::Opcode;
using ir::ValueId;

bool Linear::uniform() const {
  return lane == 0 &&
         std::none_of(terms.begin(), terms.end(), [](const Term& t) { return t.vector; });
}

Linear operator+(const Linear& a, const Linear& b) {
  Linear sum{{}, a.lane + b.lane, a.constant + b.constant};
  auto left = a.terms.begin();
  auto right = b.terms.begin();
  while (left != a.terms.end() || right != b.terms.end()) {
    if (right == b.terms.end() || (left != a.terms.end() && left->value < right->value)) {
      sum.terms.push_back(*left++);
    } else if (left == a.terms.end() || right->value < left->value) {
      sum.terms.push_back(*right++);
    } else {
      Linear::Term both = *left++;
      both.coefficient += (right++)->coefficient;
      if (both.coefficient != 0) sum.terms.push_back(both);
    }
  }
  return sum;
}

Linear operator*(const Linear& a, int64_t factor) {
  if (factor == 0) return {};
  Linear product = a;
  for (Linear::Term& term : product.terms) term.coefficient *= factor;
  product.lane *= factor;
  product.constant *= factor;
  return product;
}

Linear operator-(const Linear& a, const Linear& b) { return a + b * -1; }

void IndexMath::setRange(ir::ValueId value, Interval range) {
  const auto clamped = [](int64_t bound) {
    return std::clamp<int64_t>(bound, INT32_MIN, INT32_MAX);
  };
  ranges_[value] = {clamped(range.lo), clamped(range.hi)};
}

Interval IndexMath::range(const Linear& form) const {
  Wide lo = form.constant;
  Wide hi = form.constant;
  const auto add = [&](Wide coefficient, Interval of) {
    lo += coefficient * (coefficient > 0 ? of.lo : of.hi);
    hi += coefficient * (coefficient > 0 ? of.hi : of.lo);
  };
  for (const Linear::Term& term : form.terms) {
    const auto known = ranges_.find(term.value);
    add(term.coefficient, known == ranges_.end() ? Interval{} : known->second);
  }
  add(form.lane, {0, lanes_ - 1});
  return {saturate(lo), saturate(hi)};
}

IndexMath::Split IndexMath::split(const Linear& a, int64_t divisor) const {
  Split parts;
  for (const Linear::Term& term : a.terms) {
    (term.coefficient % divisor == 0 ? parts.divisible : parts.rest).terms.push_back(term);
  }
  (a.lane % divisor == 0 ? parts.divisible : parts.rest).lane = a.lane;
  parts.rest.constant = floorMod(a.constant, divisor);
  parts.divisible.constant = a.constant - parts.rest.constant;
  return parts;
}

Linear IndexMath::opaque(Opcode op, const Linear& a, const Linear& b, Interval range) {
  ValueId left = materialize(a);
  ValueId right = materialize(b);
  const bool vector = !a.uniform() || !b.uniform();
  if (vector && a.uniform()) left = builder_.splat(left, lanes_);
  if (vector && b.uniform()) right = builder_.splat(right, lanes_);
  const ValueId value = builder_.apply(op, {left, right});
  if (const auto literal = builder_.intLiteral(value); literal && !vector) {
    return Linear::of(*literal);
  }
  setRange(value, range);
  return Linear::of(value, vector);
}

Linear IndexMath::multiply(const Linear& a, const Linear& b) {
  if (b.isConstant()) return a * b.constant;
  if (a.isConstant()) return b * a.constant;
  const Interval ra = range(a);
  const Interval rb = range(b);
  const auto product = [](int64_t x, int64_t y) { return saturate(static_cast<Wide>(x) * y); };
  const auto corners = {product(ra.lo, rb.lo), product(ra.lo, rb.hi), product(ra.hi, rb.lo),
                        product(ra.hi, rb.hi)};
  return opaque(Opcode::Mul, a, b, {std::min(corners), std::max(corners)});
}

/// Separates what cannot carry into the next multiple of `divisor`: with the lanes of one vector
/// inside an aligned block, floor((s + lane) / d) is floor(s / d) for all of them.
IndexMath::Split IndexMath::withoutCarry(const Linear& a, int64_t divisor) const {
  Split parts{a, {}};
  if (a.lane == 0) return parts;
  int64_t step = divisor;
  for (const Linear::Term& term : a.terms) step = std::gcd(step, term.coefficient);
  Linear low;
  low.lane = a.lane;
  low.constant = floorMod(a.constant, step);
  const Interval reach = range(low);
  if (reach.lo < 0 || reach.hi >= step) return parts;
  return {a - low, low};
}

Linear IndexMath::floorDiv(const Linear& whole, const Linear& b) {
  if (!b.isConstant() || b.constant <= 0) return opaque(Opcode::FloorDiv, whole, b, {});
  Linear a = withoutCarry(whole, b.constant).divisible;
  const int64_t divisor = b.constant;
  if (divisor == 1) return a;
  Split parts = split(a, divisor);
  Linear quotient = parts.divisible;
  for (Linear::Term& term : quotient.terms) term.coefficient /= divisor;
  quotient.lane /= divisor;
  quotient.constant /= divisor;
  const Interval rest = range(parts.rest);
  const int64_t lo = floorDivide(rest.lo, divisor);
  const int64_t hi = floorDivide(rest.hi, divisor);
  if (lo == hi) return quotient + Linear::of(lo);
  return quotient + opaque(Opcode::FloorDiv, parts.rest, b, {lo, hi});
}

Linear IndexMath::mod(const Linear& whole, const Linear& b) {
  if (!b.isConstant() || b.constant <= 0) return opaque(Opcode::Mod, whole, b, {});
  const auto [a, low] = withoutCarry(whole, b.constant);
  const int64_t divisor = b.constant;
  if (divisor == 1) return {};
  const Split parts = split(a, divisor);
  const Interval rest = range(parts.rest);
  const int64_t quotient = floorDivide(rest.lo, divisor);
  if (quotient == floorDivide(rest.hi, divisor))
    return parts.rest - Linear::of(quotient * divisor) + low;
  return opaque(Opcode::Mod, parts.rest, b, {0, divisor - 1}) + low;
}

Linear IndexMath::minimum(const Linear& a, const Linear& b) {
  const Interval difference = range(a - b);
  if (difference.hi <= 0) return a;
  if (difference.lo >= 0) return b;
  const Interval ra = range(a);
  const Interval rb = range(b);
  return opaque(Opcode::Min, a, b, {std::min(ra.lo, rb.lo), std::min(ra.hi, rb.hi)});
}

Linear IndexMath::maximum(const Linear& a, const Linear& b) {
  const Interval difference = range(a - b);
  if (difference.lo >= 0) return a;
  if (difference.hi <= 0) return b;
  const Interval ra = range(a);
  const Interval rb = range(b);
  return opaque(Opcode::Max, a, b, {std::max(ra.lo, rb.lo), std::max(ra.hi, rb.hi)});
}

std::optional<bool> IndexMath::decide(Opcode op, const Linear& difference) const {
  const Interval d = range(difference);
  const bool never0 = d.lo > 0 || d.hi < 0;
  const bool always0 = d.lo == 0 && d.hi == 0;
  switch (op) {
    case Opcode::Eq:
      return always0 ? std::optional(true) : never0 ? std::optional(false) : std::nullopt;
    case Opcode::Ne:
      return always0 ? std::optional(false) : never0 ? std::optional(true) : std::nullopt;
    case Opcode::Lt:
      return d.hi < 0 ? std::optional(true) : d.lo >= 0 ? std::optional(false) : std::nullopt;
    case Opcode::Le:
      return d.hi <= 0 ? std::optional(true) : d.lo > 0 ? std::optional(false) : std::nullopt;
    case Opcode::Gt:
      return d.lo > 0 ? std::optional(true) : d.hi <= 0 ? std::optional(false) : std::nullopt;
    case Opcode::Ge:
      return d.lo >= 0 ? std::optional(true) : d.hi < 0 ? std::optional(false) : std::nullopt;
    default:
      QT_ASSERT(false, "not an order comparison");
      return std::nullopt;
  }
}

ValueId IndexMath::compare(Opcode op, const Linear& a, const Linear& b) {
  Linear difference = a - b;
  if (const auto known = decide(op, difference)) {
    return builder_.literal(*known ? int64_t{1} : int64_t{0}, DType::Bool);
  }
  // (16 x + lane + c) < 0 is the same for all 16 lanes when 16 divides c: drop the lane.
  const bool strictOrder = op == Opcode::Lt || op == Opcode::Ge;
  if (strictOrder && difference.lane == 1) {
    const Split parts = split(difference, lanes_);
    const Interval rest = range(parts.rest);
    if (rest.lo >= 0 && rest.hi < lanes_) difference = parts.divisible;
  }
  // Constants on the right: x + 3 < 0 reads as x < -3.
  const Linear right = Linear::of(-difference.constant);
  difference.constant = 0;
  ValueId left = materialize(difference);
  ValueId bound = builder_.literal(right.constant, DType::I32);
  if (!difference.uniform()) bound = builder_.splat(bound, lanes_);
  return builder_.apply(op, {left, bound});
}

ValueId IndexMath::vectorOf(const Linear& form) {
  Linear scalars = form;
  std::erase_if(scalars.terms, [](const Linear::Term& t) { return t.vector; });
  scalars.lane = 0;
  ValueId sum = builder_.splat(materialize(scalars), lanes_);
  if (form.lane != 0) {
    ValueId lane = builder_.laneId(lanes_);
    if (form.lane != 1) {
      lane = builder_.apply(Opcode::Mul, {lane, builder_.literal(form.lane, DType::I32, lanes_)});
    }
    sum = builder_.apply(Opcode::Add, {sum, lane});
  }
  for (const Linear::Term& term : form.terms) {
    if (!term.vector) continue;
    ValueId value = term.value;
    if (term.coefficient != 1) {
      value = builder_.apply(Opcode::Mul,
                             {value, builder_.literal(term.coefficient, DType::I32, lanes_)});
    }
    sum = builder_.apply(Opcode::Add, {sum, value});
  }
  return sum;
}

ValueId IndexMath::materialize(const Linear& form) {
  if (!form.uniform()) return vectorOf(form);
  ValueId sum;
  for (const Linear::Term& term : form.terms) {
    ValueId value = term.value;
    if (term.coefficient != 1) {
      value = builder_.apply(Opcode::Mul, {value, builder_.literal(term.coefficient)});
    }
    sum = sum.valid() ? builder_.apply(Opcode::Add, {sum, value}) : value;
  }
  if (!sum.valid()) return builder_.literal(form.constant);
  if (form.constant == 0) return sum;
  return builder_.apply(Opcode::Add, {sum, builder_.literal(form.constant)});
}

ValueId IndexMath::laneBase(const Linear& form) {
  Linear base = form;
  base.lane = 0;
  QT_ASSERT(base.uniform(), "a contiguous access has a vector term");
  return materialize(base);
}

int64_t IndexMath::alignment(const Linear& form, int64_t limit) const {
  int64_t align = 1;
  const auto divides = [&](int64_t by) {
    return form.constant % by == 0 &&
           std::all_of(form.terms.begin(), form.terms.end(),
                       [&](const Linear::Term& t) { return t.coefficient % by == 0; });
  };
  while (align * 2 <= limit && divides(align * 2)) align *= 2;
  return align;
}

}  // namespace quartet::common
