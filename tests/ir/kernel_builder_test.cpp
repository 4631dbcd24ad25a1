// What the kernel builder folds, shares and leaves alone.

#include <doctest/doctest.h>

#include <limits>

#include "ir/kernel.h"
#include "ir/text.h"

using namespace quartet;
using namespace quartet::ir;

namespace {

struct Fixture {
  Module kernel{Level::Kernel, "k"};
  KernelBuilder b{kernel};
  ValueId x = b.param(0);
  ValueId y = b.param(1);

  ValueId lit(int64_t value) { return b.literal(value); }
  ValueId two(Opcode op, ValueId p, ValueId q) { return b.apply(op, {p, q}); }
  int64_t folded(Opcode op, int64_t p, int64_t q, DType dtype = DType::I32) {
    const auto value = b.intLiteral(two(op, b.literal(p, dtype), b.literal(q, dtype)));
    REQUIRE(value.has_value());
    return *value;
  }
  Opcode opcode(ValueId value) { return kernel.op(kernel.value(value).definition).opcode; }
  size_t ops() const { return kernel.region(kernel.top()).ops.size(); }
};

}  // namespace

TEST_CASE_FIXTURE(Fixture, "integer literals fold with the semantics of the scalar table") {
  CHECK(folded(Opcode::Add, std::numeric_limits<int32_t>::max(), 1) ==
        std::numeric_limits<int32_t>::min());
  CHECK(folded(Opcode::FloorDiv, -7, 2) == -4);
  CHECK(folded(Opcode::Div, -7, 2) == -3);
  CHECK(folded(Opcode::Mod, -7, 4) == 1);
  CHECK(folded(Opcode::Rem, -7, 4) == -3);
  CHECK(folded(Opcode::Lt, -1, 1) == 1);
  CHECK(folded(Opcode::Lt, -1, 1, DType::U32) == 0);
  CHECK(folded(Opcode::Mul, INT64_C(1) << 40, 3, DType::I64) == INT64_C(3) << 40);
  CHECK(folded(Opcode::And, 1, 0, DType::Bool) == 0);
}

TEST_CASE_FIXTURE(Fixture, "a division by a literal zero stays") {
  CHECK(opcode(two(Opcode::Div, lit(1), lit(0))) == Opcode::Div);
  CHECK(opcode(two(Opcode::Mod, x, lit(0))) == Opcode::Mod);
}

TEST_CASE_FIXTURE(Fixture, "integer identities") {
  CHECK(two(Opcode::Add, x, lit(0)) == x);
  CHECK(two(Opcode::Add, lit(0), x) == x);
  CHECK(two(Opcode::Sub, x, lit(0)) == x);
  CHECK(two(Opcode::Mul, lit(1), x) == x);
  CHECK(b.intLiteral(two(Opcode::Mul, lit(0), x)) == 0);
  CHECK(two(Opcode::FloorDiv, x, lit(1)) == x);
  CHECK(b.intLiteral(two(Opcode::Mod, x, lit(1))) == 0);
  CHECK(b.intLiteral(two(Opcode::Sub, x, x)) == 0);
  CHECK(b.intLiteral(two(Opcode::Le, x, x)) == 1);
  CHECK(two(Opcode::Min, x, x) == x);
  CHECK(two(Opcode::Add, two(Opcode::Add, x, lit(3)), lit(-3)) == x);
  CHECK(two(Opcode::Sub, two(Opcode::Add, x, lit(3)), lit(1)) == two(Opcode::Add, x, lit(2)));
  CHECK(two(Opcode::Mul, two(Opcode::Mul, x, lit(3)), lit(4)) == two(Opcode::Mul, x, lit(12)));
}

TEST_CASE_FIXTURE(Fixture, "select and logic on literals") {
  const ValueId condition = two(Opcode::Lt, x, y);
  CHECK(b.apply(Opcode::Select, {condition, x, x}) == x);
  CHECK(b.apply(Opcode::Select, {b.literal(1, DType::Bool), x, y}) == x);
  CHECK(b.apply(Opcode::Select, {b.literal(0, DType::Bool), x, y}) == y);
  CHECK(two(Opcode::And, condition, b.literal(1, DType::Bool)) == condition);
  CHECK(b.intLiteral(two(Opcode::Or, condition, b.literal(1, DType::Bool))) == 1);
  const ValueId half = b.literal(0.5, DType::F32);
  CHECK(b.intLiteral(two(Opcode::Lt, half, b.literal(1, DType::F32))) == 1);
}

TEST_CASE_FIXTURE(Fixture, "floats are left alone") {
  const ValueId f = b.cast(x, DType::F32);
  CHECK(two(Opcode::Add, f, b.literal(0, DType::F32)) != f);
  CHECK(opcode(two(Opcode::Sub, f, f)) == Opcode::Sub);
  CHECK(opcode(two(Opcode::Eq, f, f)) == Opcode::Eq);
  CHECK(opcode(b.literal(0.1, DType::F32)) == Opcode::Literal);
  CHECK(b.literal(0.0, DType::F32) != b.literal(-0.0, DType::F32));
}

TEST_CASE_FIXTURE(Fixture, "casts, splats and lanes of literals") {
  CHECK(b.cast(x, DType::I32) == x);
  CHECK(b.intLiteral(b.cast(b.literal(-1.7, DType::F32), DType::I32)) == -1);
  CHECK(b.intLiteral(b.cast(b.literal(300), DType::U8)) == 44);
  CHECK(b.splat(x, 1) == x);
  CHECK(b.intLiteral(b.splat(lit(5), 8)) == 5);
  CHECK(b.extract(b.splat(x, 8), 3) == x);
  CHECK(b.intLiteral(b.extract(b.laneId(8), 3)) == 3);
  CHECK(b.reduceLanes(Opcode::Add, x) == x);
  const ValueId index = b.apply(Opcode::Add, {b.laneId(4), b.literal(0, DType::I32, 4)});
  CHECK(index == b.laneId(4));
}

TEST_CASE_FIXTURE(Fixture,
                  "a pure op of a surrounding region is used again, not one of a sibling") {
  const ValueId sum = two(Opcode::Add, x, y);
  CHECK(two(Opcode::Add, x, y) == sum);
  ValueId first, second;
  const ValueId condition = two(Opcode::Lt, x, y);
  b.branch(
      condition,
      [&] {
        CHECK(two(Opcode::Add, x, y) == sum);
        first = two(Opcode::Mul, x, y);
        b.report(two(Opcode::Eq, first, x), 1, 1);
      },
      [&] {
        second = two(Opcode::Mul, x, y);
        b.report(two(Opcode::Eq, second, x), 1, 1);
      });
  CHECK(first != second);
  CHECK(two(Opcode::Mul, x, y) != first);
}

TEST_CASE_FIXTURE(Fixture, "loops and branches with literal bounds vanish") {
  const size_t before = ops();
  int calls = 0;
  b.loop(lit(3), lit(3), lit(1), [&](ValueId) { ++calls; });
  b.loop(lit(5), lit(3), lit(1), [&](ValueId) { ++calls; });
  CHECK(calls == 0);
  b.loop(lit(3), lit(5), lit(2), [&](ValueId i) {
    ++calls;
    CHECK(b.intLiteral(i) == 3);
  });
  CHECK(calls == 1);
  b.branch(
      b.literal(0, DType::Bool), [&] { ++calls; }, [&] { calls += 10; });
  CHECK(calls == 11);
  b.branch(two(Opcode::Lt, x, y), [] {});
  for (size_t i = before; i < ops(); ++i) {
    const Opcode op = kernel.op(kernel.region(kernel.top()).ops[i]).opcode;
    CHECK((op == Opcode::Literal || op == Opcode::Lt));
  }
  b.loop(lit(0), x, lit(1), [&](ValueId i) { b.report(two(Opcode::Eq, i, y), 1, 2); });
  CHECK(kernel.op(kernel.region(kernel.top()).ops.back()).opcode == Opcode::For);
}

TEST_CASE_FIXTURE(Fixture, "counts that are known vanish or make an access one of nothing") {
  const ValueId buffer = kernel.addParameter(
      kernel.top(), Type::kernelBuffer(DType::F32, 64, Type::Access::ReadWrite));
  const ValueId all = b.load(buffer, x, 4, lit(4));
  CHECK(kernel.op(kernel.value(all).definition).operands.size() == 2);
  const ValueId some = b.load(buffer, x, 4, y);
  CHECK(kernel.op(kernel.value(some).definition).operands.size() == 3);
  CHECK(opcode(b.load(buffer, x, 4, lit(0))) == Opcode::Literal);
  const size_t before = ops();
  b.store(buffer, x, all, lit(0));
  CHECK(ops() == before);
}

TEST_CASE_FIXTURE(Fixture, "atomics are never taken for one another") {
  const ValueId buffer = kernel.addParameter(
      kernel.top(), Type::kernelBuffer(DType::U32, 64, Type::Access::ReadWrite), "counts");
  const ValueId one = b.literal(1, DType::U32);
  const ValueId first = b.atomicAdd(buffer, x, one);
  const ValueId second = b.atomicAdd(buffer, x, one);
  CHECK(first != second);
  CHECK(kernel.type(first) == Type::scalar(DType::U32));
  kernel.addOp(kernel.top(), Opcode::Return, {}, {});
  const Result<Module> parsed = parse(print(kernel));
  REQUIRE_MESSAGE(parsed.has_value(), (parsed ? "" : parsed.error().str()));
  CHECK(print(*parsed) == print(kernel));
}

TEST_CASE_FIXTURE(Fixture, "what is built prints and parses back") {
  b.setOrigin({"conv1"});
  const ValueId buffer = kernel.addParameter(
      kernel.top(), Type::kernelBuffer(DType::F32, 64, Type::Access::ReadWrite), "data");
  const ValueId sum = b.var(DType::F32, 4);
  b.set(sum, b.literal(0, DType::F32, 4));
  const ValueId values = b.var(DType::I32, 1, {8});
  b.set(values, x, lit(3));
  b.loop(b.groupId(), y, lit(2), [&](ValueId i) {
    const ValueId v = b.load(buffer, two(Opcode::Mul, i, lit(4)), 4, {}, 4);
    b.set(sum, two(Opcode::Add, b.get(sum), v));
    b.barrier();
  });
  b.branch(two(Opcode::Lt, x, b.get(values, lit(3))), [&] { b.store(buffer, x, b.get(sum), y); });
  kernel.addOp(kernel.top(), Opcode::Return, {}, {});
  const std::string text = print(kernel);
  const Result<Module> parsed = parse(text);
  REQUIRE_MESSAGE(parsed.has_value(), (parsed ? "" : parsed.error().str()));
  CHECK(print(*parsed) == text);
}
