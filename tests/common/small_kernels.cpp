#include "tests/common/small_kernels.h"

#include <algorithm>
#include <numeric>

#include "tests/common/kernels.h"

namespace quartet::tests {

using ir::DType;
using ir::Opcode;
using ir::ValueId;

ir::Module relu() {
  Kernel k("relu", 32);
  auto& b = k.build;
  const ValueId x = k.input(DType::F32, 1001);
  const ValueId y = k.output(DType::F32, 1001);
  const ValueId group = b.apply(Opcode::Mul, {b.groupId(), b.literal(32)});
  const ValueId at =
      b.apply(Opcode::Mul, {b.apply(Opcode::Add, {group, b.localId()}), b.literal(4)});
  const ValueId count = b.apply(Opcode::Sub, {b.literal(1001), at});
  const ValueId value = b.load(x, at, 4, count, 4);
  b.store(y, at, b.apply(Opcode::Max, {value, b.literal(0.0, DType::F32, 4)}), count, 4);
  return k.finish();
}

ir::Module rowSum() {
  Kernel k("row_sum", 32);
  auto& b = k.build;
  const ValueId x = k.input(DType::I64, 4096);
  const ValueId y = k.output(DType::I64, 64);
  const ValueId row = b.apply(Opcode::Mul, {b.groupId(), b.param(0)});
  const ValueId sum = b.var(DType::I64);
  b.set(sum, b.literal(0, DType::I64));
  b.loop(b.literal(0), b.param(0), b.literal(1), [&](ValueId i) {
    const ValueId element = b.load(x, b.apply(Opcode::Add, {row, i}));
    b.set(sum, b.apply(Opcode::Add, {b.get(sum), element}));
  });
  b.branch(b.apply(Opcode::Eq, {b.localId(), b.literal(0)}), [&] {
    const ValueId total = b.get(sum);
    b.report(b.apply(Opcode::Lt, {total, b.literal(0, DType::I64)}), 1, 7);
    b.store(y, b.groupId(), total);
  });
  return k.finish();
}

ir::Module groupSum() {
  Kernel k("group_sum", 64);
  auto& b = k.build;
  const ValueId x = k.input(DType::F16, 4096);
  const ValueId y = k.output(DType::BF16, 64);
  const ValueId shared = b.shared(DType::F32, 64);
  const ValueId at =
      b.apply(Opcode::Add, {b.apply(Opcode::Mul, {b.groupId(), b.literal(64)}), b.localId()});
  b.store(shared, b.localId(), b.cast(b.load(x, at), DType::F32));
  b.barrier();
  b.branch(b.apply(Opcode::Eq, {b.localId(), b.literal(0)}), [&] {
    const ValueId sum = b.var(DType::F32);
    b.set(sum, b.literal(0.0, DType::F32));
    b.loop(b.literal(0), b.literal(64), b.literal(1), [&](ValueId i) {
      b.set(sum, b.apply(Opcode::Add, {b.get(sum), b.load(shared, i)}));
    });
    b.store(y, b.groupId(), b.cast(b.get(sum), DType::BF16));
  });
  return k.finish();
}

ir::Module wrappingSum() {
  Kernel k("wrapping_sum", 32);
  auto& b = k.build;
  const ValueId x = k.input(DType::I32, 4096);
  const ValueId y = k.output(DType::I32, 4096);
  const ValueId at =
      b.apply(Opcode::Add, {b.apply(Opcode::Mul, {b.groupId(), b.literal(32)}), b.localId()});
  const ValueId next = b.apply(Opcode::Add, {at, b.literal(1)});
  const ValueId sum = b.apply(Opcode::Add, {b.load(x, at), b.load(x, next)});
  b.store(y, at, b.apply(Opcode::Mul, {sum, at}));
  return k.finish();
}

ir::Module tickets() {
  Kernel k("tickets", 64);
  auto& b = k.build;
  const ValueId counter = k.buffer(DType::I32, 4, ir::Type::Access::ReadWrite);
  const ValueId sum = k.buffer(DType::U32, 4, ir::Type::Access::ReadWrite);
  const ValueId drawn = k.output(DType::I32, 64);
  b.branch(b.apply(Opcode::Eq, {b.localId(), b.literal(0)}), [&] {
    b.store(counter, b.literal(2), b.literal(0));
    b.store(sum, b.literal(2), b.literal(0, DType::U32));
  });
  b.barrier();
  const ValueId number = b.atomicAdd(counter, b.literal(2), b.literal(1));
  b.atomicAdd(sum, b.literal(2), b.cast(number, DType::U32));
  b.store(drawn, b.localId(), number);
  return k.finish();
}

void checkTickets(runtime::Device& device) {
  const auto results = runProgram(device, programOf(tickets(), 1), {});
  REQUIRE_MESSAGE(results.has_value(), (results ? "" : results.error().str()));
  std::vector<int32_t> drawn = valuesOf<int32_t>(results->at(2));
  std::sort(drawn.begin(), drawn.end());
  std::vector<int32_t> all(64);
  std::iota(all.begin(), all.end(), 0);
  CHECK(drawn == all);
  CHECK(valuesOf<int32_t>(results->at(0))[2] == 64);
  CHECK(valuesOf<uint32_t>(results->at(1))[2] == 64 * 63 / 2);
}

}  // namespace quartet::tests
