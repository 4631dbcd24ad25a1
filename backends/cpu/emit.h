// Kernel IR -> LLVM IR.
#pragma once

#include <string>

#include "ir/module.h"

namespace llvm {
class Module;
}

namespace quartet::cpu {

/// A compiled kernel: runs groups [firstGroup, lastGroup). `buffers` holds one pointer per kernel
/// parameter (storage elements, aligned to the element), `params` the u32 launch parameters,
/// `status` the status {u32 code, u32 node, i64 detail}, aligned to 8 bytes and shared by all
/// threads. Buffers of one call must not overlap, unless both are only read.
using KernelFunction = void (*)(void* const* buffers, const uint32_t* params, uint32_t* status,
                                int64_t firstGroup, int64_t lastGroup);

/// Adds to `module` the function `symbol` of type KernelFunction that runs `kernel`. The kernel is
/// verified and legal for this target (raise.h): one invocation per group, no f32 transcendentals.
void emitKernel(const ir::Module& kernel, const std::string& symbol, llvm::Module& module);

}  // namespace quartet::cpu
