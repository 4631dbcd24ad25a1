#include "backends/common/lower_plan.h"

#include <map>
#include <set>

#include "backends/common/index_limits.h"
#include "backends/common/loop_limit.h"
#include "backends/common/lower_tasks.h"
#include "backends/common/plan_part.h"
#include "backends/common/storage.h"
#include "backends/common/windows.h"
#include "ir/text.h"

namespace quartet::common {

using ir::Opcode;
using ir::OpId;
using ir::ValueId;

namespace {

bool isDeclaration(const ir::Op& op) {
  return op.opcode == Opcode::Constant || op.opcode == Opcode::Buffer;
}

class PlanLowering {
 public:
  PlanLowering(const ir::Module& plan, const hwdb::Description& device,
               const ir::SymbolValues& symbols)
      : plan_(plan), device_(device), symbols_(symbols) {}

  Result<runtime::Program> run();
  Result<LoweredPart> run(const PlanPart& part);

 private:
  void findUsed(OpId node);
  bool skipped(ValueId buffer) const { return partial_ && !used_.contains(buffer); }
  Status addNode(OpId id);
  Status addBuffer(ValueId value, runtime::BufferInfo::Kind kind, std::string name);
  Status addParameters();
  Status declare(OpId id);
  Status walk(ir::RegionId region);
  Status addTasks(OpId tasks);
  Status addSites(const std::vector<ReportSite>& sites, const ir::Origin& origin);
  std::set<ValueId> oversized(OpId tasks) const;
  int kernelIndex(ir::Module kernel);

  const ir::Module& plan_;
  const hwdb::Description& device_;
  const ir::SymbolValues& symbols_;
  runtime::Program program_;
  std::map<ValueId, int> buffers_;
  std::map<std::string, int> kernels_;  // by text
  bool partial_ = false;                // only what `used_` holds
  std::set<ValueId> used_;
  std::vector<size_t> inputs_, outputs_;  // numbers of the parameters that are buffers
};

Status PlanLowering::addBuffer(ValueId value, runtime::BufferInfo::Kind kind, std::string name) {
  const ir::Type& type = plan_.type(value);
  runtime::BufferInfo buffer;
  buffer.kind = kind;
  buffer.name = std::move(name);
  buffer.logical = type.dtype;
  buffer.storage = storageType(type.dtype, device_);
  buffer.layout = type.layout;
  const int64_t elements = QT_TRY(storedElements(plan_, value, symbols_));
  for (const ir::Dim& dim : type.shape) buffer.shape.push_back(QT_TRY(dim.evaluate(symbols_)));
  buffer.bytes = elements * ir::byteSize(buffer.storage);
  if (kind == runtime::BufferInfo::Kind::Constant) {
    buffer.data = plan_.constantOf(value);
    buffer.hash = plan_.op(plan_.value(value).definition).attributes.get<std::string>("hash");
  }
  buffers_[value] = static_cast<int>(program_.buffers.size());
  program_.buffers.push_back(std::move(buffer));
  return {};
}

int PlanLowering::kernelIndex(ir::Module kernel) {
  ir::PrintOptions options;
  options.origins = false;
  const auto [found, fresh] =
      kernels_.emplace(ir::print(kernel, options), static_cast<int>(program_.kernels.size()));
  if (fresh) {
    kernel.name = "k" + std::to_string(found->second);
    program_.kernels.push_back(std::move(kernel));
  }
  return found->second;
}

/// Buffers of a task set that one binding cannot reach.
std::set<ValueId> PlanLowering::oversized(OpId tasks) const {
  std::set<ValueId> found;
  for (OpId id : plan_.region(plan_.op(tasks).regions[0]).ops) {
    for (ValueId operand : plan_.op(id).operands) {
      const auto buffer = buffers_.find(operand);
      if (buffer == buffers_.end()) continue;
      const int64_t bytes = program_.buffers[static_cast<size_t>(buffer->second)].bytes;
      if (bytes > device_.maxBindingBytes.value) found.insert(operand);
    }
  }
  return found;
}

/// What the reports of a task set with this origin stand for.
Status PlanLowering::addSites(const std::vector<ReportSite>& sites, const ir::Origin& origin) {
  for (const ReportSite& site : sites) {
    const ir::Op& tile = plan_.op(site.tile);
    runtime::StatusSite named{tile.origin.empty() ? origin : tile.origin, {}, 0};
    if (tile.attributes.has("operation")) {
      named.operation = tile.attributes.get<std::string>("operation");
    }
    named.extent = QT_TRY(site.extent.evaluate(symbols_));
    program_.statusSites.push_back(std::move(named));
  }
  return {};
}

Status PlanLowering::addTasks(OpId tasks) {
  const ir::Op& op = plan_.op(tasks);
  QT_CHECK(checkLoops(plan_, tasks, symbols_));
  QT_CHECK(checkLoopLimit(plan_, tasks, device_, symbols_));
  LoweredTasks lowered = lowerTasks(
      plan_, tasks, device_, static_cast<int64_t>(program_.statusSites.size()), oversized(tasks));
  QT_CHECK(addSites(lowered.sites, op.origin));
  runtime::Dispatch dispatch;
  dispatch.origin = op.origin;
  dispatch.name = op.attributes.get<std::string>("name");
  const auto predicted = [&](std::string_view key) {
    return op.attributes.has(key) ? op.attributes.get<double>(key) : 0.0;
  };
  dispatch.flops = predicted("flops");
  dispatch.bytes = predicted("bytes");
  dispatch.cycles = predicted("cycles");
  dispatch.gigaflops = predicted("gigaflops");
  dispatch.microseconds = predicted("microseconds");
  dispatch.groups = 1;
  for (const ir::Dim& tiles : lowered.tiles) {
    dispatch.groups *= QT_TRY(tiles.evaluate(symbols_));
  }
  for (const std::string& symbol : lowered.symbols) {
    dispatch.parameters.push_back(
        static_cast<uint32_t>(QT_TRY(ir::Dim::symbol(symbol).evaluate(symbols_))));
  }
  for (ValueId buffer : lowered.buffers) {
    const int index = buffers_.at(buffer);
    const int64_t bytes = program_.buffers[static_cast<size_t>(index)].bytes;
    dispatch.bindings.push_back({index, 0, bytes});
  }
  if (dispatch.groups == 0) return {};  // an empty tensor: nothing to compute
  std::vector<runtime::Dispatch> pieces{dispatch};
  if (!lowered.windowed.empty()) {
    pieces = QT_TRY(
        cutIntoWindows(plan_, tasks, lowered, dispatch, program_.buffers, device_, symbols_));
  }
  const int kernel = kernelIndex(std::move(lowered.kernel));
  for (runtime::Dispatch& piece : pieces) {
    piece.kernel = kernel;
    program_.waves.back().dispatches.push_back(std::move(piece));
  }
  return {};
}

Status PlanLowering::declare(OpId id) {
  const ir::Op& op = plan_.op(id);
  if (skipped(op.results[0])) return {};
  if (!op.operands.empty()) {
    buffers_[op.results[0]] = buffers_.at(op.operands[0]);
    return {};
  }
  const bool constant = op.opcode == Opcode::Constant;
  return addBuffer(
      op.results[0],
      constant ? runtime::BufferInfo::Kind::Constant : runtime::BufferInfo::Kind::Arena,
      plan_.value(op.results[0]).name);
}

/// A wave, or a task set that is one by itself.
Status PlanLowering::addNode(OpId id) {
  const ir::Op& op = plan_.op(id);
  program_.waves.emplace_back();
  if (op.opcode == Opcode::Par) {
    for (OpId tasks : plan_.region(op.regions[0]).ops) QT_CHECK(addTasks(tasks));
  } else {
    QT_ASSERT(op.opcode == Opcode::Tasks, "no lowering for " + std::string(ir::name(op.opcode)));
    QT_CHECK(addTasks(id));
  }
  if (program_.waves.back().dispatches.empty()) program_.waves.pop_back();
  return {};
}

Status PlanLowering::walk(ir::RegionId region) {
  for (OpId id : plan_.region(region).ops) {
    const ir::Op& op = plan_.op(id);
    if (isDeclaration(op)) {
      QT_CHECK(declare(id));
    } else if (op.opcode == Opcode::Seq) {
      QT_CHECK(walk(op.regions[0]));
    } else if (op.opcode != Opcode::Return) {
      QT_CHECK(addNode(id));
    }
  }
  return {};
}

Status PlanLowering::addParameters() {
  program_.name = plan_.name;
  const auto& parameters = plan_.region(plan_.top()).parameters;
  const size_t inputs = parameters.size() - plan_.outputs.size();
  for (size_t i = 0; i < parameters.size(); ++i) {
    if (skipped(parameters[i])) continue;
    const bool input = i < inputs;
    (input ? inputs_ : outputs_).push_back(input ? i : i - inputs);
    QT_CHECK(addBuffer(parameters[i],
                       input ? runtime::BufferInfo::Kind::Input : runtime::BufferInfo::Kind::Output,
                       input ? plan_.value(parameters[i]).name : plan_.outputs[i - inputs]));
  }
  return {};
}

Result<runtime::Program> PlanLowering::run() {
  QT_CHECK(addParameters());
  QT_CHECK(walk(plan_.top()));
  return std::move(program_);
}

void PlanLowering::findUsed(OpId node) {
  const ir::Op& op = plan_.op(node);
  for (ValueId operand : op.operands) {
    if (plan_.type(operand).kind != ir::Type::Kind::Buffer) continue;
    for (;;) {  // with what it is an alias of
      used_.insert(operand);
      const OpId definition = plan_.value(operand).definition;
      if (!definition.valid() || plan_.op(definition).operands.empty()) break;
      operand = plan_.op(definition).operands[0];
    }
  }
  for (ir::RegionId region : op.regions) {
    for (OpId inner : plan_.region(region).ops) findUsed(inner);
  }
}

Result<LoweredPart> PlanLowering::run(const PlanPart& part) {
  partial_ = true;
  for (const PlanPart::Stage& stage : part.stages) {
    for (OpId node : stage.nodes) findUsed(node);
    used_.insert(stage.uploads.begin(), stage.uploads.end());
    used_.insert(stage.downloads.begin(), stage.downloads.end());
  }
  QT_CHECK(addParameters());
  for (OpId id : plan_.region(plan_.top()).ops) {
    if (isDeclaration(plan_.op(id))) QT_CHECK(declare(id));
  }
  for (const PlanPart::Stage& stage : part.stages) {
    for (OpId node : stage.nodes) QT_CHECK(addNode(node));
    runtime::Stage lowered{program_.waves.size(), {}, {}};
    for (ValueId value : stage.uploads) lowered.uploads.push_back(buffers_.at(value));
    for (ValueId value : stage.downloads) lowered.downloads.push_back(buffers_.at(value));
    program_.stages.push_back(std::move(lowered));
  }
  return LoweredPart{std::move(program_), std::move(buffers_), std::move(inputs_),
                     std::move(outputs_)};
}

}  // namespace

Result<runtime::Program> lowerPlan(const ir::Module& plan, const hwdb::Description& device,
                                   const ir::SymbolValues& symbols) {
  return PlanLowering(plan, device, symbols).run();
}

Result<LoweredPart> lowerPart(const ir::Module& plan, const PlanPart& part,
                              const hwdb::Description& device, const ir::SymbolValues& symbols) {
  return PlanLowering(plan, device, symbols).run(part);
}

}  // namespace quartet::common
