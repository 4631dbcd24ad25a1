#include "sched/copier.h"

namespace quartet::sched {

using ir::OpId;
using ir::ValueId;

OpId Copier::copy(OpId id, ir::RegionId region) {
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
  if (op.opcode == ir::Opcode::Constant) {
    const std::string& hash = op.attributes.get<std::string>("hash");
    to_.constants[hash] = from_.constants.at(hash);
  }
  const OpId made = to_.addOp(region, op.opcode, std::move(operands), std::move(types),
                              op.attributes, std::move(regions), op.origin);
  for (size_t i = 0; i < op.results.size(); ++i) values[op.results[i]] = to_.op(made).results[i];
  return made;
}

}  // namespace quartet::sched
