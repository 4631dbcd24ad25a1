#include "tests/sched/properties.h"

#include <algorithm>
#include <map>
#include <set>
#include <vector>

namespace quartet::test {

using ir::Opcode;
using ir::OpId;
using ir::ValueId;

namespace {

struct TaskSet {
  std::string name;
  int wave = 0;
  std::set<ValueId> reads, writes;  // buffers, aliases resolved
};

ValueId rootOf(const ir::Module& plan, ValueId buffer) {
  const OpId definition = plan.value(buffer).definition;
  if (!definition.valid() || plan.op(definition).operands.empty()) return buffer;
  return rootOf(plan, plan.op(definition).operands[0]);
}

/// Task sets in program order. Outside of a par each is a wave of its own.
void collect(const ir::Module& plan, ir::RegionId region, bool inPar, int& wave,
             std::vector<TaskSet>& found) {
  for (OpId id : plan.region(region).ops) {
    const ir::Op& op = plan.op(id);
    if (op.opcode == Opcode::Tasks) {
      TaskSet set{op.attributes.get<std::string>("name"), wave, {}, {}};
      for (OpId inner : plan.region(op.regions[0]).ops) {
        const ir::Op& part = plan.op(inner);
        for (ValueId operand : part.operands) {
          if (plan.type(operand).kind != ir::Type::Kind::Buffer) continue;
          (part.opcode == Opcode::Write ? set.writes : set.reads).insert(rootOf(plan, operand));
        }
      }
      found.push_back(std::move(set));
      if (!inPar) ++wave;
    } else {
      for (ir::RegionId inner : op.regions) {
        collect(plan, inner, op.opcode == Opcode::Par, wave, found);
      }
      if (op.opcode == Opcode::Par) ++wave;
    }
  }
}

std::vector<TaskSet> taskSetsOf(const ir::Module& plan) {
  std::vector<TaskSet> found;
  int wave = 0;
  collect(plan, plan.top(), false, wave, found);
  return found;
}

bool meet(const std::set<ValueId>& a, const std::set<ValueId>& b) {
  for (ValueId value : a) {
    if (b.contains(value)) return true;
  }
  return false;
}

bool depend(const TaskSet& a, const TaskSet& b) {
  return meet(a.writes, b.writes) || meet(a.writes, b.reads) || meet(a.reads, b.writes);
}

}  // namespace

std::optional<std::string> brokenWaves(const ir::Module& unordered, const ir::Module& plan) {
  std::vector<TaskSet> before = taskSetsOf(unordered);
  std::map<std::string, int> waves;
  for (const TaskSet& set : taskSetsOf(plan)) {
    if (!waves.emplace(set.name, set.wave).second) return set.name + " is there twice";
  }
  if (waves.size() != before.size()) return "the number of task sets changed";
  for (TaskSet& set : before) {
    const auto found = waves.find(set.name);
    if (found == waves.end()) return set.name + " is gone";
    set.wave = found->second;
  }
  for (size_t j = 0; j < before.size(); ++j) {
    int earliest = 0;
    for (size_t i = 0; i < j; ++i) {
      if (!depend(before[i], before[j])) continue;
      if (before[i].wave >= before[j].wave) {
        return before[j].name + " depends on " + before[i].name +
               ", which is not in an earlier wave";
      }
      earliest = std::max(earliest, before[i].wave + 1);
    }
    if (before[j].wave != earliest) {
      return before[j].name + " could stand in wave " + std::to_string(earliest) + ", not in " +
             std::to_string(before[j].wave);
    }
  }
  return std::nullopt;
}

std::optional<std::string> dependentInWave(const ir::Module& plan) {
  const std::vector<TaskSet> sets = taskSetsOf(plan);
  for (size_t i = 0; i < sets.size(); ++i) {
    for (size_t j = i + 1; j < sets.size(); ++j) {
      if (sets[i].wave == sets[j].wave && depend(sets[i], sets[j])) {
        return sets[i].name + " and " + sets[j].name + " of one wave depend on each other";
      }
    }
  }
  return std::nullopt;
}

std::optional<std::string> tileBeyondLimits(const ir::Module& plan,
                                            const hwdb::Description& device) {
  for (int i = 0; i < plan.opCount(); ++i) {
    const ir::Op& op = plan.op({i});
    if (op.opcode != Opcode::Tile) continue;
    const auto& tile = op.attributes.get<ir::Tile>("tile");
    if (tile.empty()) continue;
    const ir::TensorExpr& expr = op.attributes.expr();
    if (tile.laneAxis >= 0 && tile.lanes != device.vectorLanes.value) {
      return tile.str() + ": the device has vectors of " +
             std::to_string(device.vectorLanes.value) + " lanes";
    }
    int64_t values = expr.init.empty() ? 1 : 0;  // of 32 bits at least, per point
    for (const ir::Expr& init : expr.init)
      values += std::max<int64_t>(ir::byteSize(init.dtype()) / 4, 1);
    for (size_t axis = 0; axis < tile.reg.size(); ++axis) {
      const bool lane = tile.laneAxis == static_cast<int>(axis);
      if (tile.reg[axis] < 1 || (lane && tile.reg[axis] % tile.lanes != 0)) {
        return tile.str() + ": a register tile of part of a vector";
      }
      if (axis >= expr.domain.size()) continue;
      if (tile.group[axis] < 1) return tile.str() + ": an empty group";
      values *= tile.reg[axis] / (lane ? tile.lanes : 1);
    }
    if (values > device.vectorRegisters.value) {
      return tile.str() + ": " + std::to_string(values) + " vectors for " +
             std::to_string(device.vectorRegisters.value) + " registers";
    }
  }
  return std::nullopt;
}

}  // namespace quartet::test
