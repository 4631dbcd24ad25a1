#include "backends/common/lower_plan.h"

#include <map>
#include <set>

#include "backends/common/lower_tasks.h"
#include "backends/common/storage.h"
#include "backends/common/windows.h"
#include "ir/text.h"

namespace quartet::common {

using ir::Opcode;
using ir::OpId;
using ir::ValueId;

namespace {

class PlanLowering {
 public:
  PlanLowering(const ir::Module& plan, const hwdb::Description& device,
               const ir::SymbolValues& symbols)
      : plan_(plan), device_(device), symbols_(symbols) {}

  Result<runtime::Program> run();

 private:
  Status addBuffer(ValueId value, runtime::BufferInfo::Kind kind, std::string name);
  Status walk(ir::RegionId region, bool insideWave);
  Status addTasks(OpId tasks);
  std::set<ValueId> oversized(OpId tasks) const;
  int kernelIndex(ir::Module kernel);

  const ir::Module& plan_;
  const hwdb::Description& device_;
  const ir::SymbolValues& symbols_;
  runtime::Program program_;
  std::map<ValueId, int> buffers_;
  std::map<std::string, int> kernels_;  // by text
};

Status PlanLowering::addBuffer(ValueId value, runtime::BufferInfo::Kind kind, std::string name) {
  const ir::Type& type = plan_.type(value);
  runtime::BufferInfo buffer;
  buffer.kind = kind;
  buffer.name = std::move(name);
  buffer.logical = type.dtype;
  buffer.storage = storageType(type.dtype, device_);
  buffer.layout = type.layout;
  int64_t elements = 1;
  for (const ir::Dim& dim : type.layout.physicalShape(type.shape)) {
    elements *= QT_TRY(dim.evaluate(symbols_));
  }
  for (const ir::Dim& dim : type.shape) buffer.shape.push_back(QT_TRY(dim.evaluate(symbols_)));
  buffer.bytes = elements * ir::byteSize(buffer.storage);
  if (kind == runtime::BufferInfo::Kind::Constant) buffer.data = plan_.constantOf(value);
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

Status PlanLowering::addTasks(OpId tasks) {
  const ir::Op& op = plan_.op(tasks);
  LoweredTasks lowered = lowerTasks(
      plan_, tasks, device_, static_cast<int64_t>(program_.statusNodes.size()), oversized(tasks));
  program_.statusNodes.push_back(op.origin);
  runtime::Dispatch dispatch;
  dispatch.origin = op.origin;
  dispatch.name = op.attributes.get<std::string>("name");
  const auto predicted = [&](std::string_view key) {
    return op.attributes.has(key) ? op.attributes.get<double>(key) : 0.0;
  };
  dispatch.flops = predicted("flops");
  dispatch.bytes = predicted("bytes");
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

Status PlanLowering::walk(ir::RegionId region, bool insideWave) {
  for (OpId id : plan_.region(region).ops) {
    const ir::Op& op = plan_.op(id);
    switch (op.opcode) {
      case Opcode::Constant:
        QT_CHECK(addBuffer(op.results[0], runtime::BufferInfo::Kind::Constant,
                           plan_.value(op.results[0]).name));
        break;
      case Opcode::Buffer:
        if (op.operands.empty()) {
          QT_CHECK(addBuffer(op.results[0], runtime::BufferInfo::Kind::Arena,
                             plan_.value(op.results[0]).name));
        } else {
          buffers_[op.results[0]] = buffers_.at(op.operands[0]);
        }
        break;
      case Opcode::Seq:
        QT_CHECK(walk(op.regions[0], false));
        break;
      case Opcode::Par:
        program_.waves.emplace_back();
        QT_CHECK(walk(op.regions[0], true));
        if (program_.waves.back().dispatches.empty()) program_.waves.pop_back();
        break;
      case Opcode::Tasks:
        if (!insideWave) program_.waves.emplace_back();
        QT_CHECK(addTasks(id));
        if (!insideWave && program_.waves.back().dispatches.empty()) program_.waves.pop_back();
        break;
      case Opcode::Return:
        break;
      default:
        QT_ASSERT(false, "no lowering for " + std::string(ir::name(op.opcode)));
    }
  }
  return {};
}

Result<runtime::Program> PlanLowering::run() {
  program_.name = plan_.name;
  const auto& parameters = plan_.region(plan_.top()).parameters;
  const size_t inputs = parameters.size() - plan_.outputs.size();
  for (size_t i = 0; i < parameters.size(); ++i) {
    const bool input = i < inputs;
    QT_CHECK(addBuffer(parameters[i],
                       input ? runtime::BufferInfo::Kind::Input : runtime::BufferInfo::Kind::Output,
                       input ? plan_.value(parameters[i]).name : plan_.outputs[i - inputs]));
  }
  QT_CHECK(walk(plan_.top(), false));
  return std::move(program_);
}

}  // namespace

Result<runtime::Program> lowerPlan(const ir::Module& plan, const hwdb::Description& device,
                                   const ir::SymbolValues& symbols) {
  return PlanLowering(plan, device, symbols).run();
}

}  // namespace quartet::common
