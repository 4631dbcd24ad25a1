// Contractions and convolutions: sums of products.

#include <algorithm>
#include <map>
#include <utility>

#include "ir/express_parts.h"

namespace quartet::ir::express_parts {
namespace {

// The product of two loads, in the dtype in which it is summed.
Expr product(const Type& result, const Expr& a, const Expr& b) {
  const DType dtype = accumulator(result.dtype);
  return Expr::apply(Opcode::Mul, {Expr::cast(a, dtype), Expr::cast(b, dtype)});
}

// Strides, dilations and pads of a spatial axis; `axis` counts from 0 behind batch and channel.
struct SpatialAttributes {
  explicit SpatialAttributes(const Attributes& attributes)
      : strides(attributes.ints("strides")),
        dilations(attributes.ints("dilations")),
        pads(attributes.ints("pads")) {}

  Sliding sliding(size_t axis) const {
    Sliding result;
    result.stride = strides[axis];
    result.dilation = dilations[axis];
    result.padBegin = pads[axis];
    result.padEnd = pads[axis + strides.size()];
    return result;
  }

  const Ints& strides;
  const Ints& dilations;
  const Ints& pads;
};

// Channel `inner` of the group that channel `outer` (there are `perGroup` in a group) belongs to,
// when each group has `innerPerGroup` inner channels.
Expr channelOf(int64_t group, const Expr& outer, const Dim& perGroup, const Expr& inner,
               const Dim& innerPerGroup) {
  if (group == 1) return inner;
  const Expr index =
      perGroup == Dim(1) ? outer : Expr::apply(Opcode::FloorDiv, {outer, extentOf(perGroup)});
  const Expr first = index * extentOf(innerPerGroup);
  return innerPerGroup == Dim(1) ? first : first + inner;
}

Dim perGroup(const Dim& channels, int64_t group) {
  return group == 1 ? channels : Dim::floorDiv(channels, Dim(group));
}

}  // namespace

Result<TensorExpr> contract(const Primitive& p) {
  const Ints& lhs = p.op.attributes.ints("lhs");
  const Ints& rhs = p.op.attributes.ints("rhs");
  const Ints& out = p.op.attributes.ints("out");
  std::map<int64_t, Expr> axisOf;
  for (const int64_t label : out) {
    axisOf.emplace(label, Expr::axis(static_cast<int>(axisOf.size())));
  }
  std::vector<Dim> reduction;
  const auto load = [&](int input, const Ints& labels) {
    const Type& type = p.operand(input);
    std::vector<Expr> indices;
    for (size_t i = 0; i < labels.size(); ++i) {
      const auto [axis, isNew] =
          axisOf.try_emplace(labels[i], Expr::axis(static_cast<int>(axisOf.size())));
      if (isNew) reduction.push_back(type.shape[i]);
      indices.push_back(axis->second);
    }
    return Expr::load(input, type.dtype, std::move(indices));
  };
  const Expr a = load(0, lhs);
  const Expr b = load(1, rhs);
  return reduceOf(p.result(), std::move(reduction), Opcode::Add, product(p.result(), a, b));
}

Result<TensorExpr> conv(const Primitive& p) {
  const Type& x = p.operand(0);
  const Type& w = p.operand(1);
  const std::vector<Dim>& out = p.result().shape;
  const int64_t group = p.op.attributes.integer("group");
  const SpatialAttributes spatial(p.op.attributes);
  const int rank = static_cast<int>(out.size());

  std::vector<Dim> reduction(w.shape.begin() + 1, w.shape.end());
  const Expr channel = Expr::axis(rank);
  std::vector<Expr> at = {
      Expr::axis(0), channelOf(group, Expr::axis(1), perGroup(out[1], group), channel, w.shape[1])};
  std::vector<Expr> weightAt = {Expr::axis(1), channel};
  Expr guard;
  for (size_t i = 2; i < out.size(); ++i) {
    Sliding sliding = spatial.sliding(i - 2);
    sliding.in = x.shape[i];
    sliding.kernel = w.shape[i];
    sliding.out = out[i];
    const Expr k = Expr::axis(rank + static_cast<int>(i) - 1);
    at.push_back(sliding.position(Expr::axis(static_cast<int>(i)), k));
    guard = both(guard, sliding.inside(at.back()));
    weightAt.push_back(k);
  }
  const Expr a = loadWhere(0, x.dtype, std::move(at), guard, zero(x.dtype));
  const Expr b = Expr::load(1, w.dtype, std::move(weightAt));
  return reduceOf(p.result(), std::move(reduction), Opcode::Add, product(p.result(), a, b));
}

namespace {

// Where a transposed convolution reads: the input i of `o = stride*i + dilation*k - padBegin`.
struct Source {
  Expr index;
  Expr guard;  // invalid when every (o, k) has a source
};

Source sourceOf(const Sliding& s, const Expr& o, const Expr& k) {
  const Expr shifted = o + Expr::index(s.padBegin) - k * Expr::index(s.dilation);
  Source source{shifted, {}};
  const auto require = [&source](Opcode op, const Expr& a, const Expr& b) {
    source.guard = both(source.guard, Expr::apply(op, {a, b}));
  };
  const std::optional<int64_t> in = s.in.constant();
  const std::optional<int64_t> kernel = s.kernel.constant();
  const std::optional<int64_t> out = s.out.constant();
  if (!kernel || s.padBegin < s.dilation * (*kernel - 1)) {
    require(Opcode::Ge, shifted, Expr::index(0));
  }
  if (s.stride > 1) {
    const Expr stride = Expr::index(s.stride);
    require(Opcode::Eq, Expr::apply(Opcode::Mod, {shifted, stride}), Expr::index(0));
    source.index = Expr::apply(Opcode::FloorDiv, {shifted, stride});
  }
  if (!in || !out || *out - 1 + s.padBegin > s.stride * (*in - 1)) {
    require(Opcode::Lt, source.index, extentOf(s.in));
  }
  return source;
}

}  // namespace

Result<TensorExpr> convTranspose(const Primitive& p) {
  const Type& x = p.operand(0);
  const Type& w = p.operand(1);
  const std::vector<Dim>& out = p.result().shape;
  const int64_t group = p.op.attributes.integer("group");
  const SpatialAttributes spatial(p.op.attributes);
  const int rank = static_cast<int>(out.size());

  const Dim inputsPerGroup = perGroup(w.shape[0], group);
  const Dim& outputsPerGroup = w.shape[1];
  std::vector<Dim> reduction = {inputsPerGroup};
  reduction.insert(reduction.end(), w.shape.begin() + 2, w.shape.end());
  const Expr out1 = Expr::axis(1);
  const Expr channel = channelOf(group, out1, outputsPerGroup, Expr::axis(rank), inputsPerGroup);
  Expr weightChannel = out1;
  if (outputsPerGroup == Dim(1)) {
    weightChannel = Expr::index(0);
  } else if (group > 1) {
    weightChannel = Expr::apply(Opcode::Mod, {out1, extentOf(outputsPerGroup)});
  }
  std::vector<Expr> at = {Expr::axis(0), channel};
  std::vector<Expr> weightAt = {channel, weightChannel};
  Expr guard;
  for (size_t i = 2; i < out.size(); ++i) {
    Sliding sliding = spatial.sliding(i - 2);
    sliding.in = x.shape[i];
    sliding.kernel = w.shape[i];
    sliding.out = out[i];
    const Expr k = Expr::axis(rank + static_cast<int>(i) - 1);
    const Source source = sourceOf(sliding, Expr::axis(static_cast<int>(i)), k);
    at.push_back(source.index);
    guard = both(guard, source.guard);
    weightAt.push_back(k);
  }
  const Expr a = loadWhere(0, x.dtype, std::move(at), guard, zero(x.dtype));
  const Expr b = Expr::load(1, w.dtype, std::move(weightAt));
  return reduceOf(p.result(), std::move(reduction), Opcode::Add, product(p.result(), a, b));
}

}  // namespace quartet::ir::express_parts
