#include "backends/cpu/raise.h"

#include "backends/common/math.h"

namespace quartet::cpu {

ir::Module raise(const ir::Module& kernel) {
  if (kernel.attributes.has("local")) {
    QT_ASSERT(kernel.attributes.integer("local") == 1,
              "a CPU kernel has one invocation per group: " + kernel.name);
  }
  return common::expandMath(kernel);
}

}  // namespace quartet::cpu
