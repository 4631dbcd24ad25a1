#include <algorithm>

#include "tests/operators/families.h"

namespace quartet::operators {

namespace {

constexpr Domain kPositive{0.25, 4};

void vectors(Draft& d, DType dtype, int64_t extent, int count) {
  for (int i = 0; i < count; ++i) d.operand({.dtype = dtype, .shape = Ints{extent}});
}

void epsilon(Draft& d) { d.maybe("epsilon", 1e-3F, 0.3); }

int64_t anyDivisor(Draft& d, int64_t of) {
  Ints divisors;
  for (int64_t i = 1; i <= of; ++i) {
    if (of % i == 0) divisors.push_back(i);
  }
  return d.random.pick(divisors);
}

}  // namespace

// Training gives the running moments too, since opset 14.
void batchNormalization(Draft& d) {
  const Operand x = d.operand({.types = d.types(), .minRank = 2, .empty = false});
  vectors(d, x.dtype, x.shape[1], 3);
  d.operand({.dtype = x.dtype, .shape = Ints{x.shape[1]}, .domain = kPositive});
  epsilon(d);
  if (d.opset < 7) d.set("is_test", int64_t{1});
  if (d.opset < 9) d.maybe("spatial", int64_t{1}, 0.3);
  d.maybe("momentum", 0.75F, 0.3);
  if (d.opset < 14 || d.chance(0.6)) return;
  d.set("training_mode", int64_t{1});
  d.outputs({true, true});
}

void instanceNormalization(Draft& d) {
  const Operand x = d.operand({.types = d.types(), .minRank = 3, .empty = false});
  vectors(d, x.dtype, x.shape[1], 2);
  epsilon(d);
}

namespace {

Operand lastAxes(Draft& d) {
  const Operand x = d.operand({.types = d.types(), .minRank = 1, .empty = false});
  const int64_t axis = d.anyAxis(x.rank());
  d.maybe("axis", d.writtenAxis(axis, x.rank()), axis == x.rank() - 1 ? 0.5 : 1);
  const Ints shape(x.shape.begin() + axis, x.shape.end());
  d.operand({.dtype = x.dtype, .shape = shape});
  epsilon(d);
  return {x.name, x.dtype, shape};
}

}  // namespace

void layerNormalization(Draft& d) {
  const Operand scale = lastAxes(d);
  if (d.chance(0.6)) d.operand({.dtype = scale.dtype, .shape = scale.shape});
  if (d.chance(0.3)) d.outputs({d.chance(0.5), true});
}

void rmsNormalization(Draft& d) { lastAxes(d); }

// Scale and bias are per group before opset 21, then per channel.
void groupNormalization(Draft& d) {
  const Operand x = d.operand({.types = d.types(), .minRank = 3, .empty = false});
  const int64_t groups = anyDivisor(d, x.shape[1]);
  d.set("num_groups", groups);
  vectors(d, x.dtype, d.opset >= 21 ? x.shape[1] : groups, 2);
  epsilon(d);
}

void lrn(Draft& d) {
  d.operand({.types = d.types(), .minRank = 3, .maxRank = 4, .empty = false});
  d.set("size", d.between(1, 5));
  d.maybe("alpha", 0.25F);
  d.maybe("beta", 0.5F);
  d.maybe("bias", 2.0F);
}

void lpNormalization(Draft& d) {
  const Operand x = d.operand({.types = d.types(), .minRank = 1, .empty = false});
  d.maybe("axis", d.writtenAxis(d.anyAxis(x.rank()), x.rank()));
  d.maybe("p", d.between(1, 2));
}

void meanVarianceNormalization(Draft& d) {
  const bool axes = d.chance(0.5);
  const Operand x = d.operand(
      {.types = d.types(), .minRank = axes ? 1 : 4, .maxRank = axes ? 5 : 4, .empty = false});
  if (axes) d.set("axes", Ints{d.writtenAxis(d.anyAxis(x.rank()), x.rank())});
}

namespace {

/// Scores [N, C, ...], a class for each, perhaps weights of the classes.
void loss(Draft& d, Domain domain) {
  const Operand scores =
      d.operand({.types = d.types(), .minRank = 2, .maxRank = 4, .empty = false, .domain = domain});
  Ints shape = scores.shape;
  const int64_t classes = shape[1];
  shape.erase(shape.begin() + 1);
  std::vector<double> targets(static_cast<size_t>(countOf(shape)));
  const bool ignores = d.chance(0.3);
  const int64_t ignored = d.chance(0.5) ? -1 : d.anyAxis(classes);
  for (double& target : targets) {
    target = static_cast<double>(ignores && d.chance(0.2) ? ignored : d.anyAxis(classes));
  }
  // A mean over nothing has no value.
  targets[0] = ignored == 0 && classes > 1 ? 1 : 0;
  if (ignores && (ignored != 0 || classes > 1)) d.set("ignore_index", ignored);
  for (double& target : targets) target = target < 0 && !ignores ? 0 : target;
  d.elements(d.chance(0.5) ? DType::I32 : DType::I64, shape, targets);
  d.maybe("reduction", d.random.pick<std::string>({"none", "sum", "mean"}), 0.7);
  if (d.chance(0.4))
    d.operand({.dtype = scores.dtype, .shape = Ints{classes}, .domain = kPositive});
}

}  // namespace

void negativeLogLikelihoodLoss(Draft& d) { loss(d, {-4, -0.125}); }

void softmaxCrossEntropyLoss(Draft& d) {
  loss(d, {-4, 4});
  if (d.chance(0.4)) d.outputs({true});
}

namespace {

/// Sizes of an attention.
struct Heads {
  int64_t batch, queries, keys;  // heads of each kind
  int64_t sequence, total;       // queries and keys, without those of before
  int64_t size, valueSize;       // of a head
  bool flat;                     // rank 3
  DType dtype;
};

Operand sequences(Draft& d, const Heads& h, int64_t heads, int64_t length, int64_t size) {
  const Ints shape =
      h.flat ? Ints{h.batch, length, heads * size} : Ints{h.batch, heads, length, size};
  return d.operand({.dtype = h.dtype, .shape = shape, .domain = Domain{-2, 2}});
}

/// Every query sees the first key: a softmax over nothing has no value.
void mask(Draft& d, DType dtype, const Ints& shape) {
  const double masked = d.random.uniform();
  if (masked < 0.3) {
    d.operand({.dtype = dtype, .shape = shape, .domain = Domain{-2, 2}});
  } else if (masked < 0.5) {
    std::vector<double> seen(static_cast<size_t>(countOf(shape)));
    for (size_t i = 0; i < seen.size(); ++i) {
      seen[i] = i % static_cast<size_t>(shape[1]) == 0 || d.chance(0.6) ? 1 : 0;
    }
    d.elements(DType::Bool, shape, seen);
  } else {
    d.leaveOut();
  }
}

}  // namespace

void attention(Draft& d) {
  Heads h{};
  h.flat = d.chance(0.5);
  h.dtype = d.chance(0.7) ? DType::F32 : d.anyDType(d.types());
  h.batch = d.between(1, 2);
  h.keys = d.between(1, 3);
  h.queries = h.keys * d.between(1, 2);
  h.sequence = d.between(1, 6);
  h.total = d.between(1, 6);
  h.size = d.random.pick<int64_t>({1, 4, 8, 7});
  h.valueSize = d.chance(0.7) ? h.size : 5;
  sequences(d, h, h.queries, h.sequence, h.size);
  sequences(d, h, h.keys, h.total, h.size);
  sequences(d, h, h.keys, h.total, h.valueSize);
  if (h.flat) {
    d.set("q_num_heads", h.queries);
    d.set("kv_num_heads", h.keys);
  }
  const bool past = d.chance(0.3);
  const int64_t before = past ? d.between(1, 3) : 0;
  mask(d, h.dtype, {h.sequence, h.total + before});
  if (past) {
    d.operand({.dtype = h.dtype, .shape = Ints{h.batch, h.keys, before, h.size}});
    d.operand({.dtype = h.dtype, .shape = Ints{h.batch, h.keys, before, h.valueSize}});
  } else if (d.opset >= 24 && d.chance(0.4)) {
    d.leaveOut();
    d.leaveOut();
    std::vector<double> lengths(static_cast<size_t>(h.batch));
    for (double& length : lengths) length = static_cast<double>(d.between(1, h.total));
    d.elements(DType::I64, {h.batch}, lengths);
  }
  const bool scores = d.chance(0.3);
  if (past || scores) d.outputs({past, past, scores});
  if (scores) d.maybe("qk_matmul_output_mode", d.between(0, 3));
  d.maybe("is_causal", int64_t{1}, 0.3);
  d.maybe("scale", 0.5F, 0.3);
  d.maybe("softcap", 2.0F, 0.3);
}

void rotaryEmbedding(Draft& d) {
  const int64_t batch = d.between(1, 2);
  const int64_t heads = d.between(1, 3);
  const int64_t length = d.between(1, 5);
  const int64_t half = d.between(1, 4);
  const int64_t size = 2 * half + (d.chance(0.3) ? 2 : 0);
  const bool flat = d.chance(0.4);
  const DType dtype = d.anyDType(d.types());
  d.operand({.dtype = dtype,
             .shape = flat ? Ints{batch, length, heads * size} : Ints{batch, heads, length, size}});
  if (flat) d.set("num_heads", heads);
  if (size != 2 * half) d.set("rotary_embedding_dim", 2 * half);
  d.maybe("interleaved", d.between(0, 1));
  const bool positions = d.chance(0.5);
  const int64_t rows = length + 3;
  const Ints cache = positions ? Ints{rows, half} : Ints{batch, length, half};
  for (int i = 0; i < 2; ++i) {
    d.operand({.dtype = dtype, .shape = cache, .domain = Domain{-1, 1}});
  }
  if (!positions) return;
  std::vector<double> indices(static_cast<size_t>(batch * length));
  for (double& index : indices) index = static_cast<double>(d.anyAxis(rows));
  d.elements(DType::I64, {batch, length}, indices);
}

}  // namespace quartet::operators
