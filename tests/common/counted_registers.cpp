#include "tests/common/counted_registers.h"

#include "sched/roller/shape.h"

namespace quartet::test {

std::map<std::string, CountedRegisters> countedRegisters(const ir::Module& plan,
                                                         const hwdb::Description& device) {
  std::map<std::string, CountedRegisters> all;
  for (const ir::OpId tasks : sched::taskSets(plan)) {
    const sched::TaskView view = sched::viewOf(plan, tasks, {});
    CountedRegisters counted;
    if (view.reduces()) {
      const ir::Tile& tile = plan.op(view.anchor).attributes.get<ir::Tile>("tile");
      counted.registers = sched::tileRegisters(view, tile, device);
      counted.accumulators = 1;
      for (int axis = 0; axis < view.rank(); ++axis) {
        counted.accumulators *= tile.reg[static_cast<size_t>(axis)];
      }
      if (!tile.unit.empty()) counted.accumulators /= device.subgroup.value;
    }
    all[plan.op(tasks).attributes.get<std::string>("name")] = counted;
  }
  return all;
}

std::map<int, CountedRegisters> countedByKernel(
    const runtime::Program& program, const std::map<std::string, CountedRegisters>& counted) {
  std::map<int, CountedRegisters> byKernel;
  for (const runtime::Wave& wave : program.waves) {
    for (const runtime::Dispatch& dispatch : wave.dispatches) {
      const auto found = counted.find(dispatch.name);
      if (found != counted.end()) byKernel[dispatch.kernel] = found->second;
    }
  }
  return byKernel;
}

}  // namespace quartet::test
