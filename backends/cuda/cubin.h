// What a CUBIN says of the code in it.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "base/result.h"

namespace quartet::cuda {

/// What an invocation (thread) or a group (block) of a kernel takes.
struct KernelFigures {
  int64_t registers = 0;    // of 32 bits, of an invocation
  int64_t stackBytes = 0;   // of an invocation, in device memory: spilled registers, arrays
  int64_t sharedBytes = 0;  // of a group
  int64_t codeBytes = 0;
};

/// Reads them from the ELF file that NVRTC makes for a real architecture. An error (kind Internal)
/// when `cubin` is no such file or has no such kernel.
Result<KernelFigures> readFigures(std::span<const std::byte> cubin, std::string_view kernel);

}  // namespace quartet::cuda
