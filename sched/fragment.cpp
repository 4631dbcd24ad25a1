#include "sched/fragment.h"

#include <algorithm>

namespace quartet::sched {

using ir::Opcode;
using ir::OpId;
using ir::ValueId;

namespace {

/// Copies ops between plans, mapping values.
class Copier {
 public:
  Copier(const ir::Module& from, ir::Module& to) : from_(from), to_(to) {}

  std::map<ValueId, ValueId> values;

  OpId copy(OpId id, ir::RegionId region) {
    const ir::Op& op = from_.op(id);
    std::vector<ValueId> operands;
    for (ValueId operand : op.operands) operands.push_back(values.at(operand));
    std::vector<ir::Type> types;
    for (ValueId result : op.results) types.push_back(from_.type(result));
    std::vector<ir::RegionId> regions;
    for (ir::RegionId inner : op.regions) {
      regions.push_back(to_.addRegion());
      for (OpId child : from_.region(inner).ops) copy(child, regions.back());
    }
    if (op.opcode == Opcode::Constant) {
      const std::string& hash = op.attributes.get<std::string>("hash");
      to_.constants[hash] = from_.constants.at(hash);
    }
    const OpId made = to_.addOp(region, op.opcode, std::move(operands), std::move(types),
                                op.attributes, std::move(regions), op.origin);
    for (size_t i = 0; i < op.results.size(); ++i) {
      values[op.results[i]] = to_.op(made).results[i];
    }
    return made;
  }

 private:
  const ir::Module& from_;
  ir::Module& to_;
};

}  // namespace

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
