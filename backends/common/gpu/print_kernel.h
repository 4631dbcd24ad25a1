// Kernel IR -> statements of a C-like language. Prints only: kernels are legal for the target
// (raise.h). What stands around the statements is the language's own: how buffers reach a kernel,
// what a function looks like.
#pragma once

#include <string>
#include <vector>

#include "backends/common/gpu/interface.h"
#include "backends/common/gpu/language.h"
#include "backends/common/gpu/prelude.h"

namespace quartet::gpu {

/// A buffer as the statements refer to it: arrays of one memory, one for each width, in elements,
/// that it is accessed by. At least one view, narrower ones first.
struct PrintedBuffer {
  struct View {
    int width = 1;
    std::string name;  // "b3", "b3x4"
    std::string type;  // of an array element: "float", "vec4"
  };
  int64_t binding = 0;
  ir::Type::Access access = ir::Type::Access::Read;
  bool coherent = false;  // barriers order accesses to it too
  std::vector<View> views;
};

/// Statements use `group` (int), `words.word[]`, the buffers' views and the workgroup memory.
struct PrintedKernel {
  std::vector<PrintedBuffer> buffers;
  std::string shared;      // declarations of workgroup memory
  std::string statements;  // indented by one level
};

/// Where a kernel stands among those of one launch: its number, and where its bindings and its
/// parameters (behind the number of groups) begin.
struct KernelPlace {
  int number = 0;
  int64_t firstBinding = 0;
  int64_t firstWord = 0;
};

/// Functions that the statements call are added to `prelude`.
PrintedKernel printKernel(const ir::Module& kernel, const Language& language, const Target& target,
                          Prelude& prelude, const KernelPlace& place);

}  // namespace quartet::gpu
