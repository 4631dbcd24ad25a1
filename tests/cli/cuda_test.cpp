// CUDA devices from the command line, over the stand-ins for the driver and NVRTC
// (tests/cuda/fake).
#include <doctest/doctest.h>
#include <cstdlib>

#include "tests/cli/command.h"

using namespace quartet;
using namespace quartet::tests;

namespace {

/// What the commands find of CUDA, for as long as this lives.
class CudaLibraries {
 public:
  CudaLibraries(const char* driver, const char* nvrtc) {
    setenv("QUARTET_CUDA_DRIVER", driver, 1);
    setenv("QUARTET_NVRTC", nvrtc, 1);
  }
  CudaLibraries(const CudaLibraries&) = delete;
  CudaLibraries& operator=(const CudaLibraries&) = delete;
  ~CudaLibraries() {
    unsetenv("QUARTET_CUDA_DRIVER");
    unsetenv("QUARTET_NVRTC");
  }
};

bool has(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

OnnxModel model() {
  OnnxModel model;
  model.input("x", {2, 3}).output("y", kFloat);
  model.node("Relu", {"x"}, {"r"}).node("Softmax", {"r"}, {"y"});
  return model;
}

}  // namespace

TEST_CASE("cli cuda: without a driver or NVRTC, devices says what is missing, the rest works") {
  const Workspace work;
  work.write("model.onnx", model());
  {
    const CudaLibraries none("/nowhere/libcuda.so", "off");
    const Outcome listed = work.quartet("devices");
    CHECK(listed.status == 0);
    CHECK(
        has(listed.out, "cuda         not available: the CUDA driver's library cannot be opened"));
    CHECK(has(listed.out, "QUARTET_CUDA_DRIVER"));
    checkRefused(work.quartet("run model.onnx --device cuda:0"),
                 {"no such device", "the CUDA driver's library cannot be opened"});
    CHECK(work.quartet("run model.onnx --device cpu").status == 0);
  }
  const CudaLibraries noCompiler(QUARTET_FAKE_CUDA, "/nowhere/libnvrtc.so");
  const Outcome listed = work.quartet("devices");
  CHECK(listed.status == 0);
  CHECK(has(listed.out, "cuda:0 (NVIDIA A100-SXM4-40GB) not available: NVRTC cannot be opened"));
  CHECK(has(listed.out, "QUARTET_NVRTC"));
}

TEST_CASE("cli cuda: a model runs, is verified and explained; a device has several names") {
  const CudaLibraries fake(QUARTET_FAKE_CUDA, QUARTET_FAKE_NVRTC);
  const Workspace work;
  work.write("model.onnx", model());
  const Outcome listed = work.quartet("devices");
  CHECK_MESSAGE(listed.status == 0, listed.err);
  CHECK(has(listed.out, "cuda:0       NVIDIA A100-SXM4-40GB"));
  CHECK(has(listed.out, "discrete GPU, NVIDIA CUDA driver 12.4, 40.0 GiB"));
  CHECK(has(listed.out, "described by NVIDIA A100 40GB"));
  CHECK(has(listed.out, "cuda:1       NVIDIA Imaginary"));
  const std::string wanted = work.quartet("run model.onnx --device reference --seed 1").out;
  for (const char* device : {"cuda:0", "cuda:1", "a100", "cuda:101112131415161718191a1b1c1d1e1f"}) {
    const Outcome run =
        work.quartet("run model.onnx --strict --seed 1 --device " + std::string(device));
    CHECK_MESSAGE(run.status == 0, run.err);
    CHECK(run.out == wanted);
  }
  const Outcome verified = work.quartet("verify model.onnx --strict --device cuda:0");
  CHECK_MESSAGE(verified.status == 0, verified.out, verified.err);
  const Outcome explained = work.quartet("explain model.onnx --code --device cuda:0");
  CHECK_MESSAGE(explained.status == 0, explained.err);
  CHECK(has(explained.out, "__global__"));
}
