#include "backends/common/lower_placed.h"

#include <algorithm>

#include "backends/common/plan_part.h"

namespace quartet::common {

using ir::Opcode;
using ir::OpId;
using ir::ValueId;
using runtime::PlacedProgram;

namespace {

/// A copy of the plan by the stages that it connects.
struct Crossing {
  OpId op;
  PlacedProgram::Step from;
  PlacedProgram::Step to;
};

/// Cuts the sequence of a plan into stages.
class Cutter {
 public:
  Cutter(const ir::Module& plan, const std::vector<PlanTarget>& targets)
      : plan_(plan), targets_(targets), parts(targets.size()) {}

  void run() {
    for (OpId id : plan_.region(plan_.top()).ops) {
      if (plan_.op(id).opcode != Opcode::Seq) continue;
      for (OpId node : plan_.region(plan_.op(id).regions[0]).ops) {
        if (plan_.op(node).opcode == Opcode::Copy) {
          waiting_.push_back(node);
        } else {
          addNode(node);
        }
      }
    }
    QT_ASSERT(waiting_.empty(), "a copy at the end of a plan, for nothing");
  }

 private:
  const ir::Module& plan_;
  const std::vector<PlanTarget>& targets_;

 public:
  std::vector<PlanPart> parts;
  std::vector<PlacedProgram::Step> steps;
  std::vector<Crossing> crossings;

 private:
  size_t indexOf(const std::string& device) const {
    for (size_t i = 0; i < targets_.size(); ++i) {
      if (targets_[i].device == device) return i;
    }
    throwInternalError("a device of the plan", "the plan names device '" + device + "'");
  }

  size_t deviceOf(OpId node) const {
    const ir::Op& op = plan_.op(node);
    const OpId tasks = op.opcode == Opcode::Tasks ? node : plan_.region(op.regions[0]).ops.front();
    return indexOf(plan_.op(tasks).attributes.get<std::string>("device"));
  }

  void addNode(OpId node) {
    const size_t device = deviceOf(node);
    if (steps.empty() || steps.back().device != device || !waiting_.empty()) open(device);
    parts[device].stages.back().nodes.push_back(node);
  }

  /// A new stage, which the copies that wait arrive at.
  void open(size_t device) {
    const PlacedProgram::Step step{device, parts[device].stages.size()};
    parts[device].stages.emplace_back();
    for (OpId copy : waiting_) {
      const ir::Op& op = plan_.op(copy);
      QT_ASSERT(indexOf(op.attributes.get<std::string>("device")) == device,
                "a copy goes to the device that runs next");
      const size_t from = indexOf(op.attributes.get<std::string>("from"));
      QT_ASSERT(from != device && !parts[from].stages.empty(), "a copy leaves another device");
      const PlacedProgram::Step source{from, parts[from].stages.size() - 1};
      parts[from].stages.back().downloads.push_back(op.operands[0]);
      parts[device].stages.back().uploads.push_back(op.operands[1]);
      crossings.push_back({copy, source, step});
    }
    waiting_.clear();
    steps.push_back(step);
  }

  std::vector<OpId> waiting_;  // copies to the next stage
};

}  // namespace

Result<PlacedProgram> lowerPlaced(const ir::Module& plan, const std::vector<PlanTarget>& targets,
                                  const ir::SymbolValues& symbols) {
  Cutter cutter(plan, targets);
  cutter.run();
  PlacedProgram placed;
  placed.steps = std::move(cutter.steps);
  std::vector<LoweredPart> lowered;
  for (size_t i = 0; i < targets.size(); ++i) {
    lowered.push_back(QT_TRY(lowerPart(plan, cutter.parts[i], *targets[i].description, symbols)));
    placed.devices.push_back(targets[i].device);
    placed.programs.push_back(std::move(lowered[i].program));
    placed.inputs.push_back(lowered[i].inputs);
    placed.outputs.push_back(lowered[i].outputs);
  }
  for (const Crossing& crossing : cutter.crossings) {
    const ir::Op& op = plan.op(crossing.op);
    const auto end = [&](const PlacedProgram::Step& step, ValueId value) {
      return PlacedProgram::End{step.device, step.stage, lowered[step.device].buffers.at(value)};
    };
    PlacedProgram::Copy copy;
    copy.from = end(crossing.from, op.operands[0]);
    copy.to = end(crossing.to, op.operands[1]);
    const auto& buffers = placed.programs[copy.from.device].buffers;
    copy.bytes = runtime::hostBytes(buffers[static_cast<size_t>(copy.from.buffer)]);
    copy.origin = op.origin;
    placed.copies.push_back(std::move(copy));
  }
  return placed;
}

}  // namespace quartet::common
