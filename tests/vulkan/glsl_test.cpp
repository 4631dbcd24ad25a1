// The generated GLSL, whole: two small kernels, and both in one shader.

#include "backends/vulkan/compile.h"
#include "backends/vulkan/emit_glsl.h"
#include "tests/common/small_kernels.h"
#include "tests/golden.h"
#include "tests/vulkan/fixture.h"

using namespace quartet;
using namespace quartet::tests;

namespace {

std::string glsl(const std::vector<ir::Module>& kernels, bool int64) {
  gpu::Target target;
  target.int64 = int64;
  std::vector<const ir::Module*> pointers;
  for (const ir::Module& kernel : kernels) pointers.push_back(&kernel);
  std::string text = vulkan::emitGlsl(pointers, target);
  const auto code = vulkan::compileGlsl(text, "golden");
  CHECK_MESSAGE(code.has_value(), (code ? "" : code.error().str()));
  return text;
}

}  // namespace

TEST_CASE("GLSL of a guarded elementwise kernel") {
  checkGolden("vulkan/golden/relu.comp", glsl({relu()}, true));
}

TEST_CASE("GLSL of a loop over 64-bit integers, native and as two words") {
  checkGolden("vulkan/golden/row_sum_native.comp", glsl({rowSum()}, true));
  checkGolden("vulkan/golden/row_sum_words.comp", glsl({rowSum()}, false));
}

TEST_CASE("GLSL of atomics") { checkGolden("vulkan/golden/tickets.comp", glsl({tickets()}, true)); }

TEST_CASE("GLSL of two kernels in one shader") {
  checkGolden("vulkan/golden/merged.comp", glsl({relu(), rowSum()}, true));
}
