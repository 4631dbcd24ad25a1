// Compiled code, loaded onto a device.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "backends/common/gpu/interface.h"
#include "backends/cuda/cubin.h"
#include "backends/cuda/gpu.h"
#include "backends/cuda/nvrtc.h"

namespace quartet::cuda {

/// The code of one launch, and what is needed to feed it.
struct Module {
  gpu::Interface interface;
  std::string source;   // CUDA C++
  bool cached = false;  // its code was not made anew
  Code code;
  CuModule handle = nullptr;
  CuFunction function = nullptr;
};

/// The modules of a program's launches.
struct Modules {
  explicit Modules(std::shared_ptr<const Gpu> owner) : gpu(std::move(owner)) {}
  Modules(const Modules&) = delete;
  Modules& operator=(const Modules&) = delete;
  ~Modules();

  std::shared_ptr<const Gpu> gpu;
  std::vector<Module> all;
};

/// Loads the code of a module. The device's context is current. `where`: for messages.
Status loadModule(const Gpu& gpu, Module& module, const std::string& where);

}  // namespace quartet::cuda
