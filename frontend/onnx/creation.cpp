#include <cmath>
#include <cstring>

#include "frontend/onnx/builders.h"
#include "frontend/onnx/element_type.h"

namespace quartet::frontend {

using ir::Dim;
using ir::Dims;
using ir::DType;
using ir::Opcode;

Status buildConstant(Context& c) {
  Emitter& e = c.e;
  if (c.hasAttribute("value")) {
    c.set(0, e.constant(QT_TRY(c.tensor("value"))));
  } else if (c.hasAttribute("value_float")) {
    c.set(0, e.number(DType::F32, c.number("value_float", 0)));
  } else if (c.hasAttribute("value_int")) {
    c.set(0, e.integer(DType::I64, c.integer("value_int", 0)));
  } else if (c.hasAttribute("value_ints")) {
    c.set(0, e.ints(c.integers("value_ints", {})));
  } else if (c.hasAttribute("value_floats")) {
    const auto wide = c.numbers("value_floats", {});
    const std::vector<float> values(wide.begin(), wide.end());
    const auto count = static_cast<int64_t>(values.size());
    c.set(0, e.constant(ir::makeConstant<float>(DType::F32, {count}, values)));
  } else if (c.hasAttribute("value_string") || c.hasAttribute("value_strings")) {
    return c.failUnsupported("strings are not supported");
  } else if (c.hasAttribute("sparse_value")) {
    return c.failUnsupported("sparse tensors are not supported");
  } else {
    return c.fail("attribute 'value' is missing");
  }
  return {};
}

namespace {

Status checkExtents(const Context& c, const Dims& shape) {
  for (const Dim& dim : shape) {
    if (dim.isConstant() && dim.value() < 0) {
      return c.fail("the shape " + str(shape) + " has a negative extent");
    }
  }
  return {};
}

}  // namespace

Status buildConstantOfShape(Context& c) {
  const Dims shape = QT_TRY(c.contents(0, "the shape of the result"));
  QT_CHECK(checkExtents(c, shape));
  Tensor value = c.e.number(DType::F32, 0);
  if (c.hasAttribute("value")) {
    value = c.e.constant(QT_TRY(c.tensor("value")));
    if (value.constant->elementCount() != 1) {
      return c.fail("attribute 'value' has shape " + str(value.shape) + ", required is [1]");
    }
    value = c.e.reshape(value, {});
  }
  c.set(0, c.e.broadcast(value, shape));
  return {};
}

namespace {

Tensor scaledIota(Emitter& e, const Dim& count, const Tensor& start, const Tensor& delta) {
  return e.add(e.mul(e.iota(start.dtype, {count}, 0), delta), start);
}

}  // namespace

Status buildRange(Context& c) {
  Emitter& e = c.e;
  QT_CHECK(c.sameDType(c.allInputs()));
  for (int i = 0; i < 3; ++i) {
    if (constantCount(c.in(i).shape) != 1) {
      return c.fail("input " + std::to_string(i) + " has shape " + str(c.in(i).shape) +
                    ", required is a scalar");
    }
  }
  const Tensor start = e.reshape(c.in(0), {});
  const Tensor delta = e.reshape(c.in(2), {});
  if (ir::isFloat(start.dtype)) {
    const double from = QT_TRY(c.numbers(0, "the start"))[0];
    const double to = QT_TRY(c.numbers(1, "the limit"))[0];
    const double by = QT_TRY(c.numbers(2, "the step"))[0];
    const double count = std::ceil((to - from) / by);
    if (!(count <= 1e12)) return c.fail("the range has no end");
    c.set(0, scaledIota(e, Dim(static_cast<int64_t>(std::max(count, 0.0))), start, delta));
    return {};
  }
  const Dim from = QT_TRY(c.contents(0, "the start"))[0];
  const Dim to = QT_TRY(c.contents(1, "the limit"))[0];
  const int64_t by = QT_TRY(c.integers(2, "the step"))[0];
  if (by == 0 || by == INT64_MIN) return c.fail("the step is " + std::to_string(by));
  Dim room;
  if (from.isConstant() && to.isConstant()) {
    int64_t distance = 0;
    const int64_t last = by > 0 ? to.value() : from.value();
    const int64_t first = by > 0 ? from.value() : to.value();
    if (__builtin_sub_overflow(last, first, &distance)) return c.fail("the range overflows");
    room = Dim(std::max<int64_t>(distance, 0));
  } else {
    room = by > 0 ? to - from : from - to;
    if (!nonNegative(room)) room = Dim::max(room, Dim(0));
  }
  const int64_t stride = std::abs(by);
  const Dim count = room.isConstant()
                        ? Dim(room.value() / stride + (room.value() % stride != 0 ? 1 : 0))
                        : Dim::ceilDiv(room, Dim(stride));
  const Tensor steps =
      by == 1 ? e.iota(start.dtype, {count}, 0) : e.mul(e.iota(start.dtype, {count}, 0), delta);
  c.set(0, uniformValue(start) == 0.0 ? steps : e.add(steps, start));
  return {};
}

Status buildOneHot(Context& c) {
  Emitter& e = c.e;
  const Tensor& values = c.in(2);
  if (values.rank() != 1 || values.shape[0] != Dim(2)) {
    return c.fail("values have shape " + str(values.shape) + ", required is [2]");
  }
  if (constantCount(c.in(1).shape) != 1) {
    return c.fail("the depth has shape " + str(c.in(1).shape) + ", required is a scalar");
  }
  Dim depth;
  if (ir::isFloat(c.in(1).dtype)) {
    const double number = QT_TRY(c.numbers(1, "the depth"))[0];
    if (!(number >= 0 && number < 1e12)) return c.fail("the depth is out of range");
    depth = Dim(static_cast<int64_t>(number));
  } else {
    depth = QT_TRY(c.contents(1, "the depth"))[0];
  }
  QT_CHECK(checkExtents(c, {depth}));
  const int rank = c.in(0).rank() + 1;
  const int axis = QT_TRY(c.axis(c.integer("axis", -1), rank));
  Dims shape = c.in(0).shape;
  shape.insert(shape.begin() + axis, Dim(1));
  // Negative indices count from the end.
  Tensor index = e.reshape(e.cast(c.in(0), DType::I64), shape);
  const Tensor below = e.scalar(Opcode::Lt, {index, e.integer(DType::I64, 0)});
  index = e.select(below, e.add(index, e.extent(depth, DType::I64)), index);
  const Tensor hit = e.scalar(Opcode::Eq, {index, e.indicesAlong(DType::I64, depth, axis, rank)});
  const Tensor off = e.reshape(e.sliceAxis(values, 0, 0, Dim(1)), {});
  const Tensor on = e.reshape(e.sliceAxis(values, 0, 1, Dim(1)), {});
  c.set(0, e.select(hit, on, off));
  return {};
}

Status buildTrilu(Context& c) {
  Emitter& e = c.e;
  QT_CHECK(c.rankAtLeast(0, 2));
  const Tensor& x = c.in(0);
  const bool upper = c.integer("upper", 1) != 0;
  Tensor k = e.integer(DType::I64, 0);
  if (c.has(1)) {
    QT_CHECK(c.sameDType({k, c.in(1)}));
    if (constantCount(c.in(1).shape) != 1) {
      return c.fail("k has shape " + str(c.in(1).shape) + ", required is a scalar");
    }
    k = e.reshape(c.in(1), {});
  }
  const size_t rank = x.shape.size();
  const Tensor rows = e.indicesAlong(DType::I64, x.shape[rank - 2], 0, 2);
  const Tensor columns = e.indicesAlong(DType::I64, x.shape[rank - 1], 1, 2);
  // Beyond all extents k makes no difference, but the sum could overflow.
  k = e.max(e.min(k, e.integer(DType::I64, kMaxElements)), e.integer(DType::I64, -kMaxElements));
  const Tensor diagonal = e.add(rows, k);
  const Tensor kept = e.scalar(upper ? Opcode::Ge : Opcode::Le, {columns, diagonal});
  c.set(0, e.select(kept, x, e.number(x.dtype, 0)));
  return {};
}

Status buildEyeLike(Context& c) {
  Emitter& e = c.e;
  QT_CHECK(c.rankIs(0, 2));
  const Tensor& x = c.in(0);
  DType dtype = x.dtype;
  if (c.hasAttribute("dtype")) {
    const int64_t given = c.integer("dtype", 0);
    const auto known = elementType(given);
    if (!known) {
      return c.failUnsupported("element type " + elementTypeName(given) + " is not supported");
    }
    dtype = *known;
  }
  const Tensor rows = e.indicesAlong(DType::I64, x.shape[0], 0, 2);
  const Tensor columns = e.indicesAlong(DType::I64, x.shape[1], 1, 2);
  const Tensor shifted = e.add(rows, e.integer(DType::I64, c.integer("k", 0)));
  c.set(0, e.cast(e.scalar(Opcode::Eq, {shifted, columns}), dtype));
  return {};
}

}  // namespace quartet::frontend
