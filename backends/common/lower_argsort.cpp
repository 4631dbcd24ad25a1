// Orders: one group sorts the indices of one line in place.
#include "backends/common/task_lowering.h"

namespace quartet::common {

using ir::DType;
using ir::Opcode;
using ir::ValueId;

namespace {

constexpr int kMostStages = 31;  // of 2^31 elements

}  // namespace

/// Batcher's merge exchange sort (Knuth, The Art of Computer Programming, volume 3, algorithm
/// 5.2.2M), whose comparisons depend on the number of elements alone: in passes, with a barrier
/// after each, in which every invocation compares pairs of its own. Pairs (i, i + d) with
/// (i & p) == r, for p = 2^(t-1), 2^(t-2), ..., 1 where 2^t >= n; for each p first d = p, r = 0,
/// then r = p and d = q - p for q = 2^(t-1), 2^(t-2), ... as long as q > p.
void TaskLowering::argsort(const std::vector<Linear>& line) {
  const KernelBufferUse& out = *resultBuffers()[0];
  const bool descending = expr_.builder == "argsort_descending";
  const DType dtype = expr_.element[0].dtype();
  const int64_t invocations = device_.groupInvocations.value;
  const auto i32 = [&](int64_t value) { return builder_.literal(value); };
  const auto apply = [&](Opcode op, ValueId a, ValueId b) { return builder_.apply(op, {a, b}); };
  const ValueId n = math_.materialize(extents_.of(expr_.reduction[0]));
  const ValueId local = invocations > 1 ? builder_.localId() : i32(0);
  const ValueId one = i32(1);

  const auto at = [&](ValueId i) {
    std::vector<Linear> indices = line;
    indices.push_back(Linear::of(i));
    return indices;
  };
  const auto key = [&](ValueId index) {
    Point point{line, {}, {}, {}, {}};
    point.axes.push_back(Linear::of(index));
    evaluator_.enterScope();
    const ValueId value = evaluator_.value(anchor_, expr_.element[0], point);
    evaluator_.leaveScope();
    return value;
  };
  // Whether the element with index `a` comes behind the one with index `b`.
  const auto behind = [&](ValueId a, ValueId b) {
    ValueId x = key(a);
    ValueId y = key(b);
    if (descending) std::swap(x, y);
    ValueId greater = apply(Opcode::Gt, x, y);
    ValueId equal = apply(Opcode::Eq, x, y);
    if (ir::isFloat(dtype)) {
      const ValueId nanX = builder_.apply(Opcode::IsNan, {x});
      const ValueId nanY = builder_.apply(Opcode::IsNan, {y});
      const ValueId onlyX = apply(Opcode::And, nanX, builder_.apply(Opcode::Not, {nanY}));
      greater = apply(Opcode::Or, greater, onlyX);
      equal = apply(Opcode::Or, equal, apply(Opcode::And, nanX, nanY));
    }
    const ValueId later = apply(Opcode::Gt, a, b);
    return apply(Opcode::Or, greater, apply(Opcode::And, equal, later));
  };
  const auto barrier = [&] {
    if (invocations > 1) builder_.barrier();
  };
  // Kernel values made inside of a loop must not be reused outside of it.
  const auto scoped = [&](const std::function<void(ValueId)>& body) {
    return [&, body](ValueId i) {
      evaluator_.enterScope();
      body(i);
      evaluator_.leaveScope();
    };
  };

  const auto pass = [&](ValueId p, ValueId d, ValueId r) {
    builder_.loop(local, apply(Opcode::Sub, n, d), i32(invocations), scoped([&](ValueId i) {
                    const ValueId mine = apply(Opcode::Eq, apply(Opcode::And, i, p), r);
                    const auto compare = [&] {
                      evaluator_.enterScope();
                      const ValueId j = apply(Opcode::Add, i, d);
                      const ValueId a = evaluator_.loadBuffer(out, at(i), Point{});
                      const ValueId b = evaluator_.loadBuffer(out, at(j), Point{});
                      builder_.branch(behind(a, b), [&] {
                        evaluator_.enterScope();
                        evaluator_.store(out, at(i), b, Point{});
                        evaluator_.store(out, at(j), a, Point{});
                        evaluator_.leaveScope();
                      });
                      evaluator_.leaveScope();
                    };
                    builder_.branch(mine, compare);
                  }));
    barrier();
  };
  // t: how many powers of two are less than n.
  const ValueId stages = builder_.var(DType::I32, 1);
  builder_.set(stages, i32(0));
  builder_.loop(i32(0), i32(kMostStages), one, [&](ValueId e) {
    const ValueId less = apply(Opcode::Lt, apply(Opcode::Shl, one, e), n);
    builder_.set(stages, apply(Opcode::Add, builder_.get(stages),
                               builder_.apply(Opcode::Select, {less, one, i32(0)})));
  });
  const ValueId t = builder_.get(stages);
  builder_.loop(i32(0), t, one, [&](ValueId k) {
    const ValueId exponent = apply(Opcode::Sub, apply(Opcode::Sub, t, one), k);
    const ValueId p = apply(Opcode::Shl, one, exponent);
    pass(p, p, i32(0));
    builder_.loop(i32(0), k, one, [&](ValueId m) {
      const ValueId power = apply(Opcode::Sub, apply(Opcode::Sub, t, one), m);
      const ValueId q = apply(Opcode::Shl, one, power);
      pass(p, apply(Opcode::Sub, q, p), p);
    });
  });
}

}  // namespace quartet::common
