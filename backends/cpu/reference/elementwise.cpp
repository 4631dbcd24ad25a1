// Scalar operations on tensors, with numpy broadcasting: operands are read in runs of wide values.

#include <array>
#include <cmath>

#include "backends/cpu/reference/ops.h"
#include "backends/cpu/reference/scalar.h"

namespace quartet::reference {
namespace {

using ir::Opcode;

constexpr int64_t kRun = 1024;

// Reads a tensor in the row-major order of the shape that it is broadcast to.
class BroadcastReader {
 public:
  BroadcastReader(Tensor tensor, const Ints& shape) : tensor_(std::move(tensor)) {
    const Ints strides = stridesOf(tensor_->shape);
    const size_t missing = shape.size() - tensor_->shape.size();
    for (size_t axis = 0; axis < shape.size(); ++axis) {
      if (shape[axis] == 1) continue;
      const bool repeats = axis < missing || tensor_->shape[axis - missing] == 1;
      const int64_t stride = repeats ? 0 : strides[axis - missing];
      // An axis that continues the one outside it joins that one: runs become as long as possible.
      if (!extents_.empty() && strides_.back() == stride * shape[axis]) {
        extents_.back() *= shape[axis];
        strides_.back() = stride;
      } else {
        extents_.push_back(shape[axis]);
        strides_.push_back(stride);
      }
    }
    if (extents_.empty()) {
      extents_.push_back(1);
      strides_.push_back(0);
    }
    index_.assign(extents_.size(), 0);
  }

  template <class W>
  void next(W* dst, int64_t count) {
    while (count > 0) {
      const int64_t some = std::min(count, extents_.back() - index_.back());
      widen(*tensor_, offset_, strides_.back(), some, dst);
      advance(some);
      dst += some;
      count -= some;
    }
  }

 private:
  void advance(int64_t steps) {
    index_.back() += steps;
    offset_ += steps * strides_.back();
    for (size_t axis = index_.size(); axis-- > 0 && index_[axis] == extents_[axis];) {
      offset_ -= extents_[axis] * strides_[axis];
      index_[axis] = 0;
      if (axis > 0) {
        ++index_[axis - 1];
        offset_ += strides_[axis - 1];
      }
    }
  }

  Tensor tensor_;
  Ints extents_, strides_, index_;
  int64_t offset_ = 0;
};

template <class F>
Status forRuns(int64_t count, const F& f) {
  for (int64_t first = 0; first < count; first += kRun) {
    QT_CHECK(f(first, std::min(kRun, count - first)));
  }
  return {};
}

template <class W>
using Run = std::array<W, kRun>;

Status check(const Call& call, ScalarOutcome outcome) {
  switch (outcome) {
    case ScalarOutcome::Ok:
      break;
    case ScalarOutcome::DivisionByZero:
      return userError("integer division by zero", call.where(),
                       "the divisor must not contain zeros");
    case ScalarOutcome::Undefined:
      return unsupported("'" + std::string(ir::name(call.op.opcode)) + "' is not defined for " +
                             std::string(ir::name(call.in[0]->dtype)),
                         call.where());
  }
  return {};
}

// Arithmetic and predicates: one to three operands of one dtype, or of several that W holds.
template <class W>
Status evaluateUniform(const Call& call, Output& out) {
  std::vector<BroadcastReader> readers;
  readers.reserve(call.in.size());
  for (const Tensor& tensor : call.in) readers.emplace_back(tensor, call.shape);
  const Opcode opcode = call.op.opcode;
  const bool predicate =
      ir::isComparison(opcode) || opcode == Opcode::IsNan || opcode == Opcode::IsInf;
  std::array<Run<W>, 3> in;
  Run<W> result;
  Run<uint64_t> truth;
  return forRuns(out.count(), [&](int64_t first, int64_t count) -> Status {
    for (size_t i = 0; i < readers.size(); ++i) readers[i].next(in[i].data(), count);
    if (predicate) {
      QT_CHECK(
          check(call, applyPredicate(opcode, in[0].data(), in[1].data(), truth.data(), count)));
      narrow(truth.data(), count, out, first);
    } else {
      QT_CHECK(check(call, applyScalar(opcode, call.in[0]->dtype, in[0].data(), in[1].data(),
                                       in[2].data(), result.data(), count)));
      narrow(result.data(), count, out, first);
    }
    return {};
  });
}

template <class W>
Status evaluateSelect(const Call& call, Output& out) {
  BroadcastReader conditions(call.in[0], call.shape);
  BroadcastReader yes(call.in[1], call.shape);
  BroadcastReader no(call.in[2], call.shape);
  Run<uint64_t> condition;
  Run<W> a, b;
  return forRuns(out.count(), [&](int64_t first, int64_t count) -> Status {
    conditions.next(condition.data(), count);
    yes.next(a.data(), count);
    no.next(b.data(), count);
    for (size_t i = 0; i < static_cast<size_t>(count); ++i) a[i] = condition[i] != 0 ? a[i] : b[i];
    narrow(a.data(), count, out, first);
    return {};
  });
}

// float -> integer: toward zero, saturating; NaN gives 0.
template <class To>
To truncate(double x, DType to) {
  if (std::isnan(x)) return 0;
  const To low = lowest<To>(to);
  const To high = highest<To>(to);
  if (x <= static_cast<double>(low)) return low;
  if (x >= static_cast<double>(high)) return high;
  return static_cast<To>(x);
}

template <class From>
void castRun(const From* src, int64_t count, Output& out, int64_t first) {
  if constexpr (std::is_same_v<From, double>) {
    if (ir::isFloat(out.dtype())) return narrow(src, count, out, first);
    withWide(out.dtype(), [&](auto wide) {
      using To = decltype(wide);
      Run<To> to;
      for (int64_t i = 0; i < count; ++i) {
        to[static_cast<size_t>(i)] = out.dtype() == DType::Bool ? static_cast<To>(src[i] != 0)
                                                                : truncate<To>(src[i], out.dtype());
      }
      narrow(to.data(), count, out, first);
    });
  } else {
    narrow(src, count, out, first);  // wraps, or rounds to a float
  }
}

template <class W>
Status evaluateCast(const Call& call, Output& out) {
  BroadcastReader reader(call.in[0], call.shape);
  Run<W> in;
  return forRuns(out.count(), [&](int64_t first, int64_t count) -> Status {
    reader.next(in.data(), count);
    castRun(in.data(), count, out, first);
    return {};
  });
}

}  // namespace

Result<Tensor> evalScalarOp(const Call& call) {
  Output out(call.dtype, call.shape);
  const Opcode opcode = call.op.opcode;
  const DType operand = call.in[opcode == Opcode::Select ? 1
                                : opcode == Opcode::Dot2 ? 2
                                                         : 0]
                            ->dtype;
  QT_CHECK(withWide(operand, [&](auto wide) {
    using W = decltype(wide);
    if (opcode == Opcode::Select) return evaluateSelect<W>(call, out);
    if (opcode == Opcode::Cast) return evaluateCast<W>(call, out);
    return evaluateUniform<W>(call, out);
  }));
  return std::move(out).finish();
}

}  // namespace quartet::reference
