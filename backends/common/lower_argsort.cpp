// Orders: one group sorts the indices of one line in place.
#include "backends/common/task_lowering.h"

namespace quartet::common {

using ir::DType;
using ir::Opcode;
using ir::ValueId;

namespace {

constexpr int kMostStages = 31;  // of 2^31 elements

}  // namespace

/// The element of `line` that index `i` names.
ValueId TaskLowering::sortKey(const std::vector<Linear>& line, ValueId i) {
  Point point{line, {}, {}, {}, {}};
  point.axes.push_back(Linear::of(i));
  evaluator_.enterScope();
  const ValueId value = evaluator_.value(anchor_, expr_.element[0], point);
  evaluator_.leaveScope();
  return value;
}

/// Whether the element that index `a` names comes behind the one that `b` names.
ValueId TaskLowering::comesBehind(const std::vector<Linear>& line, ValueId a, ValueId b) {
  const auto apply = [&](Opcode op, ValueId x, ValueId y) { return builder_.apply(op, {x, y}); };
  ValueId x = sortKey(line, a);
  ValueId y = sortKey(line, b);
  if (expr_.builder == "argsort_descending") std::swap(x, y);
  ValueId greater = apply(Opcode::Gt, x, y);
  ValueId equal = apply(Opcode::Eq, x, y);
  if (ir::isFloat(expr_.element[0].dtype())) {
    const ValueId nanX = builder_.apply(Opcode::IsNan, {x});
    const ValueId nanY = builder_.apply(Opcode::IsNan, {y});
    const ValueId onlyX = apply(Opcode::And, nanX, builder_.apply(Opcode::Not, {nanY}));
    greater = apply(Opcode::Or, greater, onlyX);
    equal = apply(Opcode::Or, equal, apply(Opcode::And, nanX, nanY));
  }
  return apply(Opcode::Or, greater, apply(Opcode::And, equal, apply(Opcode::Gt, a, b)));
}

/// Compares the pairs (i, i + d) with (i & p) == r, every invocation pairs of its own, and
/// exchanges what is out of order; then a barrier.
void TaskLowering::sortPass(const std::vector<Linear>& line, ValueId p, ValueId d, ValueId r) {
  const KernelBufferUse& out = *resultBuffers()[0];
  const int64_t invocations = device_.groupInvocations.value;
  const auto at = [&](ValueId i) {
    std::vector<Linear> indices = line;
    indices.push_back(Linear::of(i));
    return indices;
  };
  const auto exchange = [&](ValueId i) {
    const ValueId j = builder_.apply(Opcode::Add, {i, d});
    const ValueId a = evaluator_.loadBuffer(out, at(i), Point{});
    const ValueId b = evaluator_.loadBuffer(out, at(j), Point{});
    branch(comesBehind(line, a, b), [&] {
      evaluator_.store(out, at(i), b, Point{});
      evaluator_.store(out, at(j), a, Point{});
    });
  };
  const ValueId n = math_.materialize(extents_.of(expr_.reduction[0]));
  const ValueId last = builder_.apply(Opcode::Sub, {n, d});
  const ValueId first = invocations > 1 ? builder_.localId() : builder_.literal(int64_t{0});
  builder_.loop(first, last, builder_.literal(invocations), [&](ValueId i) {
    evaluator_.enterScope();
    const ValueId masked = builder_.apply(Opcode::And, {i, p});
    branch(builder_.apply(Opcode::Eq, {masked, r}), [&] { exchange(i); });
    evaluator_.leaveScope();
  });
  if (invocations > 1) builder_.barrier();
}

/// Batcher's merge exchange sort (Knuth, The Art of Computer Programming, volume 3, algorithm
/// 5.2.2M), whose comparisons depend on the number of elements alone: passes over pairs, for
/// p = 2^(t-1), 2^(t-2), ..., 1 where 2^t >= n; for each p first d = p, r = 0, then r = p and
/// d = q - p for q = 2^(t-1), 2^(t-2), ... as long as q > p.
void TaskLowering::argsort(const std::vector<Linear>& line) {
  const auto apply = [&](Opcode op, ValueId a, ValueId b) { return builder_.apply(op, {a, b}); };
  const ValueId n = math_.materialize(extents_.of(expr_.reduction[0]));
  const ValueId zero = builder_.literal(int64_t{0});
  const ValueId one = builder_.literal(int64_t{1});
  // t: how many powers of two are less than n.
  const ValueId stages = builder_.var(DType::I32, 1);
  builder_.set(stages, zero);
  builder_.loop(zero, builder_.literal(int64_t{kMostStages}), one, [&](ValueId e) {
    const ValueId less = apply(Opcode::Lt, apply(Opcode::Shl, one, e), n);
    builder_.set(stages, apply(Opcode::Add, builder_.get(stages),
                               builder_.apply(Opcode::Select, {less, one, zero})));
  });
  const ValueId t = builder_.get(stages);
  const ValueId top = apply(Opcode::Sub, t, one);
  builder_.loop(zero, t, one, [&](ValueId k) {
    evaluator_.enterScope();
    const ValueId p = apply(Opcode::Shl, one, apply(Opcode::Sub, top, k));
    sortPass(line, p, p, zero);
    builder_.loop(zero, k, one, [&](ValueId m) {
      evaluator_.enterScope();
      const ValueId q = apply(Opcode::Shl, one, apply(Opcode::Sub, top, m));
      sortPass(line, p, apply(Opcode::Sub, q, p), p);
      evaluator_.leaveScope();
    });
    evaluator_.leaveScope();
  });
}

}  // namespace quartet::common
