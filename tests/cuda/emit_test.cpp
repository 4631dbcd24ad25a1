// The generated CUDA C++, whole: two small kernels, and both in one launch; and that NVRTC takes
// it.
#include "backends/cuda/cubin.h"
#include "backends/cuda/emit_cuda.h"
#include "tests/common/kernels.h"
#include "tests/common/small_kernels.h"
#include "tests/cuda/fixture.h"
#include "tests/golden.h"

using namespace quartet;
using namespace quartet::tests;
using ir::DType;
using ir::Opcode;
using ir::ValueId;

namespace {

std::string cudaOf(const std::vector<ir::Module>& kernels, int64_t pushWords = 512) {
  const gpu::Target target{
      .int64 = true, .float64 = true, .float64Functions = true, .pushWords = pushWords};
  std::vector<const ir::Module*> pointers;
  for (const ir::Module& kernel : kernels) pointers.push_back(&kernel);
  return cuda::emitCuda(pointers, target);
}

void checkCompiles(const std::string& source, int64_t sharedBytes = 0) {
  const auto nvrtc = nvrtcOrSkip();
  if (nvrtc == nullptr) return;
  const auto code = nvrtc->compile(source, {80, false, ""}, "golden");
  REQUIRE_MESSAGE(code.has_value(), (code ? "" : code.error().str()));
  const auto figures = cuda::readFigures(code->bytes, cuda::kEntry);
  REQUIRE_MESSAGE(figures.has_value(), (figures ? "" : figures.error().str()));
  CHECK(figures->registers > 4);
  CHECK(figures->registers < 64);
  CHECK(figures->stackBytes == 0);
  CHECK(figures->sharedBytes == sharedBytes);
  CHECK(figures->codeBytes > 0);
}

/// The sum of a group's elements through workgroup memory.
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

/// i32 sums that wrap, at element numbers that do not.
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

}  // namespace

TEST_CASE("CUDA C++ of a guarded elementwise kernel") {
  const std::string source = cudaOf({relu()});
  checkGolden("cuda/golden/relu.cu", source);
  checkCompiles(source);
}

TEST_CASE("CUDA C++ of a loop over 64-bit integers, with a report") {
  const std::string source = cudaOf({rowSum()});
  checkGolden("cuda/golden/row_sum.cu", source);
  checkCompiles(source);
}

TEST_CASE("CUDA C++ of two kernels in one launch, with words in a buffer") {
  const std::string source = cudaOf({relu(), rowSum()}, 2);
  checkGolden("cuda/golden/merged.cu", source);
  checkCompiles(source);
}

TEST_CASE("CUDA C++ of workgroup memory, a barrier and 16-bit floats") {
  const std::string source = cudaOf({groupSum()});
  checkGolden("cuda/golden/group_sum.cu", source);
  checkCompiles(source, 256);
}

TEST_CASE("CUDA C++ of integers: values wrap, element numbers need not") {
  const std::string source = cudaOf({wrappingSum()});
  checkGolden("cuda/golden/wrapping_sum.cu", source);
  checkCompiles(source);
}
