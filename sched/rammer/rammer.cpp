#include "sched/rammer/rammer.h"

#include <algorithm>
#include <map>

#include "ir/origin.h"
#include "sched/task_set.h"

namespace quartet::sched {

using ir::Opcode;
using ir::OpId;
using ir::ValueId;

namespace {

/// The last waves that read and wrote a buffer, -1 for none.
struct LastUse {
  int read = -1;
  int write = -1;
};

}  // namespace

Result<ir::Module> rammer(ir::Module plan, const Budget&, const Env& env) {
  const std::vector<OpId> sets = taskSets(plan);
  std::map<ValueId, LastUse> uses;
  std::vector<std::vector<OpId>> waves;
  for (OpId tasks : sets) {
    int wave = env.options.rammer ? 0 : static_cast<int>(waves.size());
    const auto& body = plan.region(plan.op(tasks).regions[0]).ops;
    const auto forBuffers = [&](const auto& visit) {
      for (OpId id : body) {
        const ir::Op& op = plan.op(id);
        for (ValueId operand : op.operands) {
          if (plan.type(operand).kind != ir::Type::Kind::Buffer) continue;
          visit(uses[aliasRoot(plan, operand)], op.opcode == Opcode::Write);
        }
      }
    };
    forBuffers([&](const LastUse& last, bool write) {
      wave = std::max(wave, last.write + 1);
      if (write) wave = std::max(wave, last.read + 1);
    });
    forBuffers([&](LastUse& last, bool write) {
      int& place = write ? last.write : last.read;
      place = std::max(place, wave);
    });
    if (static_cast<size_t>(wave) >= waves.size()) waves.resize(static_cast<size_t>(wave) + 1);
    waves[static_cast<size_t>(wave)].push_back(tasks);
  }

  ir::RegionId root;
  for (OpId id : plan.region(plan.top()).ops) {
    if (plan.op(id).opcode == Opcode::Seq) root = plan.op(id).regions[0];
  }
  QT_ASSERT(root.valid(), "a plan without a seq");
  plan.region(root).ops.clear();
  for (const std::vector<OpId>& wave : waves) {
    const ir::RegionId region = plan.addRegion();
    plan.region(region).ops = wave;
    std::vector<const ir::Origin*> origins;
    for (OpId tasks : wave) origins.push_back(&plan.op(tasks).origin);
    const ir::Origin origin = ir::mergeOrigins(origins);
    ir::Attributes attributes;
    attributes.set("at", std::string("stream"));
    plan.addOp(root, Opcode::Par, {}, {}, std::move(attributes), {region}, origin);
  }
  return plan;
}

}  // namespace quartet::sched
