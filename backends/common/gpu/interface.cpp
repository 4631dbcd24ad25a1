#include "backends/common/gpu/interface.h"

#include <algorithm>

namespace quartet::gpu {

using ir::Op;
using ir::Opcode;

namespace {

template <class Visit>
void forEachOp(const ir::Module& kernel, ir::RegionId region, const Visit& visit) {
  for (const ir::OpId id : kernel.region(region).ops) {
    visit(kernel.op(id));
    for (const ir::RegionId inner : kernel.op(id).regions) forEachOp(kernel, inner, visit);
  }
}

int64_t parameterCount(const ir::Module& kernel) {
  int64_t count = 0;
  forEachOp(kernel, kernel.top(), [&](const Op& op) {
    if (op.opcode == Opcode::Param) count = std::max(count, op.attributes.integer("index") + 1);
  });
  return count;
}

}  // namespace

bool contains(const ir::Module& kernel, Opcode opcode) {
  bool found = false;
  forEachOp(kernel, kernel.top(), [&](const Op& op) { found |= op.opcode == opcode; });
  return found;
}

std::vector<ir::Type> matrixTypes(const ir::Module& kernel) {
  std::vector<ir::Type> types;
  for (int i = 0; i < kernel.valueCount(); ++i) {
    const ir::Type& type = kernel.type({i});
    if (type.rows == 0) continue;
    if (std::find(types.begin(), types.end(), type.held()) == types.end()) {
      types.push_back(type.held());
    }
  }
  return types;
}

Interface interfaceOf(std::span<const ir::Module* const> kernels, const Target& target) {
  Interface interface;
  for (const ir::Module* kernel : kernels) {
    interface.local = kernel->attributes.integer("local");
    if (kernel->attributes.has("subgroup")) {
      interface.subgroup = kernel->attributes.integer("subgroup");
    }
    interface.buffers += static_cast<int64_t>(kernel->region(kernel->top()).parameters.size());
    interface.status |= contains(*kernel, Opcode::Report);
    interface.parameters.push_back(parameterCount(*kernel));
    interface.words += 1 + interface.parameters.back();
  }
  interface.wordsInBuffer = interface.words > target.pushWords;
  return interface;
}

}  // namespace quartet::gpu
