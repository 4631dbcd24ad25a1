#include "sched/roller/copies.h"

#include <algorithm>

namespace quartet::sched {

using ir::Opcode;

AddedCopy addCopy(ir::Module& plan, ir::OpId tasks, ir::ValueId source, ir::TensorExpr copy,
                  ir::Layout layout, const std::string& name) {
  const ir::DType dtype = copy.resultTypes()[0];
  const std::vector<ir::Dim> shape = copy.domain;
  AddedCopy added;
  added.buffer =
      plan.result(plan.addOp(plan.top(), Opcode::Buffer, {},
                             {ir::Type::buffer(dtype, shape, std::move(layout))}, {}, {}, {}, 0));
  ir::Attributes attributes;
  attributes.set("expr", std::make_shared<const ir::TensorExpr>(std::move(copy)));
  attributes.set("tile", ir::Tile{});
  const ir::Origin origin = plan.op(tasks).origin;
  const ir::RegionId region = plan.addRegion();
  const ir::OpId tile = plan.addOp(region, Opcode::Tile, {source}, {ir::Type::tensor(dtype, shape)},
                                   std::move(attributes), {}, origin);
  plan.addOp(region, Opcode::Write, {plan.result(tile), added.buffer}, {});
  ir::Attributes named;
  named.set("name", name);
  const auto& ops = plan.region(plan.top()).ops;
  const auto place = std::find(ops.begin(), ops.end(), tasks) - ops.begin();
  added.tasks = plan.addOp(plan.top(), Opcode::Tasks, {}, {}, std::move(named), {region}, origin,
                           static_cast<int>(place));
  return added;
}

}  // namespace quartet::sched
