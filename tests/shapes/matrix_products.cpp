#include "tests/shapes/families.h"

namespace quartet::shapes {

namespace {

constexpr int64_t kMostExtent = 4099;
constexpr int64_t kMostBatch = 7;

struct Extents {
  Ints batch;
  int64_t rows;
  int64_t columns;
  int64_t inner;
};

Extents anyExtents(Builder& b, int64_t batchRank) {
  Ints most(static_cast<size_t>(batchRank), kMostBatch);
  most.insert(most.end(), 3, kMostExtent);
  const Ints drawn = oddExtents(b.random, most, b.work);
  const auto batch = drawn.begin() + batchRank;
  return {{drawn.begin(), batch}, batch[0], batch[1], batch[2]};
}

/// Batches that broadcast to `batch`: some extents 1, some of the first left out.
Ints narrower(Builder& b, const Ints& batch) {
  Ints own(batch.begin() + b.random.below(static_cast<int64_t>(batch.size()) + 1), batch.end());
  for (int64_t& extent : own) extent = b.chance(0.4) ? 1 : extent;
  return own;
}

/// Where the two operands come from: one of them is an input.
std::pair<Origin, Origin> anyOrigins(Builder& b) {
  const double which = b.random.uniform();
  return {which < 0.15 ? Origin::Initializer : Origin::Input,
          which > 0.5 ? Origin::Initializer : Origin::Input};
}

Case matMul(Builder& b) {
  const Extents e = anyExtents(b, b.random.pick<int64_t>({0, 0, 0, 1, 1, 2}));
  Ints left = e.batch;
  Ints right = e.batch;
  if (b.chance(0.4)) (b.chance(0.5) ? left : right) = narrower(b, e.batch);
  // Vectors: no row of the left or column of the right operand.
  const bool noRow = left.empty() && b.chance(0.1);
  const bool noColumn = right.empty() && !noRow && b.chance(0.1);
  if (!noRow) left.push_back(e.rows);
  left.push_back(e.inner);
  right.push_back(e.inner);
  if (!noColumn) right.push_back(e.columns);
  const auto [a, w] = anyOrigins(b);
  b.operand(left, a);
  b.operand(right, w);
  return b.finish("MatMul", 13, b.sum(e.inner, 0));
}

Case gemm(Builder& b) {
  const Extents e = anyExtents(b, 0);
  const int64_t transA = b.between(0, 1);
  const int64_t transB = b.between(0, 1);
  const auto [a, w] = anyOrigins(b);
  b.operand(transA == 1 ? Ints{e.inner, e.rows} : Ints{e.rows, e.inner}, a);
  b.operand(transB == 1 ? Ints{e.columns, e.inner} : Ints{e.inner, e.columns}, w);
  const bool bias = b.chance(0.7);
  if (bias) {
    const std::vector<Ints> shapes = {
        {e.columns}, {1, e.columns}, {e.rows, 1}, {e.rows, e.columns}, {1}};
    b.operand(b.random.pick(shapes), b.chance(0.7) ? Origin::Initializer : Origin::Input);
  }
  b.attribute("transA", transA);
  b.attribute("transB", transB);
  // Whole, so that integers stay integers.
  b.maybe("alpha", static_cast<float>(b.between(1, 3)));
  b.maybe("beta", static_cast<float>(b.between(1, 3)));
  constexpr int64_t kFactorsAndBias = 4;
  return b.finish("Gemm", 13, b.sum(e.inner, kFactorsAndBias));
}

/// A zero point of the operand of `dtype`, or none: one for all of it, or one for each of `count`.
void zeroPoint(Builder& b, DType dtype, int64_t count) {
  const double which = b.random.uniform();
  if (which < 0.4) return b.none();
  b.dtype = dtype;
  b.operand(which < 0.7 ? Ints{} : Ints{count},
            b.chance(0.5) ? Origin::Initializer : Origin::Input);
}

Case matMulInteger(Builder& b) {
  const Extents e = anyExtents(b, b.random.pick<int64_t>({0, 0, 0, 1}));
  const auto type = [&] { return b.chance(0.5) ? DType::U8 : DType::I8; };
  const DType left = type();
  const DType right = type();
  const bool matrices = e.batch.empty();
  Ints shape = e.batch;
  shape.insert(shape.end(), {e.rows, e.inner});
  const auto [a, w] = anyOrigins(b);
  b.dtype = left;
  b.operand(shape, a);
  shape = matrices || b.chance(0.5) ? Ints{} : e.batch;
  shape.insert(shape.end(), {e.inner, e.columns});
  b.dtype = right;
  b.operand(shape, w);
  zeroPoint(b, left, matrices ? e.rows : 1);
  zeroPoint(b, right, e.columns);
  return b.finish("MatMulInteger", 10, {});
}

}  // namespace

Case matrixProduct(Builder& b) {
  if (b.chance(0.15)) return matMulInteger(b);
  b.pickDType({DType::F16, DType::F16, DType::I32});
  return b.chance(0.65) ? matMul(b) : gemm(b);
}

}  // namespace quartet::shapes
