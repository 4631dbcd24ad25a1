// Reductions against plain loops.

#include <algorithm>
#include <cmath>
#include <limits>

#include "ir/scalar_eval.h"
#include "tests/ir/express_case.h"

using namespace quartet;
using namespace quartet::ir;
using namespace quartet::tests;

namespace {

double combine(Opcode fn, double a, double b) {
  switch (fn) {
    case Opcode::Add:
      return a + b;
    case Opcode::Mul:
      return a * b;
    case Opcode::And:
      return a != 0 && b != 0;
    case Opcode::Or:
      return a != 0 || b != 0;
    default:
      if (std::isnan(a) || std::isnan(b)) return std::nan("");
      return fn == Opcode::Max ? std::max(a, b) : std::min(a, b);
  }
}

double identityFor(Opcode fn, DType dtype) {
  return castScalar(identityOf(fn, dtype), dtype, DType::F64).f;
}

Array reduced(const Array& x, const Ints& axes, Opcode fn) {
  Ints kept;
  Ints shape;
  for (size_t i = 0; i < x.shape.size(); ++i) {
    if (std::find(axes.begin(), axes.end(), static_cast<int64_t>(i)) != axes.end()) continue;
    kept.push_back(static_cast<int64_t>(i));
    shape.push_back(x.shape[i]);
  }
  Array result(x.dtype, shape, identityFor(fn, x.dtype));
  forEach(x.shape, [&](const Index& at) {
    Index to;
    for (const int64_t axis : kept) to.push_back(at[static_cast<size_t>(axis)]);
    result.at(to) = combine(fn, result.at(to), x.at(at));
  });
  return result;
}

}  // namespace

TEST_CASE("reduce folds the given axes; an empty reduction is the identity") {
  Dice dice(10);
  for (int round = 0; round < 200; ++round) {
    const int rank = static_cast<int>(dice.roll(0, 4));
    static constexpr Opcode kFns[] = {Opcode::Add, Opcode::Mul, Opcode::Max,
                                      Opcode::Min, Opcode::And, Opcode::Or};
    const Opcode fn = kFns[dice.roll(0, 5)];
    static constexpr DType kDTypes[] = {DType::F32, DType::I64, DType::F64};
    const bool logical = fn == Opcode::And || fn == Opcode::Or;
    const DType dtype = logical ? DType::Bool : kDTypes[dice.roll(0, 2)];
    const Array x = dice.array(dtype, dice.shape(rank));
    Ints axes;
    for (int axis = 0; axis < rank; ++axis) {
      if (dice.flip()) axes.push_back(axis);
    }
    const Array expected = reduced(x, axes, fn);
    if (fn == Opcode::Mul) {  // 4^n leaves what the dtypes represent
      const double largest = std::ldexp(1.0, 24);
      if (std::any_of(expected.data.begin(), expected.data.end(),
                      [&](double v) { return std::fabs(v) > largest; })) {
        continue;
      }
    }
    const Attributes attrs = attributes({{"fn", fn}, {"axes", axes}});
    const Outcome outcome = runPrimitive(Opcode::Reduce, attrs, {x}, dtype, expected.shape);
    checkEqual(outcome.result, expected);
  }
}

TEST_CASE("a NaN survives a maximum; a sum of f16 accumulates in f32") {
  Array x(DType::F32, {3}, 1);
  x.data[1] = std::nan("");
  const Attributes max = attributes({{"fn", Opcode::Max}, {"axes", Ints{0}}});
  CHECK(std::isnan(runPrimitive(Opcode::Reduce, max, {x}, DType::F32, {}).result.data[0]));
  const Attributes add = attributes({{"fn", Opcode::Add}, {"axes", Ints{0}}});
  const Array ones(DType::BF16, {1024}, 1);
  CHECK(runPrimitive(Opcode::Reduce, add, {ones}, DType::BF16, {}).result.data[0] == 1024);
}

TEST_CASE("window folds what lies inside of the input, also when the last window sticks out") {
  Dice dice(11);
  int tried = 0;
  while (tried < 200) {
    const auto rank = static_cast<size_t>(dice.roll(1, 4));
    Ints in, extents, strides, dilations, out, pads(2 * rank);
    for (size_t i = 0; i < rank; ++i) {
      in.push_back(dice.roll(1, 6));
      extents.push_back(dice.roll(1, 3));
      strides.push_back(dice.roll(1, 3));
      dilations.push_back(dice.roll(1, 2));
      pads[i] = dice.roll(0, 1);
      pads[i + rank] = dice.roll(0, 1);
      const int64_t span = in[i] + pads[i] + pads[i + rank] - dilations[i] * (extents[i] - 1) - 1;
      const bool roundUp = dice.flip();
      out.push_back(span < 0 ? -1 : (span + (roundUp ? strides[i] - 1 : 0)) / strides[i] + 1);
    }
    if (*std::min_element(out.begin(), out.end()) < 0) continue;
    ++tried;
    static constexpr Opcode kFns[] = {Opcode::Add, Opcode::Max, Opcode::Min, Opcode::Mul};
    const Opcode fn = kFns[dice.roll(0, 3)];
    const DType dtype = dice.flip() ? DType::F64 : DType::I32;
    const Array x = dice.array(dtype, in);
    Array expected(dtype, out, identityFor(fn, dtype));
    forEach(out, [&](const Index& o) {
      forEach(extents, [&](const Index& k) {
        Index at;
        for (size_t i = 0; i < rank; ++i) {
          at.push_back(o[i] * strides[i] + k[i] * dilations[i] - pads[i]);
        }
        if (x.contains(at)) expected.at(o) = combine(fn, expected.at(o), x.at(at));
      });
    });
    if (dtype == DType::I32 && fn == Opcode::Mul) continue;  // may wrap
    const Attributes attrs = attributes({{"fn", fn},
                                         {"window", extents},
                                         {"strides", strides},
                                         {"dilations", dilations},
                                         {"pads", pads}});
    checkEqual(runPrimitive(Opcode::Window, attrs, {x}, dtype, out).result, expected);
  }
}

namespace {

// The index by a search in order: the first extremum stays, or the last one wins.
Array argReduced(const Array& x, size_t axis, bool max, bool last) {
  Ints shape = x.shape;
  shape.erase(shape.begin() + static_cast<std::ptrdiff_t>(axis));
  Array result(DType::I64, shape);
  forEach(shape, [&](const Index& o) {
    const auto value = [&](int64_t i) {
      Index at = o;
      at.insert(at.begin() + static_cast<std::ptrdiff_t>(axis), i);
      return x.at(at);
    };
    int64_t best = 0;
    for (int64_t i = 1; i < x.shape[axis]; ++i) {
      const double a = value(i);
      const double b = value(best);
      const bool equal = a == b || (std::isnan(a) && std::isnan(b));
      const bool better = !std::isnan(b) && (std::isnan(a) || (max ? a > b : a < b));
      if (better || (equal && last)) best = i;
    }
    result.at(o) = static_cast<double>(best);
  });
  return result;
}

}  // namespace

TEST_CASE("arg_reduce finds the first or last extremum; NaN is one") {
  Dice dice(12);
  for (int round = 0; round < 200; ++round) {
    const int rank = static_cast<int>(dice.roll(1, 4));
    Ints shape = dice.shape(rank);
    const auto axis = static_cast<size_t>(dice.roll(0, rank - 1));
    shape[axis] = dice.roll(1, 9);
    static constexpr DType kDTypes[] = {DType::F32, DType::U8, DType::I32, DType::Bool, DType::F16};
    const DType dtype = kDTypes[dice.roll(0, 4)];
    Array x = dice.array(dtype, shape);
    if (isFloat(dtype)) {
      const double infinity = std::numeric_limits<double>::infinity();
      for (double& value : x.data) {
        const int64_t special = dice.roll(0, 15);
        if (special == 0) value = std::nan("");
        if (special == 1) value = infinity;
        if (special >= 2 && special <= 4) value = -infinity;
      }
    }
    const bool max = dice.flip();
    const bool last = dice.flip();
    const Array expected = argReduced(x, axis, max, last);
    const Attributes attrs = attributes({{"fn", max ? Opcode::Max : Opcode::Min},
                                         {"axis", static_cast<int64_t>(axis)},
                                         {"last", int64_t{last}}});
    checkEqual(runPrimitive(Opcode::ArgReduce, attrs, {x}, DType::I64, expected.shape).result,
               expected);
  }
}

namespace {

using Pair = std::pair<double, double>;

// combine(state, element) of an arg_reduce, as a map over four scalars.
Pair merge(const TensorExpr& expr, Pair state, Pair element) {
  TensorExpr map;
  for (const Expr& result : expr.combine) {
    map.results.push_back(result.rewrite([](const Expr& node) {
      const bool isState = node.kind() == Expr::Kind::State;
      if (!isState && node.kind() != Expr::Kind::Element) return node;
      return Expr::load(node.number() + (isState ? 0 : 2), node.dtype(), {});
    }));
  }
  const auto value = [](double v) {
    return makeConstant(DType::F32, {}, std::vector<float>{static_cast<float>(v)});
  };
  const auto index = [](double v) {
    return makeConstant(DType::I64, {}, std::vector<int64_t>{static_cast<int64_t>(v)});
  };
  const Result<Evaluation> merged = evaluate(
      map, {value(state.first), index(state.second), value(element.first), index(element.second)});
  REQUIRE(merged.has_value());
  return {merged->results[0]->as<float>()[0],
          static_cast<double>(merged->results[1]->as<int64_t>()[0])};
}

}  // namespace

TEST_CASE("states of arg_reduce merge in any order") {
  for (const bool last : {false, true}) {
    Module graph(Level::Graph, "g");
    const ValueId x = graph.addParameter(graph.top(), Type::tensor(DType::F32, {8}));
    const Attributes attrs =
        attributes({{"fn", Opcode::Max}, {"axis", int64_t{0}}, {"last", int64_t{last}}});
    const OpId op =
        graph.addOp(graph.top(), Opcode::ArgReduce, {x}, {Type::tensor(DType::I64, {})}, attrs);
    graph.addOp(graph.top(), Opcode::Return, {graph.result(op)}, {});
    const Result<Module> expressed = express(std::move(graph));
    REQUIRE(expressed.has_value());
    const TensorExpr& expr = expressed->op(op).attributes.expr();
    CHECK(expr.order == TensorExpr::Order::Commutative);
    const auto same = [](Pair a, Pair b) {
      return a.second == b.second &&
             (a.first == b.first || (std::isnan(a.first) && std::isnan(b.first)));
    };
    const double values[] = {1, 2, std::nan(""), -std::numeric_limits<double>::infinity()};
    const Pair start = {values[3], last ? -1 : 9};
    for (int i = 0; i < 64; ++i) {
      const Pair a = {values[i % 4], 0};
      const Pair b = {values[i / 4 % 4], 1};
      const Pair c = {values[i / 16], 2};
      CHECK(same(merge(expr, a, b), merge(expr, b, a)));
      CHECK(same(merge(expr, merge(expr, a, b), c), merge(expr, a, merge(expr, b, c))));
      CHECK(same(merge(expr, start, a), a));
    }
  }
}
