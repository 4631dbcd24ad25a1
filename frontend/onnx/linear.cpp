#include <algorithm>

#include "frontend/onnx/builders.h"
#include "frontend/onnx/widen.h"

namespace quartet::frontend {

using ir::Dim;
using ir::Dims;
using ir::DType;
using ir::Ints;
using ir::Opcode;

namespace {

// One operand of a batched product: its axes of extent 1 that broadcast are reshaped away.
struct Operand {
  Tensor tensor;
  Ints labels;
};

// `labels` of the two last axes; batch axes have the labels 0, 1, ... of the result's batch axes.
Operand batchOperand(Emitter& e, const Tensor& x, const Dims& batch, const Ints& labels) {
  const int own = x.rank() - 2;
  const int offset = static_cast<int>(batch.size()) - own;
  Dims shape;
  Operand operand;
  for (int i = 0; i < own; ++i) {
    const Dim& extent = x.shape[static_cast<size_t>(i)];
    const Dim& common = batch[static_cast<size_t>(offset + i)];
    if (extent == Dim(1) && common != Dim(1)) continue;
    shape.push_back(extent);
    operand.labels.push_back(offset + i);
  }
  shape.insert(shape.end(), x.shape.end() - 2, x.shape.end());
  operand.labels.insert(operand.labels.end(), labels.begin(), labels.end());
  operand.tensor = e.reshape(x, shape);
  return operand;
}

// The two inputs of a product as matrices: a vector is a row on the left, a column on the right.
struct Factors {
  Tensor a;
  Tensor b;
  Dims batch;

  Dims resultShape() const {
    Dims shape = batch;
    shape.insert(shape.end(), {a.shape[a.shape.size() - 2], b.shape.back()});
    return shape;
  }
};

Result<Factors> factorsOf(const Context& c) {
  QT_CHECK(c.rankAtLeast(0, 1));
  QT_CHECK(c.rankAtLeast(1, 1));
  Factors factors{c.in(0), c.in(1), {}};
  Tensor& a = factors.a;
  Tensor& b = factors.b;
  if (a.rank() == 1) a = c.e.reshape(a, {Dim(1), a.shape[0]});
  if (b.rank() == 1) b = c.e.reshape(b, {b.shape[0], Dim(1)});
  const Dim& inner = b.shape[b.shape.size() - 2];
  if (a.shape.back() != inner) {
    return c.fail("shapes " + str(c.in(0).shape) + " and " + str(c.in(1).shape) +
                  " do not multiply: " + a.shape.back().str() + " against " + inner.str());
  }
  const auto batch = broadcastShapes(Dims(a.shape.begin(), a.shape.end() - 2),
                                     Dims(b.shape.begin(), b.shape.end() - 2));
  if (!batch) {
    return c.fail("batch axes of shapes " + str(a.shape) + " and " + str(b.shape) +
                  " do not broadcast to each other");
  }
  factors.batch = *batch;
  return factors;
}

// Summed in `dtype`; of resultShape.
Tensor product(Emitter& e, const Factors& factors, DType dtype) {
  const auto m = static_cast<int64_t>(factors.batch.size());
  const Operand left = batchOperand(e, factors.a, factors.batch, {m, m + 2});
  const Operand right = batchOperand(e, factors.b, factors.batch, {m + 2, m + 1});
  Ints out;
  for (int64_t i = 0; i < m; ++i) {
    const auto has = [i](const Ints& labels) {
      return std::find(labels.begin(), labels.end(), i) != labels.end();
    };
    if (has(left.labels) || has(right.labels)) out.push_back(i);
  }
  out.insert(out.end(), {m, m + 1});
  const Tensor sums = e.contract(left.tensor, left.labels, right.tensor, right.labels, out, dtype);
  return e.reshape(sums, factors.resultShape());
}

// The axes of vectors leave the result.
Tensor withoutVectors(const Context& c, const Factors& factors, const Tensor& y) {
  Dims shape = factors.batch;
  if (c.in(0).rank() > 1) shape.push_back(y.shape[y.shape.size() - 2]);
  if (c.in(1).rank() > 1) shape.push_back(y.shape.back());
  return c.e.reshape(y, shape);
}

// Input `i` as what is taken away from every element of input `of` of an integer product, in i32
// and broadcasting against the result; nothing where that is 0.
Result<std::optional<Tensor>> zeroPoint(const Context& c, int i, int of, const Dims& result) {
  if (!c.has(i) || uniformValue(c.in(i)) == 0) return std::optional<Tensor>{};
  QT_CHECK(c.sameDType({c.in(of), c.in(i)}));
  Tensor zero = c.e.cast(c.in(i), DType::I32);
  const bool perRow = of == 0 && zero.rank() == 1 && zero.shape[0] != Dim(1);
  if (perRow) zero = c.e.reshape(zero, {zero.shape[0], Dim(1)});
  if (broadcastShapes(zero.shape, result) != result) {
    return c.fail("zero point of shape " + str(c.in(i).shape) + " does not broadcast to " +
                  str(result));
  }
  return std::optional<Tensor>(zero);
}

}  // namespace

Status buildMatMul(Context& c) {
  QT_CHECK(c.sameDType({c.in(0), c.in(1)}));
  const Factors factors = QT_TRY(factorsOf(c));
  c.set(0, withoutVectors(c, factors, product(c.e, factors, c.in(0).dtype)));
  return {};
}

Status buildMatMulInteger(Context& c) {
  Emitter& e = c.e;
  QT_CHECK(c.bytes({0, 1}));
  const Factors factors = QT_TRY(factorsOf(c));
  const Dims shape = factors.resultShape();
  const auto zeroOfA = QT_TRY(zeroPoint(c, 2, 0, shape));
  const auto zeroOfB = QT_TRY(zeroPoint(c, 3, 1, shape));
  // The sum of (a - p) * (b - q) is that of a * b, less p times that of b, ...: the bytes stay
  // bytes.
  Tensor y = product(e, factors, DType::I32);
  const auto sums = [&](const Tensor& x, int axis) {
    return e.reduceKeep(Opcode::Add, e.cast(x, DType::I32), {axis});
  };
  if (zeroOfA) y = e.sub(y, e.mul(*zeroOfA, sums(factors.b, factors.b.rank() - 2)));
  if (zeroOfB) {
    Tensor ofA = sums(factors.a, factors.a.rank() - 1);
    if (zeroOfA) {
      ofA = e.sub(ofA, e.mul(*zeroOfA, e.extent(factors.a.shape.back(), DType::I32)));
    }
    y = e.sub(y, e.mul(*zeroOfB, ofA));
  }
  c.set(0, withoutVectors(c, factors, y));
  return {};
}

namespace {

Status gemm(Context& c) {
  Emitter& e = c.e;
  QT_CHECK(c.rankIs(0, 2));
  QT_CHECK(c.rankIs(1, 2));
  QT_CHECK(c.sameDType(c.allInputs()));
  const bool transA = c.integer("transA", 0) != 0;
  const bool transB = c.integer("transB", 0) != 0;
  const Tensor& a = c.in(0);
  const Tensor& b = c.in(1);
  QT_CHECK(c.agree(a.shape[transA ? 0 : 1], b.shape[transB ? 1 : 0], "inner extents of A and B"));
  Tensor y =
      e.contract(a, transA ? Ints{2, 0} : Ints{0, 2}, b, transB ? Ints{1, 2} : Ints{2, 1}, {0, 1});
  const double alpha = c.number("alpha", 1);
  const double beta = c.has(2) ? c.number("beta", 1) : 0;
  // A factor that no integer is: scaled as a float, and cut off as by Cast.
  const DType dtype = y.dtype;
  const bool whole = represents(dtype, alpha) && represents(dtype, beta);
  const DType computed = whole ? dtype : realType(dtype);
  y = e.mul(e.cast(y, computed), alpha);
  if (beta != 0) {
    if (broadcastShapes(y.shape, c.in(2).shape) != y.shape) {
      return c.fail("input C of shape " + str(c.in(2).shape) + " does not broadcast to " +
                    str(y.shape));
    }
    y = e.add(y, e.mul(e.cast(c.in(2), computed), beta));
  }
  c.set(0, e.cast(y, dtype));
  return {};
}

}  // namespace

// Before opset 7 an attribute `broadcast` allowed what later versions always do.
Status buildGemm(Context& c) {
  const bool scaled = c.number("alpha", 1) != 1;
  const bool added = c.has(2) && c.number("beta", 1) != 0;
  return scaled || added ? buildWidened(c, gemm) : gemm(c);
}

}  // namespace quartet::frontend
