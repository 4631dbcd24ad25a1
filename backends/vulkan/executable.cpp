#include "backends/vulkan/executable.h"

#include <algorithm>
#include <cstring>
#include <set>

#include "backends/common/gpu/parallel.h"
#include "backends/vulkan/commands.h"
#include "backends/vulkan/compile.h"
#include "backends/vulkan/context.h"
#include "backends/vulkan/emit_glsl.h"
#include "backends/vulkan/pipeline_cache.h"

namespace quartet::vulkan {

using runtime::BufferInfo;

namespace {

/// Uploads to memory that the host cannot see go through a staging buffer of this size.
constexpr int64_t kUploadBytes = int64_t{32} << 20;

}  // namespace

Result<std::shared_ptr<Executable>> Executable::create(std::shared_ptr<Gpu> gpu,
                                                       const gpu::Limits& limits,
                                                       runtime::Program program,
                                                       SharedParts& shared,
                                                       std::shared_ptr<runtime::CodeCache> cache) {
  auto executable = std::make_shared<Executable>();
  executable->cache_ = std::move(cache);
  executable->gpu_ = std::move(gpu);
  executable->limits_ = limits;
  executable->program_ = std::move(program);
  QT_CHECK(executable->compile(shared));
  executable->placeConstants(shared);
  QT_CHECK(executable->gpu_->checkValidation());
  return executable;
}

gpu::MemoryRules Executable::memoryRules() const {
  const PhysicalDevice& physical = gpu_->physical();
  return {static_cast<int64_t>(physical.limits.minStorageBufferOffsetAlignment),
          static_cast<int64_t>(physical.maxAllocationBytes)};
}

Status Executable::compile(SharedParts& shared) {
  for (const ir::Module& kernel : program_.kernels) {
    kernels_.push_back(QT_TRY(gpu::raise(kernel, limits_)));
  }
  stages_ = runtime::stagesOf(program_);
  plan_ = gpu::planLaunches(program_, kernels_, limits_, gpu_->options().separateLaunches);
  std::vector<Pipeline> described(plan_.entries.size());
  std::vector<gpu::Interface> interfaces;
  std::string key;
  for (size_t i = 0; i < described.size(); ++i) {
    const std::vector<const ir::Module*> kernels = kernelsOf(i);
    described[i].interface = gpu::interfaceOf(kernels, limits_.target);
    described[i].glsl = emitGlsl(kernels, limits_.target);
    key += described[i].glsl;
    interfaces.push_back(described[i].interface);
  }
  layout_ = gpu::layoutOf(program_, plan_, interfaces, memoryRules());
  pipelines_ = shared.pipelines.find(key);
  if (pipelines_ != nullptr) return {};
  pipelines_ = QT_TRY(buildPipelines(std::move(described)));
  compiled_ = true;
  shared.pipelines.add(key, pipelines_);
  return {};
}

Result<std::shared_ptr<const Pipelines>> Executable::buildPipelines(
    std::vector<Pipeline> described) const {
  auto pipelines = std::make_shared<Pipelines>(gpu_);
  pipelines->all = std::move(described);
  const auto count = static_cast<int64_t>(pipelines->all.size());
  std::vector<SpirV> codes(pipelines->all.size());
  QT_CHECK(gpu::parallel(count, [&](int64_t i) -> Status {
    const auto at = static_cast<size_t>(i);
    Shader shader = QT_TRY(compileGlsl(pipelines->all[at].glsl, program_.name,
                                       gpu_->physical().cooperativeMatrix, cache_.get()));
    pipelines->all[at].cached = shader.cached;
    codes[at] = std::move(shader.code);
    return {};
  }));
  const std::unique_ptr<PipelineCache> driverCache =
      QT_TRY(PipelineCache::create(gpu_, codes, cache_.get()));
  QT_CHECK(gpu::parallel(count, [&](int64_t i) {
    const auto at = static_cast<size_t>(i);
    return buildPipeline(*gpu_, pipelines->all[at], driverCache->handle(), codes[at]);
  }));
  driverCache->store();
  return std::shared_ptr<const Pipelines>(std::move(pipelines));
}

std::vector<const ir::Module*> Executable::kernelsOf(size_t shader) const {
  std::vector<const ir::Module*> kernels;
  for (const int kernel : plan_.entries[shader]) {
    kernels.push_back(&kernels_[static_cast<size_t>(kernel)]);
  }
  return kernels;
}

// A kernel may stand in several shaders, or in none when no dispatch of it has groups.
int64_t Executable::cachedKernels() const {
  std::set<int> found;
  std::set<int> made;
  for (size_t i = 0; i < pipelines_->all.size(); ++i) {
    std::set<int>& kernels = pipelines_->all[i].cached || !compiled_ ? found : made;
    kernels.insert(plan_.entries[i].begin(), plan_.entries[i].end());
  }
  return std::count_if(found.begin(), found.end(),
                       [&](int kernel) { return !made.contains(kernel); });
}

std::string Executable::code() const {
  std::string text;
  for (size_t i = 0; i < pipelines_->all.size(); ++i) {
    text += "// shader " + std::to_string(i) + ":";
    for (const int kernel : plan_.entries[i]) {
      text += " " + program_.kernels[static_cast<size_t>(kernel)].name;
    }
    text += "\n" + pipelines_->all[i].glsl + "\n";
  }
  return text;
}

Result<std::vector<runtime::CompilerReport>> Executable::compilerReports() const {
  std::vector<runtime::CompilerReport> reports(pipelines_->all.size());
  QT_CHECK(gpu::parallel(static_cast<int64_t>(reports.size()), [&](int64_t i) -> Status {
    const auto at = static_cast<size_t>(i);
    const Pipeline& pipeline = pipelines_->all[at];
    const Shader shader = QT_TRY(compileGlsl(pipeline.glsl, program_.name,
                                             gpu_->physical().cooperativeMatrix, cache_.get()));
    reports[at] = QT_TRY(compilerReport(*gpu_, pipeline, shader.code));
    reports[at].kernels = plan_.entries[at];
    return {};
  }));
  std::erase_if(reports,
                [](const runtime::CompilerReport& report) { return report.figures.empty(); });
  return reports;
}

// ---- constants ----

void Executable::placeConstants(SharedParts& shared) {
  const std::string key = gpu::constantsKey(program_);
  constants_ = shared.constants.find(key);
  if (constants_ != nullptr) return;
  constants_ = std::make_shared<Constants>();
  constants_->placed = gpu::placeConstants(program_, memoryRules());
  shared.constants.add(key, constants_);
}

std::vector<int64_t> Executable::missingConstantBytes() const {
  return constants_->blocks.empty() ? constants_->placed.blockBytes : std::vector<int64_t>{};
}

Status Executable::uploadConstants() {
  if (!constants_->blocks.empty() || constants_->placed.blockBytes.empty()) return {};
  std::vector<Buffer> blocks;
  for (size_t b = 0; b < constants_->placed.blockBytes.size(); ++b) {
    std::vector<size_t> buffers;
    for (size_t i = 0; i < program_.buffers.size(); ++i) {
      if (constants_->placed.places[i].block == static_cast<int>(b)) buffers.push_back(i);
    }
    blocks.push_back(QT_TRY(gpu_->allocate(constants_->placed.blockBytes[b], Use::Shader)));
    QT_CHECK(upload(blocks.back(), buffers));
  }
  constants_->blocks = std::move(blocks);
  return {};
}

Status Executable::upload(Buffer& block, const std::vector<size_t>& buffers) {
  Buffer staging;
  if (block.mapped() == nullptr) {
    staging = QT_TRY(gpu_->allocate(std::min(kUploadBytes, block.bytes()), Use::Staging));
  }
  for (const size_t i : buffers) {
    if (block.mapped() != nullptr) {
      runtime::packConstant(program_.buffers[i],
                            {block.mapped() + constants_->placed.places[i].offset,
                             static_cast<size_t>(program_.buffers[i].bytes)});
      continue;
    }
    const std::vector<std::byte> packed = runtime::packConstant(program_.buffers[i]);
    const auto size = static_cast<int64_t>(packed.size());
    for (int64_t at = 0; at < size; at += staging.bytes()) {
      const int64_t count = std::min(staging.bytes(), size - at);
      std::memcpy(staging.mapped(), packed.data() + at, static_cast<size_t>(count));
      Commands commands = QT_TRY(Commands::create(gpu_));
      commands.copy(staging, 0, block, constants_->placed.places[i].offset + at, count);
      QT_CHECK(commands.finish());
      QT_CHECK(commands.run());
    }
  }
  return {};
}

Result<std::unique_ptr<runtime::Context>> Executable::createContext() {
  if (!gpu_->physical().hasMemory()) {
    return unsupported("the device has no memory: it compiles programs but cannot run them",
                       gpu_->name(), "choose another device");
  }
  const std::lock_guard lock(constants_->uploading);
  return Context::create(shared_from_this());
}

}  // namespace quartet::vulkan
