// Primitives that move elements: transpose, reshape, broadcast, slice, concat, pad; and iota.

#include <algorithm>

#include "backends/cpu/reference/bytes.h"
#include "backends/cpu/reference/ops.h"

namespace quartet::reference {
namespace {

// The position of the input that position p of a padded axis shows; -1: the fill value.
int64_t padSource(const std::string& mode, int64_t p, int64_t extent) {
  if (p >= 0 && p < extent) return p;
  if (mode == "constant") return -1;
  if (mode == "edge") return p < 0 ? 0 : extent - 1;
  const int64_t period = mode == "wrap" ? extent : std::max<int64_t>(1, 2 * (extent - 1));
  const int64_t phase = (p % period + period) % period;
  return mode == "wrap" || phase < extent ? phase : period - phase;
}

}  // namespace

Tensor evalTranspose(const Call& call) {
  const Ints in = stridesOf(call.in[0]->shape);
  Ints strides;
  for (const int64_t axis : call.attributes().ints("perm")) {
    strides.push_back(in[static_cast<size_t>(axis)]);
  }
  Output out(call.dtype, call.shape);
  copyStrided(*call.in[0], 0, strides, out);
  return std::move(out).finish();
}

Tensor evalReshape(const Call& call) {
  ir::ConstantData view = *call.in[0];
  view.shape = call.shape;
  view.owner = call.in[0];
  return std::make_shared<const ir::ConstantData>(std::move(view));
}

Tensor evalBroadcast(const Call& call) {
  const Ints& in = call.in[0]->shape;
  const size_t missing = call.shape.size() - in.size();
  Ints strides(call.shape.size(), 0);
  const Ints own = stridesOf(in);
  for (size_t axis = 0; axis < in.size(); ++axis) {
    strides[missing + axis] = in[axis] == 1 ? 0 : own[axis];
  }
  Output out(call.dtype, call.shape);
  copyStrided(*call.in[0], 0, strides, out);
  return std::move(out).finish();
}

Tensor evalSlice(const Call& call) {
  const Ints& starts = call.attributes().ints("starts");
  const Ints& steps = call.attributes().ints("steps");
  Ints strides = stridesOf(call.in[0]->shape);
  int64_t base = 0;
  for (size_t axis = 0; axis < strides.size(); ++axis) {
    base += starts[axis] * strides[axis];
    strides[axis] *= steps[axis];
  }
  Output out(call.dtype, call.shape);
  copyStrided(*call.in[0], base, strides, out);
  return std::move(out).finish();
}

Tensor evalConcat(const Call& call) {
  const auto axis = static_cast<size_t>(call.attributes().integer("axis"));
  const int64_t inner = stridesOf(call.shape)[axis];
  const int64_t row = call.shape[axis] * inner;
  Output out(call.dtype, call.shape);
  int64_t offset = 0;
  for (const Tensor& part : call.in) {
    const int64_t partRow = part->shape[axis] * inner;
    if (countOf(part->shape) == 0) continue;
    for (int64_t outer = 0; outer * row < out.count(); ++outer) {
      copyElements(*part, outer * partRow, 1, partRow, out, outer * row + offset);
    }
    offset += partRow;
  }
  return std::move(out).finish();
}

Result<Tensor> evalPad(const Call& call) {
  const auto& mode = call.attributes().get<std::string>("mode");
  const Ints& pads = call.attributes().ints("pads");
  const Ints& in = call.in[0]->shape;
  const Ints strides = stridesOf(in);
  Output out(call.dtype, call.shape);
  if (out.count() == 0) return std::move(out).finish();
  // Per axis, the offset of the source of every position; -1: outside.
  std::vector<Ints> sources(in.size());
  for (size_t axis = 0; axis < in.size(); ++axis) {
    if (in[axis] == 0 && mode != "constant") {
      return userError(
          "axis " + std::to_string(axis) + " is empty and cannot be padded in mode '" + mode + "'",
          call.where());
    }
    for (int64_t i = 0; i < call.shape[axis]; ++i) {
      const int64_t source = padSource(mode, i - pads[axis], in[axis]);
      sources[axis].push_back(source < 0 ? -1 : source * strides[axis]);
    }
  }
  const Ints outStrides = stridesOf(call.shape);
  for (int64_t i = 0; i < out.count(); ++i) {
    int64_t from = 0;
    bool inside = true;
    for (size_t axis = 0; axis < in.size(); ++axis) {
      const int64_t position = i / outStrides[axis] % call.shape[axis];
      const int64_t source = sources[axis][static_cast<size_t>(position)];
      inside = inside && source >= 0;
      from += source;
    }
    copyElements(inside ? *call.in[0] : *call.in[1], inside ? from : 0, 1, 1, out, i);
  }
  return std::move(out).finish();
}

Tensor evalIota(const Call& call) {
  const auto axis = static_cast<size_t>(call.attributes().integer("axis"));
  const int64_t stride = stridesOf(call.shape)[axis];
  Output out(call.dtype, call.shape);
  withWide(call.dtype, [&](auto wide) {
    for (int64_t i = 0; i < out.count(); ++i) {
      const auto index = static_cast<decltype(wide)>(i / stride % call.shape[axis]);
      narrow(&index, 1, out, i);
    }
  });
  return std::move(out).finish();
}

}  // namespace quartet::reference
