// The registers that Roller counts on, to hold them against what compilers use.
#pragma once

#include <map>
#include <string>

#include "hwdb/description.h"
#include "ir/module.h"
#include "runtime/program.h"

namespace quartet::test {

/// What is counted of a task set.
struct CountedRegisters {
  int64_t accumulators = 0;  // registers that hold sums and the like; 0: no reduction
  int64_t registers = 0;
};

/// By the names of a plan's task sets.
std::map<std::string, CountedRegisters> countedRegisters(const ir::Module& plan,
                                                         const hwdb::Description& device);
/// By the number of the kernel that such a task set has become.
std::map<int, CountedRegisters> countedByKernel(
    const runtime::Program& program, const std::map<std::string, CountedRegisters>& counted);

}  // namespace quartet::test
