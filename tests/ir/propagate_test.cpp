// propagate against brute force: every point of the output box, every index evaluated.
#include <doctest/doctest.h>

#include <algorithm>
#include <map>
#include <random>

#include "ir/scalar_eval.h"
#include "ir/tensor_expr.h"

namespace quartet::ir {
namespace {

using Point = std::vector<int64_t>;

/// What a walk over the points has read of operand 0.
struct Reads {
  std::vector<int64_t> shape;
  const std::vector<int64_t>& table;  // operand 1: indices, rank 1
  Box box;
  bool any = false;

  void note(const Point& at) {
    for (size_t i = 0; i < at.size(); ++i) {
      REQUIRE(at[i] >= 0);
      REQUIRE(at[i] < shape[i]);
      box.lo[i] = any ? std::min(box.lo[i], at[i]) : at[i];
      box.hi[i] = any ? std::max(box.hi[i], at[i] + 1) : at[i] + 1;
    }
    any = true;
  }
};

/// Evaluates integer and bool expressions; loads of operand 0 are noted and give 0.
int64_t evaluate(const Expr& x, const Point& point, Reads& reads) {
  switch (x.kind()) {
    case Expr::Kind::Literal:
      return isFloat(x.dtype()) ? 0 : x.intValue();
    case Expr::Kind::Axis:
      return point[static_cast<size_t>(x.number())];
    case Expr::Kind::Bounded: {
      const int64_t size = x.dim().value();
      const int64_t value = evaluate(x.args()[0], point, reads);
      if (value >= size || value < -size) return 0;
      return value < 0 ? value + size : value;
    }
    case Expr::Kind::Load: {
      if (x.guarded() && evaluate(x.guard(), point, reads) == 0) {
        return evaluate(x.other(), point, reads);
      }
      Point at;
      for (const Expr& index : x.args()) at.push_back(evaluate(index, point, reads));
      if (x.number() == 1) return reads.table[static_cast<size_t>(at[0])];
      reads.note(at);
      return 0;
    }
    case Expr::Kind::Apply: {
      std::vector<Scalar> args;
      for (const Expr& arg : x.args()) args.push_back(intScalar(evaluate(arg, point, reads)));
      if (isFloat(x.dtype())) return 0;
      bool divisionByZero = false;
      return applyScalar(x.op(), x.args().back().dtype(), args.data(), divisionByZero).i;
    }
    default:
      FAIL("unexpected kind of expression");
      return 0;
  }
}

/// Calls `visit` with every point of the box lo <= p < hi.
template <class Visit>
void forEachPoint(const Point& lo, const Point& hi, const Visit& visit) {
  for (size_t i = 0; i < lo.size(); ++i) {
    if (lo[i] >= hi[i]) return;
  }
  Point point = lo;
  for (;;) {
    visit(point);
    size_t axis = point.size();
    while (axis > 0 && ++point[axis - 1] == hi[axis - 1]) {
      point[axis - 1] = lo[axis - 1];
      --axis;
    }
    if (axis == 0) return;
  }
}

class Generator {
 public:
  explicit Generator(uint32_t seed) : random_(seed) {}

  int64_t between(int64_t lo, int64_t hi) {
    return lo + static_cast<int64_t>(random_() % static_cast<uint64_t>(hi - lo + 1));
  }
  bool chance(int percent) { return between(1, 100) <= percent; }

  Expr affine(int axes) {
    Expr sum = Expr::index(between(-3, 3));
    for (int i = 0; i < axes; ++i) {
      if (chance(60)) sum = sum + Expr::axis(i) * Expr::index(between(-2, 3));
    }
    return sum;
  }

  Expr index(int axes, int depth) {
    if (depth == 0) return affine(axes);
    const auto inner = [&] { return index(axes, depth - 1); };
    switch (between(0, 9)) {
      case 0:
        return Expr::apply(Opcode::FloorDiv, {inner(), Expr::index(between(1, 4))});
      case 1:
        return Expr::apply(Opcode::Mod, {inner(), Expr::index(between(1, 4))});
      case 2:
        return Expr::apply(Opcode::Div, {inner(), Expr::index(between(1, 4))});
      case 3:
        return Expr::apply(Opcode::Rem, {inner(), Expr::index(between(1, 4))});
      case 4:
        return Expr::apply(chance(50) ? Opcode::Min : Opcode::Max, {inner(), inner()});
      case 5:
        return Expr::apply(Opcode::Abs, {inner()});
      case 6:
        return Expr::bounded(inner(), between(1, 6));
      case 7:
        return Expr::apply(Opcode::Select, {guard(axes, 0), inner(), inner()});
      case 8:
        return Expr::load(1, DType::I64, {Expr::bounded(inner(), 8)});
      default:
        return inner() + inner() * Expr::index(between(-1, 2));
    }
  }

  Expr guard(int axes, int depth) {
    constexpr Opcode kComparisons[] = {Opcode::Lt, Opcode::Le, Opcode::Gt,
                                       Opcode::Ge, Opcode::Eq, Opcode::Ne};
    if (depth > 0 && chance(70)) {
      const Opcode op = chance(80) ? Opcode::And : Opcode::Or;
      return Expr::apply(op, {guard(axes, depth - 1), guard(axes, depth - 1)});
    }
    return Expr::apply(kComparisons[between(0, 5)], {affine(axes), affine(axes)});
  }

 private:
  std::mt19937 random_;  // the same numbers everywhere, unlike distributions
};

enum class Flavour { Affine, Guarded, General };

struct Case {
  TensorExpr expr;
  std::vector<int64_t> shape;
  std::vector<int64_t> table;
  Box output;
};

/// A load of operand 0 whose indices are shifted to lie inside the operand over the whole domain,
/// or guarded by bounds.
Expr makeLoad(Generator& make, Case& c, Flavour flavour, const Point& extents) {
  const int axes = static_cast<int>(extents.size());
  std::vector<Expr> indices;
  Expr guard = Expr::literal(INT64_C(1), DType::Bool);
  const auto both = [](const Expr& a, const Expr& b) { return Expr::apply(Opcode::And, {a, b}); };
  for (int64_t& size : c.shape) {
    const bool general = flavour == Flavour::General && make.chance(70);
    Expr index =
        general ? make.index(axes, static_cast<int>(make.between(1, 2))) : make.affine(axes);
    const bool bounded = flavour != Flavour::Affine && make.chance(50);
    if (bounded) {
      guard = both(guard, Expr::apply(Opcode::Ge, {index, Expr::index(0)}));
      guard = both(guard, Expr::apply(Opcode::Lt, {index, Expr::index(size)}));
    } else {
      int64_t lo = INT64_MAX;
      int64_t hi = INT64_MIN;
      Reads none{{}, c.table, {}};
      forEachPoint(Point(extents.size()), extents, [&](const Point& p) {
        lo = std::min(lo, evaluate(index, p, none));
        hi = std::max(hi, evaluate(index, p, none));
      });
      if (lo <= hi) {
        index = index + Expr::index(make.between(0, 1) - lo);
        size = std::max(size, hi - lo + 2);
      }
    }
    indices.push_back(index);
  }
  if (flavour != Flavour::Affine && make.chance(60)) guard = both(guard, make.guard(axes, 2));
  return Expr::guardedLoad(0, DType::I64, indices, guard, Expr::index(0));
}

Case makeCase(Generator& make, Flavour flavour) {
  Case c;
  Point extents;
  for (int64_t i = make.between(1, 3); i > 0; --i) extents.push_back(make.between(1, 5));
  c.expr.domain.assign(extents.begin(), extents.end());
  const bool reduces = make.chance(60);
  if (reduces) {
    for (int64_t i = make.between(1, 2); i > 0; --i) {
      extents.push_back(make.chance(3) ? 0 : make.between(1, 4));
      c.expr.reduction.emplace_back(extents.back());
    }
  }
  for (int i = 0; i < 8; ++i) c.table.push_back(make.between(-4, 9));
  for (int64_t i = make.between(0, 3); i > 0; --i) c.shape.push_back(make.between(1, 6));
  // Loads after the first may enlarge the operand, which keeps what lies inside inside.
  Expr value = makeLoad(make, c, flavour, extents);
  if (make.chance(30)) value = value + makeLoad(make, c, flavour, extents);
  if (reduces) {
    c.expr.form = TensorExpr::Form::Reduce;
    c.expr.init = {Expr::index(0)};
    c.expr.element = {value};
    c.expr.combine = {Expr::state(0, DType::I64) + Expr::element(0, DType::I64)};
    c.expr.results = {Expr::state(0, DType::I64)};
  } else {
    c.expr.results = {value};
  }
  for (size_t i = 0; i < c.expr.domain.size(); ++i) {
    const int64_t lo = make.between(0, extents[i] - 1);
    c.output.lo.push_back(lo);
    c.output.hi.push_back(make.between(lo + 1, extents[i]));
  }
  return c;
}

Reads bruteForce(const Case& c) {
  Reads reads{c.shape, c.table, {Point(c.shape.size()), Point(c.shape.size())}};
  Point lo = c.output.lo;
  Point hi = c.output.hi;
  const bool reduces = c.expr.form == TensorExpr::Form::Reduce;
  for (const Dim& extent : c.expr.reduction) {
    lo.push_back(0);
    hi.push_back(extent.value());
  }
  const Expr& value = reduces ? c.expr.element[0] : c.expr.results[0];
  forEachPoint(lo, hi, [&](const Point& p) { evaluate(value, p, reads); });
  return reads;
}

bool covers(const Box& outer, const Box& inner) {
  for (size_t i = 0; i < inner.lo.size(); ++i) {
    if (outer.lo[i] > inner.lo[i] || outer.hi[i] < inner.hi[i]) return false;
  }
  return true;
}

std::string text(const Box& box) {
  std::string out;
  for (size_t i = 0; i < box.lo.size(); ++i) {
    out += "[" + std::to_string(box.lo[i]) + ", " + std::to_string(box.hi[i]) + ") ";
  }
  return out;
}

TEST_CASE("10,000 random expressions: exact when affine and unguarded, a superset otherwise") {
  int exact = 0;
  int read = 0;
  for (uint32_t seed = 0; seed < 10000; ++seed) {
    Generator make(seed);
    const auto flavour = static_cast<Flavour>(seed % 3);
    const Case c = makeCase(make, flavour);
    const Reads wanted = bruteForce(c);
    const Box found = propagate(c.expr, c.output, 0, c.shape);
    CAPTURE(seed);
    CAPTURE(c.expr.str());
    CAPTURE(text(c.output));
    CAPTURE(text(found));
    CAPTURE(text(wanted.box));
    REQUIRE(found.lo.size() == c.shape.size());
    for (size_t i = 0; i < c.shape.size(); ++i) {
      CHECK(found.lo[i] >= 0);
      CHECK(found.hi[i] <= c.shape[i]);
    }
    if (flavour == Flavour::Affine) {
      CHECK(found == wanted.box);
    } else if (wanted.any) {
      CHECK(covers(found, wanted.box));
    }
    exact += found == wanted.box ? 1 : 0;
    read += wanted.any ? 1 : 0;
  }
  CHECK(read > 6000);
  CHECK(exact > 7000);  // the narrowing is of use
}

Box footprint(const char* text, const Box& output, int input, const std::vector<int64_t>& shape) {
  const auto expr = TensorExpr::parse(text, {DType::F32, DType::I64});
  REQUIRE_MESSAGE(expr.has_value(), expr.error().str());
  return propagate(*expr, output, input, shape);
}

TEST_CASE("the halo of a padded convolution, cut at the border") {
  const char* conv =
      "reduce (16 | 3) init (0.0:f32) each (in0[d0 + r0 - 1] if (and(ge(d0 + r0 - 1, 0), "
      "lt(d0 + r0 - 1, 16))) else 0.0:f32) combine (add(s0, e0)) commutative -> (s0)";
  CHECK(footprint(conv, {{4}, {8}}, 0, {16}) == Box{{3}, {9}});
  CHECK(footprint(conv, {{0}, {4}}, 0, {16}) == Box{{0}, {5}});
  CHECK(footprint(conv, {{12}, {16}}, 0, {16}) == Box{{11}, {16}});
}

TEST_CASE("an indirect axis covers the operand, the others stay exact") {
  const char* gather = "map (4, 8) -> (in0[bounded(in1[d0], 100), d1])";
  CHECK(footprint(gather, {{1, 2}, {3, 5}}, 0, {100, 8}) == Box{{0, 2}, {100, 5}});
  CHECK(footprint(gather, {{1, 2}, {3, 5}}, 1, {4}) == Box{{1}, {3}});
}

TEST_CASE("a concatenation reads a part only where the output lies in it") {
  const char* concat =
      "map (10) -> (in0[d0] if (lt(d0, 4)) else neg(in0[d0 - 4] if (ge(d0, 4)) else 0.0:f32))";
  CHECK(footprint(concat, {{0}, {3}}, 0, {6}) == Box{{0}, {3}});
  CHECK(footprint(concat, {{6}, {8}}, 0, {6}) == Box{{2}, {4}});
}

TEST_CASE("nothing read is an empty box") {
  const char* never = "map (4) -> (in0[d0] if (lt(d0, 2)) else 0.0:f32)";
  CHECK(footprint(never, {{2}, {4}}, 0, {4}).empty());
  CHECK(footprint(never, {{2}, {2}}, 0, {4}).empty());
  const char* emptyReduction =
      "reduce (4 | 0) init (0.0:f32) each (in0[d0]) combine (add(s0, e0)) commutative -> (s0)";
  CHECK(footprint(emptyReduction, {{0}, {4}}, 0, {4}).empty());
}

}  // namespace
}  // namespace quartet::ir
