// Runs graphs and programs with no device: expressions point by point, kernels in the kernel
// interpreter. Errors come back as values; harness.h makes failed tests of them.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "hwdb/description.h"
#include "ir/module.h"
#include "runtime/program.h"

namespace quartet::test {

using Tensors = std::vector<std::shared_ptr<const ir::ConstantData>>;

/// Small devices with the shapes of real ones: 16 lanes and no groups; 4 lanes and groups of 8
/// without 8 or 16-bit storage and int64; scalars and groups of 4.
hwdb::Description vectorCpu();
hwdb::Description weakGpu();
hwdb::Description scalarGpu();

/// A cache of so many bytes, in lines of 64. `bytesPerCycle`: what it gives a unit; 0: not known.
hwdb::MemoryLevel cache(std::string name, int64_t bytes, double bytesPerCycle = 0);
/// vectorCpu with two caches, the outer one of which gives `bytesPerCycle`.
hwdb::Description cachedCpu(int64_t innerBytes, int64_t outerBytes, double bytesPerCycle = 0);

struct Run {
  Tensors outputs;
  uint32_t statusCode = 0;     // of the first op that had something to report
  int64_t loopIterations = 0;  // of kernels in the interpreter: the most of any (ir::KernelRun)
};

/// Op by op with ir::evaluate.
Result<Run> runExpressed(const ir::Module& graph, const Tensors& inputs,
                         const ir::SymbolValues& symbols = {});

/// All waves in the kernel interpreter, in memory as placed by the memory planner. Buffers start
/// with all bits set.
Result<Run> runInterpreted(const runtime::Program& program, const Tensors& inputs);

}  // namespace quartet::test
