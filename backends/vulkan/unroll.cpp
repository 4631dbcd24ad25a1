#include "backends/vulkan/unroll.h"

#include <optional>

namespace quartet::vulkan {

namespace {

/// Of all turns together: an eighth of the registers that an invocation can have on hardware.
constexpr int64_t kMostLoads = 32;

std::optional<int64_t> literal(const ir::Module& kernel, ir::ValueId value) {
  const ir::OpId definition = kernel.value(value).definition;
  if (!definition.valid() || kernel.op(definition).opcode != ir::Opcode::Literal) return {};
  return kernel.op(definition).attributes.get<int64_t>("value");
}

std::optional<int64_t> turnsOf(const ir::Module& kernel, const ir::Op& loop) {
  const auto lo = literal(kernel, loop.operands[0]);
  const auto hi = literal(kernel, loop.operands[1]);
  const auto step = literal(kernel, loop.operands[2]);
  if (!lo || !hi || !step) return {};
  return *hi <= *lo ? 0 : (*hi - *lo + *step - 1) / *step;
}

/// Loads in a region, those of a loop once for each turn where the turns are known.
int64_t loadsIn(const ir::Module& kernel, ir::RegionId region) {
  int64_t count = 0;
  for (const ir::OpId id : kernel.region(region).ops) {
    const ir::Op& op = kernel.op(id);
    if (op.opcode == ir::Opcode::Load || op.opcode == ir::Opcode::GatherLoad) ++count;
    const int64_t turns =
        op.opcode == ir::Opcode::For ? turnsOf(kernel, op).value_or(1) : int64_t{1};
    for (const ir::RegionId inner : op.regions) count += turns * loadsIn(kernel, inner);
    if (count > kMostLoads) break;
  }
  return count;
}

}  // namespace

bool mayUnroll(const ir::Module& kernel, const ir::Op& loop) {
  const auto turns = turnsOf(kernel, loop);
  // More turns than loads are worth are no loop to unroll, whatever is in it.
  return turns && *turns <= kMostLoads && *turns * loadsIn(kernel, loop.regions[0]) <= kMostLoads;
}

}  // namespace quartet::vulkan
