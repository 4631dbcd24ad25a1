#include "backends/cuda/executable.h"

#include <algorithm>
#include <cstring>
#include <set>

#include "backends/common/gpu/parallel.h"
#include "backends/cuda/context.h"
#include "backends/cuda/emit_cuda.h"

namespace quartet::cuda {

using runtime::BufferInfo;

namespace {

/// Constants are uploaded through host memory of this size.
constexpr int64_t kUploadBytes = int64_t{32} << 20;

/// cuMemAlloc aligns to it; rows of 16-byte accesses start on lines of the caches.
constexpr gpu::MemoryRules kRules{.alignBytes = 256};

}  // namespace

Result<std::shared_ptr<Executable>> Executable::create(const Toolchain& toolchain,
                                                       runtime::Program program,
                                                       SharedParts& shared) {
  auto executable = std::make_shared<Executable>();
  executable->toolchain_ = toolchain;
  executable->program_ = std::move(program);
  QT_CHECK(executable->compile(shared));
  const std::string key = gpu::constantsKey(executable->program_);
  executable->constants_ = shared.constants.find(key);
  if (executable->constants_ == nullptr) {
    executable->constants_ = std::make_shared<Constants>();
    executable->constants_->placed = gpu::placeConstants(executable->program_, kRules);
    shared.constants.add(key, executable->constants_);
  }
  return executable;
}

// ---- code ----

Status Executable::compile(SharedParts& shared) {
  for (const ir::Module& kernel : program_.kernels) {
    kernels_.push_back(QT_TRY(gpu::raise(kernel, toolchain_.limits)));
  }
  stages_ = runtime::stagesOf(program_);
  plan_ =
      gpu::planLaunches(program_, kernels_, toolchain_.limits, gpu().options().separateLaunches);
  std::vector<Module> described(plan_.entries.size());
  std::vector<gpu::Interface> interfaces;
  std::string key;
  for (size_t i = 0; i < described.size(); ++i) {
    const std::vector<const ir::Module*> kernels = kernelsOf(i);
    described[i].interface = gpu::interfaceOf(kernels, toolchain_.limits.target);
    described[i].source = emitCuda(kernels, toolchain_.limits.target);
    key += described[i].source;
    interfaces.push_back(described[i].interface);
  }
  layout_ = gpu::layoutOf(program_, plan_, interfaces, kRules);
  modules_ = shared.modules.find(key);
  if (modules_ != nullptr) return {};
  modules_ = QT_TRY(buildModules(std::move(described)));
  compiled_ = true;
  shared.modules.add(key, modules_);
  return {};
}

Result<std::shared_ptr<const Modules>> Executable::buildModules(
    std::vector<Module> described) const {
  auto modules = std::make_shared<Modules>(toolchain_.gpu);
  modules->all = std::move(described);
  QT_CHECK(gpu::parallel(static_cast<int64_t>(modules->all.size()), [&](int64_t i) -> Status {
    Module& module = modules->all[static_cast<size_t>(i)];
    module.code = QT_TRY(toolchain_.nvrtc->compile(module.source, toolchain_.architecture,
                                                   program_.name, toolchain_.cache.get()));
    module.cached = module.code.cached;
    return {};
  }));
  QT_CURRENT(gpu());
  for (size_t i = 0; i < modules->all.size(); ++i) {
    QT_CHECK(loadModule(gpu(), modules->all[i], gpu().name() + ", " + kernelNames(i)));
  }
  return std::shared_ptr<const Modules>(std::move(modules));
}

std::vector<const ir::Module*> Executable::kernelsOf(size_t module) const {
  std::vector<const ir::Module*> kernels;
  for (const int kernel : plan_.entries[module]) {
    kernels.push_back(&kernels_[static_cast<size_t>(kernel)]);
  }
  return kernels;
}

std::string Executable::kernelNames(size_t module) const {
  std::string text;
  for (const ir::Module* kernel : kernelsOf(module)) {
    text += (text.empty() ? "kernel '" : ", '") + kernel->name + "'";
  }
  return text;
}

std::string Executable::names(const gpu::Launch& launch) {
  std::string text;
  for (const runtime::Dispatch* dispatch : launch.dispatches) {
    text += (text.empty() ? "'" : ", '") + dispatch->name + "'";
  }
  return text;
}

// A kernel may stand in several modules, or in none when no dispatch of it has groups.
int64_t Executable::cachedKernels() const {
  std::set<int> found;
  std::set<int> made;
  for (size_t i = 0; i < modules_->all.size(); ++i) {
    std::set<int>& kernels = modules_->all[i].cached || !compiled_ ? found : made;
    kernels.insert(plan_.entries[i].begin(), plan_.entries[i].end());
  }
  return std::count_if(found.begin(), found.end(),
                       [&](int kernel) { return !made.contains(kernel); });
}

std::string Executable::code() const {
  std::string text;
  for (size_t i = 0; i < modules_->all.size(); ++i) {
    text += "// launch " + std::to_string(i) + ": " + kernelNames(i) + "\n" +
            modules_->all[i].source + "\n";
  }
  return text;
}

Result<std::vector<runtime::CompilerReport>> Executable::compilerReports() const {
  std::vector<runtime::CompilerReport> reports;
  if (toolchain_.architecture.virtualCode) return reports;  // PTX has no registers of a machine
  for (size_t i = 0; i < modules_->all.size(); ++i) {
    const KernelFigures figures = QT_TRY(readFigures(modules_->all[i].code.bytes, kEntry));
    reports.push_back({plan_.entries[i],
                       {{"registers", static_cast<double>(figures.registers)},
                        {"bytes of stack", static_cast<double>(figures.stackBytes)},
                        {"bytes of shared memory", static_cast<double>(figures.sharedBytes)},
                        {"bytes of code", static_cast<double>(figures.codeBytes)}}});
  }
  return reports;
}

// ---- constants ----

std::vector<int64_t> Executable::missingConstantBytes() const {
  return constants_->blocks.empty() ? constants_->placed.blockBytes : std::vector<int64_t>{};
}

Status Executable::uploadConstants(CuStream stream) {
  if (!constants_->blocks.empty() || constants_->placed.blockBytes.empty()) return {};
  std::vector<Buffer> blocks;
  for (size_t b = 0; b < constants_->placed.blockBytes.size(); ++b) {
    blocks.push_back(QT_TRY(gpu().allocate(constants_->placed.blockBytes[b])));
    QT_CHECK(upload(blocks.back(), static_cast<int>(b), stream));
  }
  constants_->blocks = std::move(blocks);
  return {};
}

Status Executable::upload(Buffer& block, int number, CuStream stream) {
  const HostBuffer staging = QT_TRY(gpu().allocateHost(std::min(kUploadBytes, block.bytes())));
  const Driver& driver = gpu().driver();
  for (size_t i = 0; i < program_.buffers.size(); ++i) {
    const gpu::Placement::Place& place = constants_->placed.places[i];
    if (place.block != number) continue;
    const std::vector<std::byte> packed = runtime::packConstant(program_.buffers[i]);
    const auto size = static_cast<int64_t>(packed.size());
    for (int64_t at = 0; at < size; at += staging.bytes()) {
      const auto count = static_cast<size_t>(std::min(staging.bytes(), size - at));
      std::memcpy(staging.data(), packed.data() + at, count);
      const CuDeviceAddress to = block.address() + static_cast<uint64_t>(place.offset + at);
      QT_CUDA(driver, gpu().name(), cuMemcpyHtoDAsync(to, staging.data(), count, stream));
      QT_CUDA(driver, gpu().name(), cuStreamSynchronize(stream));
    }
  }
  return {};
}

Result<std::unique_ptr<runtime::Context>> Executable::createContext() {
  const std::lock_guard lock(constants_->uploading);
  return Context::create(shared_from_this());
}

}  // namespace quartet::cuda
