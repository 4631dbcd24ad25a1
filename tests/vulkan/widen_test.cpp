// Loads of single elements that become loads of vectors.
#include <numeric>

#include "backends/common/gpu/widen_loads.h"
#include "tests/vulkan/fixture.h"

using namespace quartet;
using namespace quartet::tests;
using ir::DType;
using ir::Opcode;
using ir::ValueId;

namespace {

/// Sums, with weights 1, 10, 100, ..., the elements at 4 * group + offsets[i]; the first of them is
/// said to lie at a multiple of `align`.
ir::Module sumOf(const std::vector<int64_t>& offsets, int64_t align) {
  constexpr DType dtype = DType::F32;
  Kernel k("sum", 1);
  auto& b = k.build;
  const ValueId in = k.input(dtype, 32);
  const ValueId out = k.output(dtype, 4);
  const ValueId at = b.apply(Opcode::Mul, {b.groupId(), b.literal(4)});
  ValueId sum = b.literal(int64_t{0}, dtype);
  int64_t weight = 1;
  for (size_t i = 0; i < offsets.size(); ++i) {
    const ValueId index = b.apply(Opcode::Add, {at, b.literal(offsets[i])});
    const ValueId x = b.load(in, index, 1, {}, i == 0 ? align : 1);
    sum = b.apply(Opcode::Add, {sum, b.apply(Opcode::Mul, {x, b.literal(weight, dtype)})});
    weight *= 10;
  }
  b.store(out, b.groupId(), sum);
  return k.finish();
}

/// How many loads of vectors, and of single elements, are left.
std::pair<int, int> loadsOf(ir::Module kernel) {
  gpu::widenLoads(kernel);
  std::pair<int, int> count{0, 0};
  for (const ir::OpId id : kernel.region(kernel.top()).ops) {
    const ir::Op& op = kernel.op(id);
    if (op.opcode != Opcode::Load) continue;
    ++(kernel.type(op.results[0]).lanes > 1 ? count.first : count.second);
  }
  return count;
}

}  // namespace

TEST_CASE("widened loads: four elements side by side, from a multiple of four on") {
  CHECK(loadsOf(sumOf({0, 1, 2, 3}, 4)) == std::pair(1, 0));
  CHECK(loadsOf(sumOf({0, 3, 1, 2}, 4)) == std::pair(1, 0));
  CHECK(loadsOf(sumOf({4, 5, 6, 7, 9}, 8)) == std::pair(1, 1));
  CHECK(loadsOf(sumOf({0, 1, 2, 3}, 2)) == std::pair(0, 4));  // may lie across
  CHECK(loadsOf(sumOf({0, 1, 2}, 4)) == std::pair(0, 3));     // may end before
  CHECK(loadsOf(sumOf({0, 1, 2, 4}, 4)) == std::pair(0, 4));  // with a gap
}

TEST_CASE("widened loads: of workgroup memory, where nothing is stored meanwhile") {
  const auto loads = [](bool stores) {
    Kernel k("staged", 4);
    auto& b = k.build;
    const ValueId in = k.input(DType::F32, 8);
    const ValueId out = k.output(DType::F32, 4);
    const ValueId array = b.shared(DType::F32, 8);
    const auto fill = [&] { b.store(array, b.localId(), b.load(in, b.localId())); };
    fill();
    b.barrier();
    int wide = 0;
    ir::RegionId body;
    b.loop(b.literal(0), b.param(0), b.literal(4), [&](ValueId i) {
      body = b.region();
      ValueId sum = b.load(array, i, 1, {}, 4);
      for (const int64_t offset : {1, 2, 3}) {
        const ValueId x = b.load(array, b.apply(Opcode::Add, {i, b.literal(offset)}));
        sum = b.apply(Opcode::Add, {sum, x});
      }
      if (stores) b.store(array, i, sum);
      b.store(stores ? array : out, i, sum);
    });
    gpu::widenLoads(k.module);
    for (const ir::OpId id : k.module.region(body).ops) {
      const ir::Op& op = k.module.op(id);
      wide += op.opcode == Opcode::Load && k.module.type(op.results[0]).lanes == 4 ? 1 : 0;
    }
    return wide;
  };
  CHECK(loads(false) == 1);
  CHECK(loads(true) == 0);
}

TEST_CASE("widened loads: the same values") {
  FOR_EACH_DEVICE(id) {
    const auto device = openOrFail(id);
    for (const std::vector<int64_t>& offsets :
         {std::vector<int64_t>{0, 1, 2, 3}, {0, 3, 1, 2}, {4, 5, 6, 7, 9}}) {
      std::vector<float> values(32);
      std::iota(values.begin(), values.end(), 1.0F);
      const auto results = runOrFail(*device, programOf(sumOf(offsets, 4), 4), {bytesOf(values)});
      const auto got = valuesOf<float>(results[0]);
      for (size_t g = 0; g < 4; ++g) {
        float want = 0;
        float weight = 1;
        for (const int64_t offset : offsets) {
          want += weight * values[4 * g + static_cast<size_t>(offset)];
          weight *= 10;
        }
        CHECK(got[g] == want);
      }
    }
  }
}
