// Scattered updates, running sums and the largest elements.
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

/// The attribute 'reduction' as what combines an element with an update; nothing: it is replaced.
Result<std::optional<Opcode>> combination(const Context& c) {
  const std::string name = c.text("reduction", "none");
  if (name == "none") return std::nullopt;
  if (name == "add") return Opcode::Add;
  if (name == "mul") return Opcode::Mul;
  if (name == "max") return Opcode::Max;
  if (name == "min") return Opcode::Min;
  return c.fail("reduction is '" + name + "', required is none, add, mul, max or min");
}

/// Emits a scatter of the updates (input 2) into the data; bool is combined as numbers, 16-bit
/// floats are rounded when all updates are in.
Status emitScatter(Context& c, Opcode opcode, ir::Attributes attributes) {
  const std::optional<Opcode> fn = QT_TRY(combination(c));
  if (fn) attributes.set("fn", *fn);
  const DType dtype = c.in(0).dtype;
  DType state = dtype;
  if (fn) state = dtype == DType::Bool ? DType::U8 : widenedType(dtype);
  const Tensor data = c.e.cast(c.in(0), state);
  const Tensor updates = c.e.cast(c.in(2), state);
  const Tensor result =
      c.e.op(opcode, {data, c.in(1), updates}, state, data.shape, std::move(attributes));
  c.set(0, c.e.cast(result, dtype));
  return {};
}

Status checkShape(const Context& c, const char* what, const Dims& found, const Dims& required) {
  bool fits = found.size() == required.size();
  for (size_t i = 0; fits && i < found.size(); ++i) {
    fits = (found[i] - required[i]).constant().value_or(0) == 0;
  }
  if (fits) return {};
  return c.fail(std::string(what) + " have the shape " + str(found) + ", required is " +
                str(required));
}

}  // namespace

Status buildScatterElements(Context& c) {
  const Tensor& data = c.in(0);
  const Tensor& indices = c.in(1);
  QT_CHECK(c.rankAtLeast(0, 1));
  QT_CHECK(c.rankIs(1, data.rank()));
  QT_CHECK(c.sameDType({data, c.in(2)}));
  QT_CHECK(checkIndices(c, indices));
  QT_CHECK(checkShape(c, "updates", c.in(2).shape, indices.shape));
  const int axis = QT_TRY(c.axis(c.integer("axis", 0), data.rank()));
  QT_CHECK(checkRange(c, indices, data.shape[static_cast<size_t>(axis)]));
  QT_CHECK(checkBesideAxis(c, indices, axis));
  return emitScatter(c, Opcode::ScatterElements, attributesOf({{"axis", int64_t{axis}}}));
}

Status buildScatterNd(Context& c) {
  const Tensor& data = c.in(0);
  const Tensor& indices = c.in(1);
  QT_CHECK(c.rankAtLeast(0, 1));
  QT_CHECK(c.rankAtLeast(1, 1));
  QT_CHECK(c.sameDType({data, c.in(2)}));
  QT_CHECK(checkIndices(c, indices));
  const Dim& last = indices.shape.back();
  if (!last.isConstant()) return c.failUnsupported("the last extent of the indices is open");
  if (last.value() > data.rank()) {
    return c.fail("indices of shape " + str(indices.shape) + " do not fit data of shape " +
                  str(data.shape));
  }
  Dims required(indices.shape.begin(), indices.shape.end() - 1);
  required.insert(required.end(), data.shape.begin() + last.value(), data.shape.end());
  QT_CHECK(checkShape(c, "updates", c.in(2).shape, required));
  return emitScatter(c, Opcode::ScatterNd, {});
}

namespace {

Status running(Context& c, Opcode fn) {
  const Tensor& x = c.in(0);
  const auto given = QT_TRY(c.integers(1, "the axis"));
  if (given.size() != 1) return c.fail("the axis must be one number");
  const int64_t axis = QT_TRY(c.axis(given[0], x.rank()));
  const int64_t exclusive = c.integer("exclusive", 0) != 0 ? 1 : 0;
  const int64_t reverse = c.integer("reverse", 0) != 0 ? 1 : 0;
  c.set(0,
        c.e.op(Opcode::Scan, {x}, x.dtype, x.shape,
               attributesOf(
                   {{"fn", fn}, {"axis", axis}, {"exclusive", exclusive}, {"reverse", reverse}})));
  return {};
}

}  // namespace

Status buildCumSum(Context& c) { return running(c, Opcode::Add); }
Status buildCumProd(Context& c) { return running(c, Opcode::Mul); }

/// The first lengths[b] elements of sequence b in reverse order, the others as they are.
Status buildReverseSequence(Context& c) {
  Emitter& e = c.e;
  const Tensor& x = c.in(0);
  QT_CHECK(c.rankAtLeast(0, 2));
  QT_CHECK(c.rankIs(1, 1));
  const int time = QT_TRY(c.axis(c.integer("time_axis", 0), x.rank()));
  const int batch = QT_TRY(c.axis(c.integer("batch_axis", 1), x.rank()));
  if (time == batch) return c.fail("'time_axis' and 'batch_axis' are one axis");
  const Dim& sequences = x.shape[static_cast<size_t>(batch)];
  QT_CHECK(c.agree(c.in(1).shape[0], sequences, "the number of lengths and the batch's extent"));
  Dims perSequence(static_cast<size_t>(x.rank()), Dim(1));
  perSequence[static_cast<size_t>(batch)] = sequences;
  const Tensor lengths = e.reshape(e.cast(c.in(1), DType::I64), perSequence);
  const Tensor at = e.indicesAlong(DType::I64, x.shape[static_cast<size_t>(time)], time, x.rank());
  const Tensor mirrored = e.sub(e.sub(lengths, 1), at);
  const Tensor from = e.select(e.scalar(Opcode::Lt, {at, lengths}), mirrored, at);
  c.set(0, e.op(Opcode::GatherElements, {x, e.broadcast(from, x.shape)}, x.dtype, x.shape,
                attributesOf({{"axis", int64_t{time}}})));
  return {};
}

namespace {

/// The first `k` of all elements along `axis` in order, and where they were.
Status topK(Context& c, const Dim& k, bool largest) {
  Emitter& e = c.e;
  const Tensor& x = c.in(0);
  QT_CHECK(c.rankAtLeast(0, 1));
  const int axis = QT_TRY(c.axis(c.integer("axis", -1), x.rank()));
  const Dim& extent = x.shape[static_cast<size_t>(axis)];
  const int last = x.rank() - 1;
  const auto room = (extent - k).constant();
  if (k.constant().value_or(0) < 0 || (room && *room < 0)) {
    return c.fail("k is " + k.str() + ", required is 0 to " + extent.str() +
                  ", the extent of axis " + std::to_string(axis));
  }
  Ints perm(static_cast<size_t>(x.rank()));
  for (int i = 0; i <= last; ++i) perm[static_cast<size_t>(i)] = i;
  std::swap(perm[static_cast<size_t>(axis)], perm.back());  // its own inverse
  const Tensor lines = e.transpose(x, perm);
  const Tensor order = e.op(Opcode::Argsort, {lines}, DType::I32, lines.shape,
                            attributesOf({{"descending", int64_t{largest ? 1 : 0}}}));
  const Tensor first = e.sliceAxis(order, last, 0, k);
  const Tensor values = e.op(Opcode::GatherElements, {lines, first}, x.dtype, first.shape,
                             attributesOf({{"axis", int64_t{last}}}));
  c.set(0, e.transpose(values, perm));
  if (c.wants(1)) c.set(1, e.transpose(e.cast(first, DType::I64), perm));
  return {};
}

}  // namespace

Status buildTopKAttribute(Context& c) {
  QT_CHECK(c.require("k"));
  return topK(c, Dim(c.integer("k", 0)), true);
}

Status buildTopK(Context& c) {
  const Dims k = QT_TRY(c.contents(1, "k"));
  if (k.size() != 1) return c.fail("k must be one number");
  return topK(c, k[0], c.integer("largest", 1) != 0);
}

}  // namespace quartet::frontend
