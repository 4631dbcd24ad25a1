#include "sched/fragment.h"

#include "sched/copier.h"

namespace quartet::sched {

using ir::Opcode;
using ir::OpId;
using ir::ValueId;

Region extract(const ir::Module& plan, OpId tasks, const std::vector<bool>& freeByValue,
               std::vector<ValueId>& outer) {
  Region region{ir::Module(ir::Level::Plan, plan.name), {}};
  region.plan.symbols = plan.symbols;
  Copier copier(plan, region.plan);
  for (OpId id : plan.region(plan.op(tasks).regions[0]).ops) {
    for (ValueId operand : plan.op(id).operands) {
      if (plan.type(operand).kind != ir::Type::Kind::Buffer || copier.values.contains(operand)) {
        continue;
      }
      const OpId definition = plan.value(operand).definition;
      if (definition.valid() && plan.op(definition).opcode == Opcode::Constant) {
        copier.copy(definition, region.plan.top());
        continue;
      }
      copier.values[operand] = region.plan.addParameter(region.plan.top(), plan.type(operand));
      outer.push_back(operand);
      region.freeLayout.push_back(freeByValue[static_cast<size_t>(operand.index)]);
    }
  }
  copier.copy(tasks, region.plan.top());
  region.plan.addOp(region.plan.top(), Opcode::Return, {}, {});
  return region;
}

void splice(const ir::Module& fragment, ir::Module& plan, ir::RegionId region,
            const std::vector<ValueId>& outer, const std::string& name) {
  Copier copier(fragment, plan);
  const auto& parameters = fragment.region(fragment.top()).parameters;
  for (size_t i = 0; i < parameters.size(); ++i) copier.values[parameters[i]] = outer[i];
  int count = 0;
  for (OpId id : fragment.region(fragment.top()).ops) {
    const Opcode opcode = fragment.op(id).opcode;
    if (opcode == Opcode::Return) continue;
    const bool declares = opcode == Opcode::Constant || opcode == Opcode::Buffer;
    const OpId made = copier.copy(id, declares ? plan.top() : region);
    if (opcode == Opcode::Tasks) {
      const std::string suffix = count == 0 ? "" : "." + std::to_string(count);
      plan.op(made).attributes.set("name", name + suffix);
      ++count;
    }
  }
}

}  // namespace quartet::sched
