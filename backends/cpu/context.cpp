#include <chrono>
#include <map>

#include "backends/cpu/executable.h"
#include "runtime/status_report.h"

namespace quartet::cpu {

using runtime::BufferInfo;
using Kind = BufferInfo::Kind;

namespace {

bool aligned(const std::byte* data, ir::DType dtype) {
  return reinterpret_cast<uintptr_t>(data) % static_cast<uintptr_t>(ir::byteSize(dtype)) == 0;
}

template <class A, class B>
bool overlap(std::span<A> a, std::span<B> b) {
  const auto firstA = reinterpret_cast<uintptr_t>(a.data());
  const auto firstB = reinterpret_cast<uintptr_t>(b.data());
  return firstA < firstB + b.size() && firstB < firstA + a.size();
}

}  // namespace

Context::Context(std::shared_ptr<const Executable> executable)
    : executable_(std::move(executable)) {}

Result<std::unique_ptr<runtime::Context>> Context::create(
    std::shared_ptr<const Executable> executable) {
  std::unique_ptr<Context> context(new Context(std::move(executable)));
  QT_CHECK(context->allocate());
  return std::unique_ptr<runtime::Context>(std::move(context));
}

Status Context::allocate() {
  const runtime::Program& program = executable_->program_;
  int64_t scratch = 0;
  for (const BufferInfo& buffer : program.buffers) {
    const bool border = buffer.kind == Kind::Input || buffer.kind == Kind::Output;
    if (border && buffer.storage != buffer.logical) scratch += buffer.bytes;
  }
  QT_CHECK(checkMemory(program.arenaBytes + scratch, "the intermediate tensors"));
  QT_CHECK(allocateArena());

  slots_.resize(program.buffers.size());
  for (const runtime::Dispatch* dispatch : executable_->dispatches_) {
    firstPointer_.push_back(pointers_.size());
    for (const runtime::Binding& binding : dispatch->bindings) {
      slots_[static_cast<size_t>(binding.buffer)].push_back({pointers_.size(), binding.offset});
      pointers_.push_back(nullptr);
    }
  }
  for (size_t i = 0; i < program.buffers.size(); ++i) {
    const BufferInfo& buffer = program.buffers[i];
    const int number = static_cast<int>(i);
    if (buffer.kind == Kind::Constant) point(number, executable_->constants_[i]);
    if (buffer.kind == Kind::Arena && buffer.bytes > 0) point(number, arenaData(i));
    if (buffer.kind != Kind::Input && buffer.kind != Kind::Output) continue;
    Tensor tensor{number, {}};
    if (buffer.storage != buffer.logical) tensor.scratch = QT_TRY(makeBlock(buffer));
    (buffer.kind == Kind::Input ? inputs_ : outputs_).push_back(std::move(tensor));
  }
  return {};
}

Status Context::allocateArena() {
  const runtime::Program& program = executable_->program_;
  if (!apart()) {
    arena_ = QT_TRY(Block::allocate(program.arenaBytes, "the intermediate tensors"));
    return {};
  }
  for (const BufferInfo& buffer : program.buffers) {
    apart_.emplace_back();
    if (buffer.kind == Kind::Arena) apart_.back() = QT_TRY(makeBlock(buffer));
  }
  return {};
}

Result<Block> Context::makeBlock(const BufferInfo& buffer) const {
  return Block::allocate(buffer.bytes, "tensor " + buffer.name, executable_->options_.placement);
}

std::byte* Context::arenaData(size_t buffer) const {
  if (apart()) return apart_[buffer].data();
  return arena_.data() + executable_->program_.buffers[buffer].arenaOffset;
}

void Context::point(int buffer, const std::byte* data) {
  for (const Slot& slot : slots_[static_cast<size_t>(buffer)]) {
    pointers_[slot.pointer] = const_cast<std::byte*>(data) + slot.offset;
  }
}

Status Context::checkTensors(const Sources& inputs, const Targets& outputs) const {
  const runtime::Program& program = executable_->program_;
  const auto check = [&](const std::vector<Tensor>& tensors, const auto& given,
                         const std::string& what) -> Status {
    if (given.size() != tensors.size()) {
      return userError(std::to_string(given.size()) + " " + what + "s given, the model has " +
                       std::to_string(tensors.size()));
    }
    for (size_t i = 0; i < given.size(); ++i) {
      const BufferInfo& buffer = program.buffers[static_cast<size_t>(tensors[i].buffer)];
      const int64_t bytes = runtime::hostBytes(buffer);
      if (static_cast<int64_t>(given[i].size()) == bytes) continue;
      return userError(
          std::to_string(given[i].size()) + " bytes given, " + std::to_string(bytes) + " required",
          what + " '" + buffer.name + "'");
    }
    return {};
  };
  QT_CHECK(check(inputs_, inputs, "input"));
  return check(outputs_, outputs, "output");
}

// Kernels work in the caller's memory where they can, else in scratch, which is kept for later
// runs.
Status Context::bindTensor(Tensor& tensor, const std::byte* data, bool alone) {
  const BufferInfo& buffer = executable_->program_.buffers[static_cast<size_t>(tensor.buffer)];
  tensor.direct =
      alone && buffer.storage == buffer.logical && aligned(data, buffer.storage) && !apart();
  if (!tensor.direct && tensor.scratch.data() == nullptr) {
    tensor.scratch = QT_TRY(makeBlock(buffer));
  }
  point(tensor.buffer, tensor.direct ? data : tensor.scratch.data());
  return {};
}

Status Context::bind(const Sources& inputs, const Targets& outputs) {
  QT_CHECK(checkTensors(inputs, outputs));
  const runtime::Program& program = executable_->program_;
  for (size_t i = 0; i < inputs.size(); ++i) {
    Tensor& tensor = inputs_[i];
    QT_CHECK(bindTensor(tensor, inputs[i].data(), true));
    if (tensor.direct) continue;
    runtime::storeTensor(program.buffers[static_cast<size_t>(tensor.buffer)], inputs[i],
                         {tensor.scratch.data(), static_cast<size_t>(tensor.scratch.size())});
  }
  for (size_t i = 0; i < outputs.size(); ++i) {
    // Kernels may read an input after they wrote an output, so overlapping tensors need a copy.
    bool alone = true;
    for (const auto& input : inputs) alone = alone && !overlap(outputs[i], input);
    for (size_t j = 0; j < outputs.size(); ++j) {
      alone = alone && (j == i || !overlap(outputs[i], outputs[j]));
    }
    QT_CHECK(bindTensor(outputs_[i], outputs[i].data(), alone));
  }
  bound_ = outputs;
  return {};
}

Status Context::collect() {
  for (size_t i = 0; i < bound_.size(); ++i) {
    const Tensor& tensor = outputs_[i];
    if (tensor.direct) continue;
    runtime::loadTensor(executable_->program_.buffers[static_cast<size_t>(tensor.buffer)],
                        {tensor.scratch.data(), static_cast<size_t>(tensor.scratch.size())},
                        bound_[i]);
  }
  return {};
}

std::span<std::byte> Context::storageOf(int buffer) const {
  const BufferInfo& info = executable_->program_.buffers[static_cast<size_t>(buffer)];
  if (info.kind == Kind::Arena) {
    return {arenaData(static_cast<size_t>(buffer)), static_cast<size_t>(info.bytes)};
  }
  for (size_t i = 0; i < outputs_.size(); ++i) {
    if (outputs_[i].buffer != buffer) continue;
    if (outputs_[i].direct) return bound_[i];
    return {outputs_[i].scratch.data(), static_cast<size_t>(outputs_[i].scratch.size())};
  }
  throwInternalError("an exchanged buffer",
                     info.name + " is neither an intermediate nor an output");
}

Status Context::runStage(size_t stage, const Sources& uploads, const Targets& downloads) {
  const runtime::Program& program = executable_->program_;
  const std::vector<runtime::Stage>& stages = executable_->stages_;
  const runtime::Stage& now = stages[stage];
  QT_ASSERT(uploads.size() == now.uploads.size() && downloads.size() == now.downloads.size(),
            "a tensor for everything that a stage exchanges");
  for (size_t i = 0; i < uploads.size(); ++i) {
    const int buffer = now.uploads[i];
    runtime::storeTensor(program.buffers[static_cast<size_t>(buffer)], uploads[i],
                         storageOf(buffer));
  }
  QT_CHECK(runWaves(stage == 0 ? 0 : stages[stage - 1].waveEnd, now.waveEnd));
  for (size_t i = 0; i < downloads.size(); ++i) {
    const int buffer = now.downloads[i];
    runtime::loadTensor(program.buffers[static_cast<size_t>(buffer)], storageOf(buffer),
                        downloads[i]);
  }
  return {};
}

void Context::runChunk(const Chunk& chunk) {
  const auto number = static_cast<size_t>(chunk.dispatch);
  const runtime::Dispatch& dispatch = *executable_->dispatches_[number];
  const KernelFunction kernel =
      executable_->jit_->functions()[static_cast<size_t>(dispatch.kernel)];
  kernel(pointers_.data() + firstPointer_[number], dispatch.parameters.data(),
         reinterpret_cast<uint32_t*>(&status_), chunk.first, chunk.last);
}

void Context::runChunks(const std::vector<Chunk>& chunks, bool parallel) {
  if (!parallel) {
    for (const Chunk& chunk : chunks) runChunk(chunk);
    return;
  }
  executable_->executor_->parallelFor(static_cast<int64_t>(chunks.size()),
                                      [&](int64_t i) { runChunk(chunks[static_cast<size_t>(i)]); });
}

Status Context::timeDispatches(std::vector<double>* microseconds) {
  times_ = microseconds;
  if (times_ != nullptr) times_->assign(executable_->dispatches_.size(), 0);
  return {};
}

void Context::runTimed(const Launch& launch) {
  std::map<int, std::vector<Chunk>> byDispatch;
  for (const Chunk& chunk : launch.chunks) byDispatch[chunk.dispatch].push_back(chunk);
  for (const auto& [dispatch, chunks] : byDispatch) {
    const auto start = std::chrono::steady_clock::now();
    runChunks(chunks, launch.parallel);
    const std::chrono::duration<double, std::micro> took = std::chrono::steady_clock::now() - start;
    (*times_)[static_cast<size_t>(dispatch)] += took.count();
  }
}

Status Context::runWaves(size_t first, size_t last) {
  status_ = {};
  for (size_t wave = first; wave < last; ++wave) {
    const Launch& launch = executable_->launches_[wave];
    if (times_ != nullptr) {
      runTimed(launch);
    } else {
      runChunks(launch.chunks, launch.parallel);
    }
    QT_CHECK(runtime::statusReport(executable_->program_, status_));
  }
  return {};
}

}  // namespace quartet::cpu
