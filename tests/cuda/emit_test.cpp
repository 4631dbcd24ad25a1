// The generated CUDA C++, whole: two small kernels, and both in one launch; and that NVRTC takes
// it.
#include "backends/cuda/cubin.h"
#include "backends/cuda/emit_cuda.h"
#include "tests/common/small_kernels.h"
#include "tests/cuda/fixture.h"
#include "tests/golden.h"

using namespace quartet;
using namespace quartet::tests;

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

TEST_CASE("CUDA C++ of atomics") {
  const std::string source = cudaOf({tickets()});
  checkGolden("cuda/golden/tickets.cu", source);
  checkCompiles(source);
}

TEST_CASE("CUDA C++ of integers: values wrap, element numbers need not") {
  const std::string source = cudaOf({wrappingSum()});
  checkGolden("cuda/golden/wrapping_sum.cu", source);
  checkCompiles(source);
}
