#include "backends/common/math.h"

namespace quartet::common {

bool isExpandable(ir::Opcode, ir::DType) { return false; }
ir::ValueId expandScalar(ir::KernelBuilder&, ir::Opcode, const std::vector<ir::ValueId>&) {
  return {};
}

}  // namespace quartet::common
