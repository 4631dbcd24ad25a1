#include "tests/cuda/fixture.h"

namespace quartet::tests {

std::shared_ptr<const cuda::Nvrtc> nvrtcOrSkip() {
  auto nvrtc = cuda::Nvrtc::get();
  if (nvrtc) return *nvrtc;
  skip("NVRTC is not installed: ./dev test brings PyPI's, or set QUARTET_NVRTC (" +
       nvrtc.error().str() + ")");
  return nullptr;
}

}  // namespace quartet::tests
