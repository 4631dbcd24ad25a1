// Contractions and convolutions against plain loops.

#include <algorithm>
#include <map>

#include "tests/ir/express_case.h"

using namespace quartet;
using namespace quartet::ir;
using namespace quartet::tests;

namespace {

Index pick(const Ints& labels, const std::map<int64_t, int64_t>& values) {
  Index index;
  for (const int64_t label : labels) index.push_back(values.at(label));
  return index;
}

Ints shapeOf(const Ints& labels, const Ints& extents) {
  Ints shape;
  for (const int64_t label : labels) shape.push_back(extents[static_cast<size_t>(label)]);
  return shape;
}

Array contraction(const Array& a, const Array& b, const Ints& lhs, const Ints& rhs, const Ints& out,
                  const Ints& extents, DType dtype) {
  Array result(dtype, shapeOf(out, extents));
  Ints used = extents;
  for (size_t label = 0; label < used.size(); ++label) {
    const auto has = [&](const Ints& labels) {
      return std::find(labels.begin(), labels.end(), static_cast<int64_t>(label)) != labels.end();
    };
    if (!has(lhs) && !has(rhs)) used[label] = 1;
  }
  forEach(used, [&](const Index& at) {
    std::map<int64_t, int64_t> values;
    for (size_t i = 0; i < at.size(); ++i) values[static_cast<int64_t>(i)] = at[i];
    result.at(pick(out, values)) += a.at(pick(lhs, values)) * b.at(pick(rhs, values));
  });
  return result;
}

// What a random convolution is made of; extents per spatial axis.
struct ConvCase {
  explicit ConvCase(Dice& dice)
      : rank(static_cast<size_t>(dice.roll(1, 3))),
        group(dice.roll(1, 3)),
        batch(dice.roll(0, 2)),
        inner(dice.roll(1, 3)),
        outer(dice.roll(1, 3)),
        pads(2 * rank) {
    for (size_t i = 0; i < rank; ++i) {
      in.push_back(dice.roll(1, rank == 3 ? 4 : 7));
      kernel.push_back(dice.roll(1, 3));
      strides.push_back(dice.roll(1, 3));
      dilations.push_back(dice.roll(1, 2));
      pads[i] = dice.roll(0, 2);
      pads[i + rank] = dice.roll(0, 2);
    }
  }
  Attributes attributesOf() const {
    return attributes(
        {{"strides", strides}, {"dilations", dilations}, {"pads", pads}, {"group", group}});
  }
  static Ints join(int64_t a, int64_t b, const Ints& rest) {
    Ints shape = {a, b};
    shape.insert(shape.end(), rest.begin(), rest.end());
    return shape;
  }

  size_t rank;
  int64_t group;
  int64_t batch;
  int64_t inner;  // channels per group that are summed
  int64_t outer;  // channels per group that come out
  Ints in, kernel, strides, dilations, pads;
};

// Input channels and kernel elements of one output point, in order.
template <class F>
void overWindow(const ConvCase& c, const F& f) {
  forEach(ConvCase::join(c.inner, 1, c.kernel),
          [&](const Index& at) { f(at[0], Index(at.begin() + 2, at.end())); });
}

Array convolution(const ConvCase& c, const Array& x, const Array& w, const Ints& out) {
  Array result(x.dtype, out);
  forEach(out, [&](const Index& o) {
    overWindow(c, [&](int64_t channel, const Index& k) {
      const int64_t g = o[1] / c.outer;
      Index at = {o[0], g * c.inner + channel};
      Index weight = {o[1], channel};
      for (size_t i = 0; i < c.rank; ++i) {
        at.push_back(o[i + 2] * c.strides[i] + k[i] * c.dilations[i] - c.pads[i]);
        weight.push_back(k[i]);
      }
      if (x.contains(at)) result.at(o) += x.at(at) * w.at(weight);
    });
  });
  return result;
}

// Scatters every input element, the other way round from the expression.
Array transposedConvolution(const ConvCase& c, const Array& x, const Array& w, const Ints& out) {
  Array result(x.dtype, out);
  forEach(x.shape, [&](const Index& i) {
    forEach(ConvCase::join(c.outer, 1, c.kernel), [&](const Index& k) {
      const int64_t g = i[1] / c.inner;
      Index to = {i[0], g * c.outer + k[0]};
      Index weight = {i[1], k[0]};
      for (size_t axis = 0; axis < c.rank; ++axis) {
        to.push_back(i[axis + 2] * c.strides[axis] + k[axis + 2] * c.dilations[axis] -
                     c.pads[axis]);
        weight.push_back(k[axis + 2]);
      }
      if (result.contains(to)) result.at(to) += x.at(i) * w.at(weight);
    });
  });
  return result;
}

}  // namespace

TEST_CASE("contract sums over the labels that the result lacks") {
  Dice dice(1);
  for (int round = 0; round < 200; ++round) {
    const Ints extents = dice.shape(4);
    Ints lhs, rhs, out;
    for (int64_t label = 0; label < 4; ++label) {
      const int64_t where = dice.roll(0, 3);  // lhs, rhs, both, nowhere
      if (where == 0 || where == 2) lhs.push_back(label);
      if (where == 1 || where == 2) rhs.insert(rhs.begin(), label);
      if (where != 3 && dice.flip()) out.push_back(label);
    }
    const DType dtype = dice.flip() ? DType::F32 : DType::I32;
    const Array a = dice.array(dtype, shapeOf(lhs, extents));
    const Array b = dice.array(dtype, shapeOf(rhs, extents));
    const Attributes attrs = attributes({{"lhs", lhs}, {"rhs", rhs}, {"out", out}});
    const Array expected = contraction(a, b, lhs, rhs, out, extents, dtype);
    checkEqual(runPrimitive(Opcode::Contract, attrs, {a, b}, dtype, expected.shape).result,
               expected);
  }
}

TEST_CASE("contract of i8 to i32 and of f16 accumulates wider than its operands") {
  const Attributes attrs =
      attributes({{"lhs", Ints{0, 1}}, {"rhs", Ints{1, 2}}, {"out", Ints{0, 2}}});
  Array a(DType::I8, {1, 300}, 100);
  Array b(DType::I8, {300, 1}, 100);
  CHECK(runPrimitive(Opcode::Contract, attrs, {a, b}, DType::I32, {1, 1}).result.data[0] == 3e6);
  // f16 counts by ones up to 2048 only.
  a = Array(DType::F16, {1, 4000}, 1);
  b = Array(DType::F16, {4000, 1}, 1);
  CHECK(runPrimitive(Opcode::Contract, attrs, {a, b}, DType::F16, {1, 1}).result.data[0] == 4000);
}

TEST_CASE("conv is a sum over window and channels of the group") {
  Dice dice(2);
  int tried = 0;
  while (tried < 150) {
    const ConvCase c(dice);
    Ints out;
    for (size_t i = 0; i < c.rank; ++i) {
      const int64_t span =
          c.in[i] + c.pads[i] + c.pads[i + c.rank] - c.dilations[i] * (c.kernel[i] - 1) - 1;
      out.push_back(span < 0 ? -1 : span / c.strides[i] + 1);
    }
    if (*std::min_element(out.begin(), out.end()) < 0) continue;
    ++tried;
    const Array x = dice.array(DType::F32, ConvCase::join(c.batch, c.group * c.inner, c.in));
    const Array w = dice.array(DType::F32, ConvCase::join(c.group * c.outer, c.inner, c.kernel));
    const Ints shape = ConvCase::join(c.batch, c.group * c.outer, out);
    checkEqual(runPrimitive(Opcode::Conv, c.attributesOf(), {x, w}, DType::F32, shape).result,
               convolution(c, x, w, shape));
  }
}

TEST_CASE("conv_transpose scatters every element through the kernel") {
  Dice dice(3);
  int tried = 0;
  while (tried < 150) {
    const ConvCase c(dice);
    Ints out;
    for (size_t i = 0; i < c.rank; ++i) {
      const int64_t outputPadding = dice.roll(0, c.strides[i] - 1);
      out.push_back(c.strides[i] * (c.in[i] - 1) + c.dilations[i] * (c.kernel[i] - 1) + 1 -
                    c.pads[i] - c.pads[i + c.rank] + outputPadding);
    }
    if (*std::min_element(out.begin(), out.end()) < 0) continue;
    ++tried;
    const Array x = dice.array(DType::F32, ConvCase::join(c.batch, c.group * c.inner, c.in));
    const Array w = dice.array(DType::F32, ConvCase::join(c.group * c.inner, c.outer, c.kernel));
    const Ints shape = ConvCase::join(c.batch, c.group * c.outer, out);
    checkEqual(
        runPrimitive(Opcode::ConvTranspose, c.attributesOf(), {x, w}, DType::F32, shape).result,
        transposedConvolution(c, x, w, shape));
  }
}

TEST_CASE("a convolution that stays inside of its input has no guard") {
  Module graph(Level::Graph, "g");
  const Dim n = Dim::symbol("N");
  const ValueId x = graph.addParameter(graph.top(), Type::tensor(DType::F32, {1, 4, n}));
  const ValueId w = graph.addParameter(graph.top(), Type::tensor(DType::F32, {8, 4, 3}));
  const Attributes attrs = attributes(
      {{"strides", Ints{2}}, {"dilations", Ints{1}}, {"pads", Ints{0, 0}}, {"group", int64_t{1}}});
  const Dim out = Dim::floorDiv(n - Dim(3), Dim(2)) + Dim(1);
  const OpId op = graph.addOp(graph.top(), Opcode::Conv, {x, w},
                              {Type::tensor(DType::F32, {1, 8, out})}, attrs);
  graph.addOp(graph.top(), Opcode::Return, {graph.result(op)}, {});
  const Result<Module> expressed = express(std::move(graph));
  REQUIRE(expressed.has_value());
  const TensorExpr& expr = expressed->op(op).attributes.expr();
  for (const Expr& load : loadsOf(expr)) CHECK_MESSAGE(!load.guarded(), expr.str());
}
