// Attention and what stands around it in transformers.
#include <cmath>
#include <limits>

#include "frontend/onnx/builders.h"
#include "frontend/onnx/element_type.h"
#include "frontend/onnx/widen.h"

namespace quartet::frontend {

using ir::Dim;
using ir::Dims;
using ir::DType;
using ir::Opcode;

namespace {

/// [batch, sequence, heads x size] as [batch, heads, sequence, size]; rank 4 stays.
Result<Tensor> headsFirst(Context& c, const Tensor& x, std::string_view heads) {
  if (x.rank() == 4) return x;
  if (x.rank() != 3) {
    return c.fail("an input has shape " + str(x.shape) + ", required is rank 3 or 4");
  }
  const int64_t count = c.integer(heads, 0);
  const auto hidden = x.shape[2].constant();
  if (count < 1 || !hidden || *hidden % count != 0) {
    return c.fail("'" + std::string(heads) + "' is " + std::to_string(count) +
                  ", required is a divisor of the hidden size " + x.shape[2].str());
  }
  const Tensor split = c.e.reshape(x, {x.shape[0], x.shape[1], Dim(count), Dim(*hidden / count)});
  return c.e.transpose(split, {0, 2, 1, 3});
}

/// Every head `times` times, one after the other.
Tensor repeatHeads(Emitter& e, const Tensor& x, int64_t times) {
  if (times == 1) return x;
  const Dims& s = x.shape;
  const Tensor single = e.reshape(x, {s[0], s[1], Dim(1), s[2], s[3]});
  const Tensor all = e.broadcast(single, {s[0], s[1], Dim(times), s[2], s[3]});
  return e.reshape(all, {s[0], s[1] * Dim(times), s[2], s[3]});
}

constexpr double kMasked = -std::numeric_limits<double>::infinity();

/// The mask (input 3) as something to add to the scores, as long as the keys are: what it does not
/// reach is masked.
Result<Tensor> givenMask(Context& c, const Dims& scores, DType dtype) {
  Emitter& e = c.e;
  const Dim& keys = scores.back();
  Tensor mask = c.in(3);
  if (mask.rank() < 1 || mask.rank() > 4) return c.fail("the mask has shape " + str(mask.shape));
  if (mask.dtype == DType::Bool) {
    mask = e.select(mask, e.number(dtype, 0), e.number(dtype, kMasked));
  }
  const auto missing = (keys - mask.shape.back()).constant();
  if (missing && *missing > 0) {
    const ir::Ints none(static_cast<size_t>(mask.rank()), 0);
    ir::Ints end = none;
    end.back() = *missing;
    mask = e.pad(mask, e.number(dtype, kMasked), "constant", none, end);
  }
  if (mask.dtype != dtype || broadcastShapes(scores, mask.shape) != scores) {
    return c.fail("the mask is " + std::string(ir::name(mask.dtype)) + str(c.in(3).shape) +
                  ", required is bool or " + std::string(ir::name(dtype)) +
                  " that broadcasts to the scores " + str(scores));
  }
  return mask;
}

/// 0 where `allowed`, otherwise minus infinity.
Tensor maskWhere(Emitter& e, const Tensor& allowed, DType dtype) {
  return e.select(allowed, e.number(dtype, 0), e.number(dtype, kMasked));
}

struct Heads {
  Tensor q, k, v;  // [batch, heads, sequence, size]
  Dim past = 0;    // how many keys come from before
};

/// Everything that is added to the scores [batch, heads, queries, keys]; nothing: no mask.
Result<std::optional<Tensor>> biasOf(Context& c, const Heads& h) {
  Emitter& e = c.e;
  const DType dtype = h.q.dtype;
  const Dim& keys = h.k.shape[2];
  const Dims scores{h.q.shape[0], h.q.shape[1], h.q.shape[2], keys};
  std::optional<Tensor> bias;
  const auto join = [&](const Tensor& more) { bias = bias ? e.add(*bias, more) : more; };
  if (c.has(3)) {
    const Tensor mask = QT_TRY(givenMask(c, scores, dtype));
    join(mask);
  }
  if (c.integer("is_causal", 0) != 0) {
    const Tensor query = e.indicesAlong(DType::I64, h.q.shape[2], 0, 2);
    const Tensor key = e.indicesAlong(DType::I64, keys, 1, 2);
    const Tensor last = e.add(query, e.extent(h.past, DType::I64));
    join(maskWhere(e, e.scalar(Opcode::Le, {key, last}), dtype));
  }
  if (c.has(6)) {  // how many keys of each batch are no padding
    QT_CHECK(checkIndices(c, c.in(6)));
    QT_CHECK(c.rankIs(6, 1));
    QT_CHECK(c.agree(c.in(6).shape[0], h.q.shape[0], "the number of lengths and the batch"));
    const Tensor length = e.reshape(c.in(6), {h.q.shape[0], Dim(1), Dim(1), Dim(1)});
    const Tensor key = e.indicesAlong(c.in(6).dtype, keys, 3, 4);
    join(maskWhere(e, e.scalar(Opcode::Lt, {key, length}), dtype));
  }
  return bias;
}

Tensor softmaxLast(Emitter& e, const Tensor& x) {
  const std::vector<int> axis{x.rank() - 1};
  const Tensor powers = e.unary(Opcode::Exp, e.sub(x, e.reduceKeep(Opcode::Max, x, axis)));
  return e.div(powers, e.reduceKeep(Opcode::Add, powers, axis));
}

/// Batches, heads, sequences and sizes fit each other.
Status checkHeads(const Context& c, const Heads& h) {
  const Dims& q = h.q.shape;
  const Dims& k = h.k.shape;
  const Dims& v = h.v.shape;
  QT_CHECK(c.sameDType({h.q, h.k, h.v}));
  QT_CHECK(c.agree(q[0], k[0], "batches of queries and keys"));
  QT_CHECK(c.agree(k[0], v[0], "batches of keys and values"));
  QT_CHECK(c.agree(k[1], v[1], "heads of keys and values"));
  QT_CHECK(c.agree(k[2], v[2], "sequences of keys and values"));
  return c.agree(q[3], k[3], "sizes of the heads of queries and keys");
}

/// past_key or past_value (input `i`) goes on with `now`.
Status checkPast(const Context& c, int i, const Tensor& now) {
  const Tensor& past = c.in(i);
  QT_CHECK(c.rankIs(i, 4));
  QT_CHECK(c.sameDType({past, now}));
  for (const size_t axis : {0, 1, 3}) {
    QT_CHECK(c.agree(past.shape[axis], now.shape[axis],
                     "axis " + std::to_string(axis) + " of what was before and is now"));
  }
  return {};
}

Result<Heads> headsOf(Context& c) {
  Heads h;
  h.q = QT_TRY(headsFirst(c, c.in(0), "q_num_heads"));
  h.k = QT_TRY(headsFirst(c, c.in(1), "kv_num_heads"));
  h.v = QT_TRY(headsFirst(c, c.in(2), "kv_num_heads"));
  if (c.has(4) != c.has(5))
    return c.fail("past_key and past_value are given together or not at all");
  QT_CHECK(checkHeads(c, h));
  if (c.has(4)) {
    QT_CHECK(checkPast(c, 4, h.k));
    QT_CHECK(checkPast(c, 5, h.v));
    QT_CHECK(c.agree(c.in(4).shape[2], c.in(5).shape[2], "sequences of past_key and past_value"));
    h.past = c.in(4).shape[2];
    h.k = c.e.concat({c.in(4), h.k}, 2);
    h.v = c.e.concat({c.in(5), h.v}, 2);
  }
  return h;
}

/// With 16-bit floats widened.
Status attention(Context& c) {
  Emitter& e = c.e;
  Heads h = QT_TRY(headsOf(c));
  const DType dtype = h.q.dtype;
  if (c.wants(1)) c.set(1, h.k);
  if (c.wants(2)) c.set(2, h.v);
  const auto queries = h.q.shape[1].constant();
  const auto keys = h.k.shape[1].constant();
  const auto size = h.q.shape[3].constant();
  if (!queries || !keys || !size)
    return c.failUnsupported("the number of heads or their size is open");
  if (*keys < 1 || *queries % *keys != 0) {
    return c.fail(std::to_string(*queries) + " query heads are no multiple of " +
                  std::to_string(*keys) + " key heads");
  }
  h.k = repeatHeads(e, h.k, *queries / *keys);
  h.v = repeatHeads(e, h.v, *queries / *keys);
  // Half of the scale on either side, so that narrow floats do not overflow.
  const double scale = c.number("scale", 1 / std::sqrt(static_cast<double>(*size)));
  const Tensor q = e.mul(h.q, std::sqrt(scale));
  const Tensor k = e.mul(h.k, std::sqrt(scale));
  Tensor scores = e.contract(q, {0, 1, 2, 4}, k, {0, 1, 3, 4}, {0, 1, 2, 3});
  const int64_t mode = c.integer("qk_matmul_output_mode", 0);
  if (c.wants(3) && mode == 0) c.set(3, scores);
  if (const double cap = c.number("softcap", 0); cap > 0) {
    scores = e.mul(e.unary(Opcode::Tanh, e.div(scores, cap)), cap);
  }
  if (c.wants(3) && mode == 1) c.set(3, scores);
  const std::optional<Tensor> bias = QT_TRY(biasOf(c, h));
  if (bias) scores = e.add(scores, *bias);
  if (c.wants(3) && mode == 2) c.set(3, scores);
  DType precision = dtype;
  if (c.hasAttribute("softmax_precision")) {
    const int64_t type = c.integer("softmax_precision", 1);
    const auto known = elementType(type);
    if (!known || !ir::isFloat(*known)) {
      return c.failUnsupported("a softmax in " + elementTypeName(type));
    }
    precision = widenedType(*known);
  }
  const Tensor weights = e.cast(softmaxLast(e, e.cast(scores, precision)), dtype);
  if (c.wants(3) && mode == 3) c.set(3, weights);
  const Tensor y = e.contract(weights, {0, 1, 2, 3}, h.v, {0, 1, 3, 4}, {0, 1, 2, 4});
  if (c.in(0).rank() == 4) {
    c.set(0, y);
    return {};
  }
  const Tensor sequenceFirst = e.transpose(y, {0, 2, 1, 3});
  const Dims& s = sequenceFirst.shape;
  c.set(0, e.reshape(sequenceFirst, {s[0], s[1], s[2] * s[3]}));
  return {};
}

}  // namespace

// The mask has a type of its own.
Status buildAttention(Context& c) {
  QT_CHECK(c.sameDType({c.in(0), c.in(1), c.in(2)}));
  for (const int past : {4, 5}) {
    if (c.has(past)) QT_CHECK(c.sameDType({c.in(0), c.in(past)}));
  }
  const auto outputs = QT_TRY(widenedOutputs(c, attention));
  for (const auto& [i, output] : outputs) c.set(i, c.e.cast(output, c.in(0).dtype));
  return {};
}

namespace {

/// The cache's row for every position: [batch, 1, sequence, half], for x: [batch, heads, sequence,
/// size].
Result<Tensor> rotationOf(Context& c, int input, const Tensor& x, const Dim& half) {
  Emitter& e = c.e;
  Tensor rows = c.in(input);
  QT_CHECK(c.sameDType({x, rows}));
  QT_CHECK(c.rankIs(input, c.has(3) ? 2 : 3));
  QT_CHECK(c.agree(rows.shape.back(), half, "the cache's extent and half a rotation"));
  if (c.has(3)) {
    QT_CHECK(c.rankIs(3, 2));
    QT_CHECK(checkIndices(c, c.in(3)));
    QT_CHECK(checkRange(c, c.in(3), rows.shape[0]));
    rows = e.gather(rows, c.in(3), 0);
  }
  QT_CHECK(c.agree(rows.shape[0], x.shape[0], "batches of the rotations and of the input"));
  QT_CHECK(c.agree(rows.shape[1], x.shape[2], "sequences of the rotations and of the input"));
  return e.reshape(rows, {rows.shape[0], Dim(1), rows.shape[1], rows.shape[2]});
}

}  // namespace

/// Pairs of elements turned by the angles of their position: halves of a head, or neighbours.
Status buildRotaryEmbedding(Context& c) {
  Emitter& e = c.e;
  const Tensor x = QT_TRY(headsFirst(c, c.in(0), "num_heads"));
  const auto size = x.shape[3].constant();
  if (!size) return c.failUnsupported("the size of a head is open", "pin it with --shape");
  const int64_t given = c.integer("rotary_embedding_dim", 0);
  const int64_t turned = given == 0 ? *size : given;
  if (turned < 2 || turned % 2 != 0 || turned > *size) {
    return c.fail("'rotary_embedding_dim' is " + std::to_string(turned) +
                  ", required is an even number up to the head's size " + std::to_string(*size));
  }
  const Dim half(turned / 2);
  const Tensor cosine = QT_TRY(rotationOf(c, 1, x, half));
  const Tensor sine = QT_TRY(rotationOf(c, 2, x, half));
  const bool interleaved = c.integer("interleaved", 0) != 0;
  const int64_t step = interleaved ? 2 : 1;
  const Tensor a = e.sliceAxis(x, 3, 0, half, step);
  const Tensor b = e.sliceAxis(x, 3, interleaved ? 1 : turned / 2, half, step);
  Tensor real = e.sub(e.mul(cosine, a), e.mul(sine, b));
  Tensor imaginary = e.add(e.mul(sine, a), e.mul(cosine, b));
  Dims shape = real.shape;
  if (interleaved) {
    shape.emplace_back(1);
    real = e.reshape(real, shape);
    imaginary = e.reshape(imaginary, shape);
    shape.pop_back();
  }
  shape[3] = Dim(turned);
  Tensor y = e.reshape(e.concat({real, imaginary}, interleaved ? 4 : 3), shape);
  if (turned < *size) {
    y = e.concat({y, e.sliceAxis(x, 3, turned, Dim(*size - turned))}, 3);
  }
  if (c.in(0).rank() == 3) y = e.reshape(e.transpose(y, {0, 2, 1, 3}), c.in(0).shape);
  c.set(0, y);
  return {};
}

}  // namespace quartet::frontend
