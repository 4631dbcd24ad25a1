// Reductions: window, reduce, arg_reduce. All work axis by axis on wide values.

#include "backends/cpu/reference/combine.h"
#include "backends/cpu/reference/ops.h"

namespace quartet::reference {
namespace {

using ir::Opcode;

// into[i] = step(into[i], from[i])
template <class W>
void combine(Opcode fn, W* into, const W* from, int64_t count) {
  for (int64_t i = 0; i < count; ++i) into[i] = step(fn, into[i], from[i]);
}

struct AxisWindow {
  int64_t window, stride, dilation, begin;
};

// One axis of `shape` becomes `extent` windows: the others stay. A window in several dimensions is
// one window per axis, applied in turn.
template <class W>
std::vector<W> windowAxis(Opcode fn, W identity, const std::vector<W>& values, Ints& shape,
                          size_t axis, int64_t extent, const AxisWindow& w) {
  const int64_t in = shape[axis];
  int64_t outer = 1;
  int64_t inner = 1;
  for (size_t i = 0; i < shape.size(); ++i) (i < axis ? outer : inner) *= i == axis ? 1 : shape[i];
  std::vector<W> result(static_cast<size_t>(outer * extent * inner), identity);
  for (int64_t o = 0; o < outer; ++o) {
    for (int64_t e = 0; e < extent; ++e) {
      W* into = result.data() + (o * extent + e) * inner;
      for (int64_t k = 0; k < w.window; ++k) {
        const int64_t position = e * w.stride - w.begin + k * w.dilation;
        if (position < 0 || position >= in) continue;
        combine(fn, into, values.data() + (o * in + position) * inner, inner);
      }
    }
  }
  shape[axis] = extent;
  return result;
}

}  // namespace

Tensor evalWindow(const Call& call) {
  const ir::Attributes& attributes = call.attributes();
  const auto fn = attributes.get<Opcode>("fn");
  Output out(call.dtype, call.shape);
  withWide(call.dtype, [&](auto wide) {
    using W = decltype(wide);
    const W identity = identityOf<W>(fn, call.dtype);
    Ints shape = call.in[0]->shape;
    std::vector<W> values = widen<W>(*call.in[0]);
    for (size_t axis = 0; axis < shape.size(); ++axis) {
      const AxisWindow w = {attributes.ints("window")[axis], attributes.ints("strides")[axis],
                            attributes.ints("dilations")[axis], attributes.ints("pads")[axis]};
      if (w.window == 1 && w.stride == 1 && w.begin == 0 && shape[axis] == call.shape[axis]) {
        continue;
      }
      values = windowAxis(fn, identity, values, shape, axis, call.shape[axis], w);
    }
    narrow(values.data(), out.count(), out, 0);
  });
  return std::move(out).finish();
}

Tensor evalReduce(const Call& call) {
  const auto fn = call.attributes().get<Opcode>("fn");
  Output out(call.dtype, call.shape);
  withWide(call.dtype, [&](auto wide) {
    using W = decltype(wide);
    const W identity = identityOf<W>(fn, call.dtype);
    Ints shape = call.in[0]->shape;
    std::vector<W> values = widen<W>(*call.in[0]);
    for (const int64_t axis : call.attributes().ints("axes")) {
      const auto i = static_cast<size_t>(axis);
      values = windowAxis(fn, identity, values, shape, i, 1, {shape[i], 1, 1, 0});
    }
    narrow(values.data(), out.count(), out, 0);
  });
  return std::move(out).finish();
}

Tensor evalArgReduce(const Call& call) {
  const bool wantMax = call.attributes().get<Opcode>("fn") == Opcode::Max;
  const bool last = call.attributes().integer("last") != 0;
  const auto axis = static_cast<size_t>(call.attributes().integer("axis"));
  const Ints& shape = call.in[0]->shape;
  const int64_t extent = shape[axis];
  const int64_t inner = stridesOf(shape)[axis];
  Output out(call.dtype, call.shape);
  withWide(call.in[0]->dtype, [&](auto wide) {
    using W = decltype(wide);
    const std::vector<W> values = widen<W>(*call.in[0]);
    const auto beats = [&](W a, W b) {
      if (isNan(a) || isNan(b)) return isNan(a) && (!isNan(b) || last);
      return a == b ? last : (a > b) == wantMax;
    };
    for (int64_t i = 0; i < out.count(); ++i) {
      const W* first = values.data() + i / inner * extent * inner + i % inner;
      int64_t best = 0;
      for (int64_t k = 1; k < extent; ++k) {
        if (beats(first[k * inner], first[best * inner])) best = k;
      }
      narrow(&best, 1, out, i);
    }
  });
  return std::move(out).finish();
}

}  // namespace quartet::reference
