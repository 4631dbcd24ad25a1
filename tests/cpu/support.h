// Compiles one kernel and runs it on host memory.
#pragma once

#include <doctest/doctest.h>

#include <array>
#include <memory>
#include <vector>

#include "backends/cpu/jit.h"
#include "backends/cpu/raise.h"
#include "ir/kernel.h"

namespace quartet::tests {

struct KernelStatus {
  uint32_t code = 0;
  uint32_t node = 0;
};

class CompiledKernel {
 public:
  explicit CompiledKernel(const ir::Module& kernel, bool keepAssembly = false) {
    const ir::Module raised = cpu::raise(kernel);
    cpu::Jit::Options options;
    options.keepAssembly = keepAssembly;
    auto jit = cpu::Jit::compile({&raised}, options);
    REQUIRE(jit.has_value());
    jit_ = std::move(*jit);
  }

  KernelStatus run(const std::vector<void*>& buffers, int64_t groups = 1,
                   const std::vector<uint32_t>& params = {}) const {
    alignas(8) std::array<uint32_t, 4> status{};
    jit_->functions()[0](buffers.data(), params.data(), status.data(), 0, groups);
    return {status[0], status[1]};
  }

  const std::string& assembly() const { return jit_->assembly(); }

 private:
  std::unique_ptr<cpu::Jit> jit_;
};

/// An empty kernel with one buffer per given dtype, named b0, b1, ...
inline ir::Module makeKernel(const std::vector<ir::DType>& dtypes,
                             std::vector<ir::ValueId>& buffers, int64_t elements = 1 << 20) {
  ir::Module kernel(ir::Level::Kernel, "test");
  for (size_t i = 0; i < dtypes.size(); ++i) {
    buffers.push_back(kernel.addParameter(
        kernel.top(), ir::Type::kernelBuffer(dtypes[i], elements, ir::Type::Access::ReadWrite),
        "b" + std::to_string(i)));
  }
  return kernel;
}

}  // namespace quartet::tests
