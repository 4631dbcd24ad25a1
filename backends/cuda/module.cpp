#include "backends/cuda/module.h"

#include "backends/cuda/emit_cuda.h"

namespace quartet::cuda {

Modules::~Modules() {
  const Gpu::Current current(*gpu);
  if (current.result() != kCuSuccess) return;
  for (const Module& module : all) {
    if (module.handle != nullptr) gpu->driver().api().cuModuleUnload(module.handle);
  }
}

Status loadModule(const Gpu& gpu, Module& module, const std::string& where) {
  const Driver& driver = gpu.driver();
  const CuResult loaded = driver.api().cuModuleLoadData(&module.handle, module.code.bytes.data());
  if (loaded == kCuNoBinaryForGpu || loaded == kCuInvalidPtx ||
      loaded == kCuUnsupportedPtxVersion) {
    return unsupported("the driver does not take NVRTC's code: " + driver.resultText(loaded), where,
                       "use an NVRTC that is no newer than the driver (" + gpu.physical().driver +
                           "): set QUARTET_NVRTC");
  }
  if (loaded != kCuSuccess) return driver.error("cuModuleLoadData", loaded, where);
  QT_CUDA(driver, where, cuModuleGetFunction(&module.function, module.handle, kEntry));
  return {};
}

}  // namespace quartet::cuda
