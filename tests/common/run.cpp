#include "tests/common/run.h"

#include <algorithm>
#include <map>
#include <span>

#include "ir/evaluate.h"
#include "ir/kernel.h"

namespace quartet::test {

namespace {

hwdb::Description device(int64_t lanes, int64_t invocations, int64_t registers, bool narrow) {
  hwdb::Description d;
  d.name = "test";
  d.kind = invocations > 1 ? hwdb::Description::Kind::Gpu : hwdb::Description::Kind::Cpu;
  d.units.value = 2;
  d.groupInvocations.value = d.maxGroupInvocations.value = invocations;
  d.maxGroupsPerAxis.value = 65535;
  d.vectorLanes.value = lanes;
  d.vectorRegisters.value = registers;
  d.fmaPerCycle.value = 2;
  d.fmaLatencyCycles.value = 4;
  d.storage8.value = d.storage16.value = d.int64.value = narrow;
  d.float64.value = true;
  d.maxBindings.value = 16;
  d.maxBindingBytes.value = 1 << 27;
  d.bindingAlignBytes.value = 64;
  d.peakGigaflops.value = 1e-3;  // slow, so that small tensors are worth several tasks
  d.memoryGigabytesPerSecond.value = 1e-3;
  d.taskMicroseconds.value = 0.1;
  d.paddedCopySteps.value = invocations > 1 ? 3 : 1;
  d.taskVectorOperations.value = 4;  // small tensors are worth several tasks
  d.tasksPerUnit.value = 4;
  d.broadcastVectorLoads.value = 0.25;
  if (invocations == 1) d.shuffleVectorLoads = {2, hwdb::Provenance::Derived, "test"};
  return d;
}

Result<std::vector<int64_t>> shapeOf(const ir::Type& type, const ir::SymbolValues& symbols) {
  std::vector<int64_t> shape;
  for (const ir::Dim& dim : type.shape) shape.push_back(QT_TRY(dim.evaluate(symbols)));
  return shape;
}

/// The memory of a program: one arena, so that buffers placed on top of each other are.
class Memory {
 public:
  Memory(const runtime::Program& program, const Tensors& inputs)
      : program_(program), arena_(static_cast<size_t>(program.arenaBytes), std::byte{0xff}) {
    using Kind = runtime::BufferInfo::Kind;
    size_t nextInput = 0;
    for (const runtime::BufferInfo& buffer : program.buffers) {
      std::vector<std::byte> bytes;
      if (buffer.kind != Kind::Arena)
        bytes.assign(static_cast<size_t>(buffer.bytes), std::byte{0xff});
      if (buffer.kind == Kind::Input) {
        runtime::storeTensor(buffer, inputs.at(nextInput++)->bytes, bytes);
      } else if (buffer.kind == Kind::Constant) {
        bytes = runtime::packConstant(buffer);
      }
      own_.push_back(std::move(bytes));
    }
  }

  std::span<std::byte> window(const runtime::Binding& binding) {
    const auto index = static_cast<size_t>(binding.buffer);
    const runtime::BufferInfo& buffer = program_.buffers[index];
    const bool placed = buffer.kind == runtime::BufferInfo::Kind::Arena;
    std::byte* first = placed ? arena_.data() + buffer.arenaOffset : own_[index].data();
    return {first + binding.offset, static_cast<size_t>(binding.bytes)};
  }

 private:
  const runtime::Program& program_;
  std::vector<std::byte> arena_;
  std::vector<std::vector<std::byte>> own_;  // of buffers outside of the arena
};

}  // namespace

hwdb::Description vectorCpu() { return device(16, 1, 32, true); }
hwdb::Description weakGpu() { return device(4, 8, 48, false); }
hwdb::Description scalarGpu() { return device(1, 4, 16, true); }

hwdb::MemoryLevel cache(std::string name, int64_t bytes, double bytesPerCycle) {
  hwdb::MemoryLevel level;
  level.name = std::move(name);
  level.bytes.value = bytes;
  level.lineBytes.value = 64;
  if (bytesPerCycle > 0) level.bytesPerCycle = {bytesPerCycle, hwdb::Provenance::Derived, "test"};
  return level;
}

hwdb::Description cachedCpu(int64_t innerBytes, int64_t outerBytes, double bytesPerCycle) {
  hwdb::Description cpu = vectorCpu();
  cpu.memory = {cache("L2", outerBytes, bytesPerCycle), cache("L1", innerBytes)};
  return cpu;
}

Result<Run> runExpressed(const ir::Module& graph, const Tensors& inputs,
                         const ir::SymbolValues& symbols) {
  std::map<ir::ValueId, std::shared_ptr<const ir::ConstantData>> values;
  const ir::Region& top = graph.region(graph.top());
  for (size_t i = 0; i < inputs.size(); ++i) values[top.parameters[i]] = inputs[i];
  Run done;
  for (ir::OpId id : top.ops) {
    const ir::Op& op = graph.op(id);
    Tensors operands;
    for (ir::ValueId operand : op.operands) operands.push_back(values.at(operand));
    if (op.opcode == ir::Opcode::Return) {
      done.outputs = operands;
    } else if (op.opcode == ir::Opcode::Constant) {
      values[op.results[0]] = graph.constantOf(op.results[0]);
    } else if (op.opcode == ir::Opcode::Reshape) {
      auto view = std::make_shared<ir::ConstantData>(*operands[0]);
      view->shape = QT_TRY(shapeOf(graph.type(op.results[0]), symbols));
      view->owner = operands[0];
      values[op.results[0]] = view;
    } else {
      const ir::Evaluation one = QT_TRY(ir::evaluate(op.attributes.expr(), operands, symbols));
      for (size_t r = 0; r < op.results.size(); ++r) values[op.results[r]] = one.results[r];
      if (done.statusCode == 0) done.statusCode = one.statusCode;
    }
  }
  return done;
}

Result<Run> runInterpreted(const runtime::Program& program, const Tensors& inputs) {
  Memory memory(program, inputs);
  Run done;
  for (const runtime::Wave& wave : program.waves) {
    for (const runtime::Dispatch& dispatch : wave.dispatches) {
      const auto& kernel = program.kernels[static_cast<size_t>(dispatch.kernel)];
      const auto& parameters = kernel.region(kernel.top()).parameters;
      std::vector<ir::KernelMemory> bound;
      for (const runtime::Binding& binding : dispatch.bindings) {
        const std::span<std::byte> window = memory.window(binding);
        bound.push_back(
            {kernel.type(parameters[bound.size()]).dtype, {window.begin(), window.end()}});
      }
      const ir::KernelRun run =
          QT_TRY(ir::interpret(kernel, dispatch.groups, bound, dispatch.parameters));
      if (done.statusCode == 0) done.statusCode = run.statusCode;
      done.loopIterations = std::max(done.loopIterations, run.loopIterations);
      for (size_t i = 0; i < bound.size(); ++i) {
        std::copy(bound[i].bytes.begin(), bound[i].bytes.end(),
                  memory.window(dispatch.bindings[i]).begin());
      }
    }
  }
  for (size_t i = 0; i < program.buffers.size(); ++i) {
    const runtime::BufferInfo& buffer = program.buffers[i];
    if (buffer.kind != runtime::BufferInfo::Kind::Output) continue;
    int64_t elements = 1;
    for (int64_t extent : buffer.shape) elements *= extent;
    std::vector<std::byte> host(static_cast<size_t>(elements * ir::byteSize(buffer.logical)));
    runtime::loadTensor(buffer, memory.window({static_cast<int>(i), 0, buffer.bytes}), host);
    done.outputs.push_back(ir::makeConstant(buffer.logical, buffer.shape, std::move(host)));
  }
  return done;
}

}  // namespace quartet::test
