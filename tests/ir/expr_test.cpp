// Scalar and tensor expressions: folding, rewriting, text.
#include "ir/expr.h"

#include <doctest/doctest.h>

#include <cmath>
#include <limits>
#include <random>

#include "ir/scalar_eval.h"
#include "ir/scalar_type.h"
#include "ir/tensor_expr.h"

namespace quartet::ir {
namespace {

const Expr d0 = Expr::axis(0);
const Expr d1 = Expr::axis(1);

Expr call(Opcode op, std::vector<Expr> args) { return Expr::apply(op, std::move(args)); }

TEST_CASE("index arithmetic folds") {
  CHECK((d0 + Expr::index(0)) == d0);
  CHECK((d0 * Expr::index(1)) == d0);
  CHECK((d0 * Expr::index(0)).isInt(0));
  CHECK((d0 - d0).isInt(0));
  CHECK(((d0 + Expr::index(2)) - Expr::index(2)) == d0);
  CHECK(((d0 + Expr::index(1)) * Expr::index(2) + d1).str(2) == "d0 * 2 + d1 + 2");
  CHECK(call(Opcode::FloorDiv, {d0 * Expr::index(6), Expr::index(3)}) == d0 * Expr::index(2));
  CHECK(call(Opcode::Mod, {d0 * Expr::index(6), Expr::index(3)}).isInt(0));
  CHECK(call(Opcode::Mod, {d0, Expr::index(1)}).isInt(0));
  CHECK(call(Opcode::FloorDiv, {Expr::index(-7), Expr::index(2)}).isInt(-4));
  CHECK_FALSE(
      call(Opcode::Div, {Expr::index(1), Expr::index(0)}).isLiteral());  // reported when run
  const Expr size = Expr::extent(Dim::symbol("N"));
  CHECK((size * Expr::index(2) + Expr::index(1)).str(0) == "extent(N * 2 + 1)");
  CHECK((size - size).isInt(0));
  CHECK(Expr::bounded(Expr::index(-1), 8).isInt(7));
  CHECK_FALSE(Expr::bounded(Expr::index(8), 8).isLiteral());
}

TEST_CASE("literals fold in their dtype") {
  const auto f32 = [](double x) { return Expr::literal(x, DType::F32); };
  CHECK(call(Opcode::Add, {f32(0.1), f32(0.2)}).floatValue() == static_cast<double>(0.1F + 0.2F));
  CHECK(call(Opcode::Mul,
             {Expr::literal(INT64_C(200), DType::U8), Expr::literal(INT64_C(2), DType::U8)})
            .intValue() == 144);
  CHECK(call(Opcode::Lt, {f32(NAN), f32(1)}).isInt(0));
  CHECK(call(Opcode::Select, {Expr::literal(INT64_C(1), DType::Bool), d0, d1}) == d0);
  CHECK(Expr::cast(f32(300.7), DType::U8).isInt(255));
  CHECK(Expr::cast(d0, DType::I64) == d0);
  CHECK(Expr::literal(0.1, DType::F16).floatValue() == 0.0999755859375);
  const Expr x = Expr::load(0, DType::F32, {d0});
  CHECK(call(Opcode::Mul, {x, f32(1)}) == x);
  CHECK(call(Opcode::Add, {x, f32(0)}).kind() == Expr::Kind::Apply);  // -0 + 0 is 0
}

TEST_CASE("depth costs no stack: a chain of 200000 operations") {
  const auto chain = [] {
    Expr x = Expr::load(0, DType::F32, {d0});
    for (int i = 0; i < 200000; ++i) x = call(i % 2 == 0 ? Opcode::Exp : Opcode::Neg, {x});
    return x;
  };
  const Expr x = chain();
  int nodes = 0;
  x.visit([&](const Expr&) { ++nodes; });
  CHECK(nodes == 200002);
  CHECK(x == chain());
  const Expr moved = x.substituteAxes({d1});
  CHECK_FALSE(moved == x);
  CHECK(moved.substituteAxes({d1, d0}) == x);
  CHECK(foldUp<int>(x, [](const Expr& node, const auto& of) {
          return node.childCount() == 0 ? 1 : of(node.child(0)) + 1;
        }) == 200002);
}

TEST_CASE("what is shared is looked at once: 2^60 ways through an expression") {
  const auto doubled = [](Expr x) {
    for (int i = 0; i < 60; ++i) x = x + x;
    return x;
  };
  const Expr x = doubled(d0);
  int nodes = 0;
  x.visit([&](const Expr&) { ++nodes; });
  CHECK(nodes == 61);
  CHECK(x == doubled(d0));
  CHECK(x.substituteAxes({d1}) == doubled(d1));
  CHECK(affineForm(x, 1)->coefficients[0] == INT64_C(1) << 60);

  Expr most = d0;  // not affine
  for (int i = 0; i < 60; ++i) {
    most = call(Opcode::Max, {call(Opcode::Min, {most, d1}), call(Opcode::Min, {most, d0})});
  }
  TensorExpr map;
  map.domain = {5, 4};
  map.results = {Expr::load(0, DType::F32, {most})};
  CHECK(propagate(map, {{0, 0}, {5, 4}}, 0, {10}) == Box{{0}, {5}});

  Expr all = Expr::load(0, DType::Bool, {d0});
  const Expr one = all;
  for (int64_t i = 0; i < 60; ++i) {
    const auto with = [&](int64_t j) {
      return call(Opcode::And, {all, Expr::load(1, DType::Bool, {Expr::index(j)})});
    };
    all = call(Opcode::And, {with(2 * i), with(2 * i + 1)});
  }
  const std::vector<Expr> parts = conjuncts(all);
  CHECK(parts.size() == 121);
  CHECK(parts[0] == one);
}

TEST_CASE("logic folds") {
  const Expr yes = Expr::literal(INT64_C(1), DType::Bool);
  const Expr c = call(Opcode::Lt, {d0, d1});
  CHECK(call(Opcode::And, {yes, c}) == c);
  CHECK(call(Opcode::Or, {c, yes}) == yes);
  CHECK(call(Opcode::Not, {call(Opcode::Not, {c})}) == c);
  CHECK(Expr::guardedLoad(0, DType::F32, {d0}, yes, Expr::literal(0.0, DType::F32)) ==
        Expr::load(0, DType::F32, {d0}));
}

TEST_CASE("a wrong dtype is a bug, named") {
  CHECK_THROWS_AS(call(Opcode::Add, {d0, Expr::literal(1.0, DType::F32)}), InternalError);
  CHECK_THROWS_AS(call(Opcode::Sqrt, {d0}), InternalError);
  const DType mixed[] = {DType::I64, DType::F32};
  CHECK(scalarResult(Opcode::Add, mixed).error().message ==
        "add takes numbers of one dtype, found (i64, f32)");
}

TEST_CASE("axes and symbols are replaced everywhere") {
  const Expr guard = call(Opcode::Ge, {d0 - Expr::index(1), Expr::index(0)});
  const Expr load = Expr::guardedLoad(0, DType::F32, {d0 - Expr::index(1), d1}, guard,
                                      Expr::literal(0.0, DType::F32));
  CHECK(load.substituteAxes({Expr::index(4)}) == Expr::load(0, DType::F32, {Expr::index(3), d1}));
  CHECK(load.substituteAxes({Expr::index(0)}) == Expr::literal(0.0, DType::F32));
  CHECK(load.substituteAxes({d1, d0}).str(2) == "in0[d1 - 1, d0] if (ge(d1 - 1, 0)) else 0.0:f32");
  const Dim n = Dim::symbol("N");
  CHECK((Expr::bounded(d0, n + 1) + Expr::extent(n)).substituteSymbols({{"N", 4}}).str(1) ==
        "bounded(d0, 5) + 4");
}

TEST_CASE("shared nodes are visited once and compared quickly") {
  Expr a = Expr::load(0, DType::F32, {d0});
  Expr b = Expr::load(0, DType::F32, {d0});
  for (int i = 0; i < 200; ++i) {
    a = call(Opcode::Add, {a, a});
    b = call(Opcode::Add, {b, b});
  }
  CHECK(a == b);
  int nodes = 0;
  a.visit([&](const Expr&) { ++nodes; });
  CHECK(nodes == 202);
  CHECK(a.rewrite([](const Expr& x) { return x; }).id() == a.id());
  CHECK_FALSE(a.substituteAxes({d1}) == b);
}

TEST_CASE("affine forms") {
  const auto form = affineForm((d0 * Expr::index(2) - d1) * Expr::index(3) + Expr::index(5), 2);
  REQUIRE(form.has_value());
  CHECK(form->coefficients == std::vector<int64_t>{6, -3});
  CHECK(form->constant == 5);
  CHECK_FALSE(affineForm(d0 * d1, 2).has_value());
  CHECK_FALSE(affineForm(d1, 1).has_value());
  CHECK_FALSE(affineForm(Expr::extent(Dim::symbol("N")), 1).has_value());
  CHECK_FALSE(affineForm(d0 * Expr::index(INT64_MAX) * Expr::index(1) + d0, 1).has_value());
}

TEST_CASE("tensor expressions round-trip") {
  const std::vector<DType> operands = {DType::F32, DType::I64, DType::U8, DType::Bool};
  const auto check = [&](const std::string& text) {
    const auto expr = TensorExpr::parse(text, operands);
    REQUIRE_MESSAGE(expr.has_value(), expr.error().str() << "\n" << text);
    CHECK(expr->str() == text);
  };
  check("map (64, N * 2) -> (max(in0[d0, d1], 0.0:f32))");
  check("map () -> (1:i32, 18446744073709551615:u64, -128:i8, 1:bool, -5, 1e-45:f32, 0.1:f64)");
  check("map (4) -> (nan:f32, inf:bf16, -inf:f64, -0.0:f16)");
  check("map (4) -> (d0 * 2 - 1, 5 - (d0 - in1[d0]), (in1[d0] - d0) * d0, -3 - d0 * -2)");
  check("map (4) -> ((in1[d0] if (lt(d0, 2)) else d0) + 1, cast.f32(in2[d0]))");
  check("map (4) -> (in0[d0] if (in3[d0]) else in0[d0 - 1] if (in3[d0 - 1]) else 0.5:f32)");
  check("map (4) -> (in0[bounded(in1[d0], floordiv(N, 2) + 1), extent(N)])");
  check("map (2, 2) -> (select(eq(d0, d1), 1, 0))");
  check(
      "reduce (64, 32 | 128) init (0.0:f32) each (mul(in0[d0, r0], in0[r0, d1])) combine "
      "(add(s0, e0)) commutative -> (s0)");
  check(
      "reduce ( | 3, 4) init (-inf:f32, 0) each (in0[r0, r1], r0 * 4 + r1) combine "
      "(max(s0, e0), select(ge(s0, e0), s1, e1)) sequential -> (s1)");
}

TEST_CASE("errors in expressions") {
  const auto problem = [](const std::string& results) {
    const auto expr = TensorExpr::parse("map (4) -> (" + results + ")", {DType::F32});
    REQUIRE_FALSE(expr.has_value());
    return expr.error().message;
  };
  CHECK(problem("d1") == "there is no 'd1' here");
  CHECK(problem("r0") == "there is no 'r0' here");
  CHECK(problem("in1[d0]") == "there is no 'in1' here");
  CHECK(problem("s0") == "there is no 's0' here");
  CHECK(problem("x") == "unknown name 'x' in an expression");
  CHECK(problem("frob(d0)") == "'frob' is not a scalar operation");
  CHECK(problem("conv(d0)") == "'conv' is not a scalar operation");
  CHECK(problem("add(d0, in0[d0])") == "add takes numbers of one dtype, found (i64, f32)");
  CHECK(problem("in0[in0[d0]]") == "an index is i64, found f32");
  CHECK(problem("d0 if (1:bool) else d0") == "only a load has a guard");
  CHECK(problem("in0[d0] if (d0) else 0.0:f32") == "a guard is bool");
  CHECK(problem("in0[d0] if (1:bool) else 0") == "the load gives f32, its alternative i64");
  CHECK(problem("1.5") == "a float literal names its dtype: 1.5:f32");
  CHECK(problem("300:u8") == "u8 does not hold 300");
  CHECK(problem("1:f31") == "expected a dtype, found 'f31'");
  CHECK(problem("cast.f31(d0)") == "expected a dtype, found 'f31'");
}

TEST_CASE("loads, each once") {
  const auto expr = TensorExpr::parse(
      "map (4) -> (add(in0[d0], in0[d0]), add(in0[d0 + 1], in1[d0]))", {DType::F32, DType::F32});
  REQUIRE(expr.has_value());
  std::string loads;
  for (const Expr& load : loadsOf(*expr)) loads += load.str(1) + " ";
  CHECK(loads == "in0[d0] in0[d0 + 1] in1[d0] ");
}

/// Random well-typed expressions: built by folding constructors, and evaluated plainly beside them.
struct Sample {
  Expr expr;
  Scalar value;  // at a fixed point
};

class SampleMaker {
 public:
  explicit SampleMaker(uint32_t seed) : random_(seed) {
    for (int64_t& axis : point_) axis = between(-9, 9);
  }

  int64_t between(int64_t lo, int64_t hi) {
    return lo + static_cast<int64_t>(random_() % static_cast<uint64_t>(hi - lo + 1));
  }

  Sample make(DType dtype, int depth) {
    if (depth == 0) return leaf(dtype);
    const int64_t kind = between(0, 9);
    if (kind == 0) {
      const DType from = anyDType();
      const Sample x = make(from, depth - 1);
      return {Expr::cast(x.expr, dtype), castScalar(x.value, from, dtype)};
    }
    if (kind == 1) {
      return apply(Opcode::Select, dtype,
                   {make(DType::Bool, depth - 1), make(dtype, depth - 1), make(dtype, depth - 1)});
    }
    if (dtype == DType::Bool) return truth(depth);
    constexpr Opcode kCommon[] = {Opcode::Add, Opcode::Sub, Opcode::Mul, Opcode::Min, Opcode::Max,
                                  Opcode::Neg, Opcode::Abs, Opcode::Add, Opcode::Sub, Opcode::Mul};
    constexpr Opcode kInteger[] = {Opcode::Div, Opcode::FloorDiv, Opcode::Rem,
                                   Opcode::Mod, Opcode::And,      Opcode::Xor};
    const bool common = isFloat(dtype) || between(0, 2) > 0;
    const Opcode op = common ? kCommon[between(0, 9)] : kInteger[between(0, 5)];
    std::vector<Sample> args = {make(dtype, depth - 1)};
    if (info(op).minOperands == 2) args.push_back(make(dtype, depth - 1));
    return apply(op, dtype, args);
  }

 private:
  DType anyDType() {
    constexpr DType kDTypes[] = {DType::Bool, DType::I8,  DType::U8,  DType::I32, DType::U32,
                                 DType::I64,  DType::U64, DType::F16, DType::F32, DType::F64};
    return kDTypes[between(0, 9)];
  }

  Sample leaf(DType dtype) {
    if (dtype == DType::I64 && between(0, 2) > 0) {
      const int64_t i = between(0, 2);
      return {Expr::axis(static_cast<int>(i)), intScalar(point_[i])};
    }
    if (isFloat(dtype)) {
      const double value = roundFloat(dtype, static_cast<double>(between(-40, 40)) / 7);
      return {Expr::literal(value, dtype), floatScalar(value)};
    }
    const int64_t value = wrapInteger(dtype, between(-5, 5));
    return {Expr::literal(value, dtype), intScalar(value)};
  }

  Sample truth(int depth) {
    constexpr Opcode kLogic[] = {Opcode::And, Opcode::Or, Opcode::Not, Opcode::Xor};
    constexpr Opcode kOrder[] = {Opcode::Eq, Opcode::Ne, Opcode::Lt,
                                 Opcode::Le, Opcode::Gt, Opcode::Ge};
    if (between(0, 1) == 0) {
      const Opcode op = kLogic[between(0, 3)];
      std::vector<Sample> args = {make(DType::Bool, depth - 1)};
      if (info(op).minOperands == 2) args.push_back(make(DType::Bool, depth - 1));
      return apply(op, DType::Bool, args);
    }
    DType dtype = anyDType();
    if (dtype == DType::Bool) dtype = DType::I64;
    return apply(kOrder[between(0, 5)], dtype, {make(dtype, depth - 1), make(dtype, depth - 1)});
  }

  Sample apply(Opcode op, DType operands, const std::vector<Sample>& args) {
    std::vector<Expr> exprs;
    std::vector<Scalar> values;
    for (const Sample& arg : args) {
      exprs.push_back(arg.expr);
      values.push_back(arg.value);
    }
    bool divisionByZero = false;
    const Scalar value = applyScalar(op, operands, values.data(), divisionByZero);
    return {Expr::apply(op, std::move(exprs)), value};
  }

 public:
  /// The value of a folded expression at the same point.
  Scalar evaluate(const Expr& x) const {
    if (x.kind() == Expr::Kind::Axis) return intScalar(point_[x.number()]);
    if (x.isLiteral()) {
      return isFloat(x.dtype()) ? floatScalar(x.floatValue()) : intScalar(x.intValue());
    }
    std::vector<Scalar> args;
    for (const Expr& arg : x.args()) args.push_back(evaluate(arg));
    if (x.op() == Opcode::Cast) return castScalar(args[0], x.args()[0].dtype(), x.dtype());
    bool divisionByZero = false;
    return applyScalar(x.op(), x.args().back().dtype(), args.data(), divisionByZero);
  }

 private:
  std::mt19937 random_;
  int64_t point_[3] = {};
};

TEST_CASE("random expressions keep their value when they fold, and their text round-trips") {
  constexpr DType kDTypes[] = {DType::I64, DType::Bool, DType::U8, DType::F32, DType::F16};
  for (uint32_t seed = 0; seed < 5000; ++seed) {
    SampleMaker maker(seed);
    const DType dtype = kDTypes[seed % 5];
    const Sample s = maker.make(dtype, 4);
    TensorExpr whole;
    whole.domain = {1, 1, 1};
    whole.results = {s.expr};
    const std::string text = whole.str();
    CAPTURE(seed);
    CAPTURE(text);
    REQUIRE(s.expr.dtype() == dtype);
    const Scalar folded = maker.evaluate(s.expr);
    if (isFloat(dtype)) {
      CHECK((folded.f == s.value.f || (std::isnan(folded.f) && std::isnan(s.value.f))));
    } else {
      CHECK(folded.i == s.value.i);
    }
    const auto parsed = TensorExpr::parse(text, {});
    REQUIRE_MESSAGE(parsed.has_value(), parsed.error().str());
    CHECK(parsed->str() == text);
    CHECK(*parsed == whole);
  }
}

}  // namespace
}  // namespace quartet::ir
