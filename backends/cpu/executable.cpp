#include "backends/cpu/executable.h"

#include <optional>

#include "backends/cpu/raise.h"
#include "ir/text.h"

namespace quartet::cpu {

using runtime::BufferInfo;

namespace {

constexpr uintptr_t kLine = 64;

bool isLineAligned(const std::byte* data) { return reinterpret_cast<uintptr_t>(data) % kLine == 0; }

// Whether the model's own bytes are what kernels read.
bool usableInPlace(const BufferInfo& buffer) {
  return buffer.storage == buffer.logical && buffer.layout.rowMajor() &&
         static_cast<int64_t>(buffer.data->bytes.size()) == buffer.bytes &&
         isLineAligned(buffer.data->bytes.data());
}

std::vector<const ir::Module*> pointersTo(const std::vector<ir::Module>& modules) {
  std::vector<const ir::Module*> pointers;
  for (const ir::Module& module : modules) pointers.push_back(&module);
  return pointers;
}

}  // namespace

Executable::Executable(runtime::Program program, std::shared_ptr<runtime::Executor> executor,
                       const hwdb::Description& device, const TestOptions& options)
    : program_(std::move(program)), executor_(std::move(executor)), options_(options) {
  for (const runtime::Wave& wave : program_.waves) {
    for (const runtime::Dispatch& dispatch : wave.dispatches) dispatches_.push_back(&dispatch);
  }
  launches_ = planLaunches(program_, executor_->threads(), device.parallelMicroseconds.value);
  stages_ = runtime::stagesOf(program_);
}

Result<std::shared_ptr<Executable>> Executable::create(runtime::Program program,
                                                       std::shared_ptr<runtime::Executor> executor,
                                                       const hwdb::Description& device,
                                                       SharedParts& shared,
                                                       runtime::CodeCache* cache,
                                                       const TestOptions& options) {
  std::shared_ptr<Executable> executable(
      new Executable(std::move(program), std::move(executor), device, options));
  executable->checkProgram();
  QT_CHECK(executable->compile(shared, cache));
  QT_CHECK(executable->packConstants(shared));
  return executable;
}

Status Executable::compile(SharedParts& shared, runtime::CodeCache* cache) {
  std::string key;
  for (const ir::Module& kernel : program_.kernels) key += ir::print(kernel);
  jit_ = shared.kernels.find(key);
  if (jit_ != nullptr) return {};
  const std::vector<ir::Module> raised = raisedKernels();
  Jit::Options options;
  options.threads = executor_->threads();
  options.cache = cache;
  jit_ = QT_TRY(Jit::compile(pointersTo(raised), options));
  compiled_ = true;
  shared.kernels.add(key, jit_);
  return {};
}

std::vector<ir::Module> Executable::raisedKernels() const {
  std::vector<ir::Module> raised;
  for (const ir::Module& kernel : program_.kernels) raised.push_back(raise(kernel));
  return raised;
}

std::string Executable::code() const { return Jit::code(pointersTo(raisedKernels())); }

// What a kernel would otherwise turn into a silent store out of bounds.
void Executable::checkProgram() const {
  for (const BufferInfo& buffer : program_.buffers) {
    QT_ASSERT(
        buffer.kind != BufferInfo::Kind::Arena || buffer.bytes == 0 ||
            (buffer.arenaOffset >= 0 && buffer.arenaOffset + buffer.bytes <= program_.arenaBytes),
        "buffer " + buffer.name + " lies outside the arena");
    QT_ASSERT(buffer.kind != BufferInfo::Kind::Constant || buffer.data != nullptr,
              "constant " + buffer.name + " without data");
  }
  for (const runtime::Dispatch* dispatch : dispatches_) {
    const ir::Module& kernel = program_.kernels.at(static_cast<size_t>(dispatch->kernel));
    QT_ASSERT(kernel.region(kernel.top()).parameters.size() == dispatch->bindings.size(),
              "dispatch " + dispatch->name + " does not bind every parameter of its kernel");
    for (const runtime::Binding& binding : dispatch->bindings) {
      const BufferInfo& buffer = program_.buffers.at(static_cast<size_t>(binding.buffer));
      QT_ASSERT(binding.offset >= 0 && binding.bytes >= 0 &&
                    binding.offset + binding.bytes <= buffer.bytes,
                "dispatch " + dispatch->name + " binds past the end of " + buffer.name);
    }
  }
}

Status Executable::packConstants(SharedParts& shared) {
  const size_t count = program_.buffers.size();
  packed_.resize(count);
  constants_.assign(count, nullptr);
  int64_t bytes = 0;
  std::vector<size_t> toPack;
  for (size_t i = 0; i < count; ++i) {
    const BufferInfo& buffer = program_.buffers[i];
    if (buffer.kind != BufferInfo::Kind::Constant) continue;
    if (options_.placement == Placement::Heap && usableInPlace(buffer)) {
      constants_[i] = buffer.data->bytes.data();
      continue;
    }
    packed_[i] = shared.constants.find(runtime::packedKey(buffer));
    if (packed_[i] != nullptr) {
      constants_[i] = packed_[i]->data();
    } else {
      bytes += buffer.bytes;
      toPack.push_back(i);
    }
  }
  QT_CHECK(checkMemory(bytes, "the packed constants"));
  std::vector<std::optional<Diagnostic>> failures(toPack.size());
  executor_->parallelFor(static_cast<int64_t>(toPack.size()), [&](int64_t task) {
    BufferInfo& buffer = program_.buffers[toPack[static_cast<size_t>(task)]];
    auto block = Block::allocate(buffer.bytes, "constant " + buffer.name, options_.placement);
    if (!block) {
      failures[static_cast<size_t>(task)] = block.error();
      return;
    }
    runtime::packConstant(buffer, {block->data(), static_cast<size_t>(buffer.bytes)});
    buffer.data = nullptr;  // the model's copy is not needed here any more
    packed_[toPack[static_cast<size_t>(task)]] = std::make_shared<const Block>(std::move(*block));
  });
  for (const std::optional<Diagnostic>& failure : failures) {
    if (failure) return tl::unexpected(*failure);
  }
  for (size_t i : toPack) {
    constants_[i] = packed_[i]->data();
    shared.constants.add(runtime::packedKey(program_.buffers[i]), packed_[i]);
  }
  return {};
}

Result<std::unique_ptr<runtime::Context>> Executable::createContext() {
  return Context::create(shared_from_this());
}

}  // namespace quartet::cpu
