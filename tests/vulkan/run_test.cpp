// Programs from one launch to many, on every driver.

#include "ir/scalar_eval.h"
#include "tests/vulkan/fixture.h"

using namespace quartet;
using namespace quartet::tests;
using ir::DType;
using ir::Opcode;
using ir::ValueId;

namespace {

/// y[i] = 2 x[i] + 1 over groups of 64.
ir::Module affineKernel(int64_t elements) {
  Kernel k("affine", 64);
  const ValueId x = k.input(DType::F32, elements);
  const ValueId y = k.output(DType::F32, elements);
  auto& b = k.build;
  const ValueId i =
      b.apply(Opcode::Add, {b.apply(Opcode::Mul, {b.groupId(), b.literal(64)}), b.localId()});
  b.branch(b.apply(Opcode::Lt, {i, b.literal(elements)}), [&] {
    const ValueId twice = b.apply(Opcode::Mul, {b.load(x, i), b.literal(2.0, DType::F32)});
    b.store(y, i, b.apply(Opcode::Add, {twice, b.literal(1.0, DType::F32)}));
  });
  return k.finish();
}

std::vector<float> ramp(int64_t elements) {
  std::vector<float> values;
  for (int64_t i = 0; i < elements; ++i) values.push_back(static_cast<float>(i));
  return values;
}

}  // namespace

TEST_CASE("loads with a stride, of one word and of two") {
  for (const DType dtype : {DType::F32, DType::I32, DType::I64}) {
    for (const int lanes : {2, 4, 6}) {
      Kernel k("strided");
      const ValueId x = k.input(dtype, 64);
      const ValueId y = k.output(DType::F32, lanes);
      auto& b = k.build;
      const ValueId picked = b.stridedLoad(x, b.literal(3), lanes, 3);
      b.store(y, b.literal(0), b.cast(picked, DType::F32));
      const ir::Module kernel = k.finish();
      std::vector<std::byte> bytes(static_cast<size_t>(64 * ir::byteSize(dtype)));
      for (int64_t i = 0; i < 64; ++i) {
        const ir::Scalar value =
            ir::isFloat(dtype) ? ir::floatScalar(static_cast<double>(i)) : ir::intScalar(i);
        ir::writeScalar(dtype, value, bytes.data() + i * ir::byteSize(dtype));
      }
      FOR_EACH_DEVICE(id) {
        const auto results = runOrFail(*openOrFail(id), programOf(kernel, 1), {bytes});
        const auto got = valuesOf<float>(results[0]);
        for (size_t i = 0; i < got.size(); ++i) CHECK(got[i] == static_cast<float>(3 + 3 * i));
      }
    }
  }
}

TEST_CASE("a kernel computes over a buffer with a tail") {
  FOR_EACH_DEVICE(id) {
    const auto device = openOrFail(id);
    const auto results =
        runOrFail(*device, programOf(affineKernel(1000), 16), {bytesOf(ramp(1000))});
    const auto y = valuesOf<float>(results[0]);
    for (size_t i = 0; i < y.size(); ++i) CHECK(y[i] == 2 * static_cast<float>(i) + 1);
  }
}
