#include "backends/vulkan/context.h"

#include <algorithm>
#include <cstring>

#include "runtime/status_report.h"

namespace quartet::vulkan {

using runtime::BufferInfo;
using Kind = BufferInfo::Kind;

namespace {

bool isBorder(const BufferInfo& buffer) {
  return buffer.kind == Kind::Input || buffer.kind == Kind::Output;
}

}  // namespace

Result<std::unique_ptr<runtime::Context>> Context::create(std::shared_ptr<Executable> executable) {
  std::unique_ptr<Context> context(new Context(std::move(executable)));
  context->placeBorder();
  context->placeWords();
  context->placeTransfers();
  QT_CHECK(context->allocate());
  QT_CHECK(context->createDescriptors());
  for (size_t stage = 0; stage < context->executable_->stages().size(); ++stage) {
    context->commands_.push_back(QT_TRY(context->record(stage)));
  }
  QT_CHECK(context->executable_->gpu().checkValidation());
  return std::unique_ptr<runtime::Context>(std::move(context));
}

Context::~Context() {
  const Gpu& gpu = executable_->gpu();
  if (!gpu.abandoned()) vkDestroyDescriptorPool(gpu.handle(), pool_, nullptr);
}

// ---- memory ----

void Context::placeBorder() {
  const auto& buffers = executable_->program().buffers;
  std::vector<int64_t> bytes;
  for (size_t i = 0; i < buffers.size(); ++i) {
    if (buffers[i].kind == Kind::Input) inputs_.push_back(i);
    if (buffers[i].kind == Kind::Output) outputs_.push_back(i);
    if (isBorder(buffers[i])) bytes.push_back(std::max(buffers[i].bytes, kMinimumWindowBytes));
  }
  const auto largest = static_cast<int64_t>(executable_->gpu().physical().maxAllocationBytes);
  gpu::Placement placement = gpu::place(bytes, executable_->alignBytes(), largest);
  border_.resize(buffers.size());
  size_t next = 0;
  for (size_t i = 0; i < buffers.size(); ++i) {
    if (isBorder(buffers[i])) border_[i] = placement.places[next++];
  }
  borderBytes_ = std::move(placement.blockBytes);
}

void Context::placeWords() {
  int64_t end = 0;
  for (const gpu::Launch& launch : executable_->plan().launches) {
    const auto& interface = executable_->pipelines()[static_cast<size_t>(launch.entry)].interface;
    std::vector<uint32_t> words;
    for (size_t i = 0; i < launch.dispatches.size(); ++i) {
      const runtime::Dispatch& dispatch = *launch.dispatches[i];
      const auto count = static_cast<size_t>(interface.parameters[i]);
      QT_ASSERT(dispatch.parameters.size() >= count, "parameters of dispatch " + dispatch.name);
      words.push_back(static_cast<uint32_t>(dispatch.groups));
      words.insert(words.end(), dispatch.parameters.begin(),
                   dispatch.parameters.begin() + static_cast<int64_t>(count));
    }
    wordsOffset_.push_back(end);
    if (interface.wordsInBuffer) {
      const int64_t align = executable_->alignBytes();
      end += (static_cast<int64_t>(words.size()) * 4 + align - 1) / align * align;
    }
    launchWords_.push_back(std::move(words));
  }
  wordsOffset_.push_back(end);
}

void Context::placeTransfers() {
  for (const runtime::Stage& stage : executable_->stages()) {
    std::vector<int64_t> offsets{0};
    for (const auto* buffers : {&stage.uploads, &stage.downloads}) {
      for (const int buffer : *buffers) {
        const int64_t bytes = executable_->program().buffers[static_cast<size_t>(buffer)].bytes;
        offsets.push_back(offsets.back() + (bytes + kMinimumWindowBytes - 1) / kMinimumWindowBytes *
                                               kMinimumWindowBytes);
      }
    }
    transferOffsets_.push_back(std::move(offsets));
  }
}

Status Context::allocate() {
  Gpu& gpu = executable_->gpu();
  const runtime::Program& program = executable_->program();
  const int64_t arenaBytes = program.arenaBytes + kMinimumWindowBytes;
  std::vector<int64_t> shader = executable_->missingConstantBytes();
  shader.push_back(arenaBytes);
  shader.insert(shader.end(), borderBytes_.begin(), borderBytes_.end());
  int64_t transferBytes = 0;
  for (const auto& offsets : transferOffsets_) {
    transferBytes = std::max(transferBytes, offsets.back());
  }
  std::vector<int64_t> host = {kMinimumWindowBytes, wordsOffset_.back(), transferBytes};
  if (!gpu.unified()) host.insert(host.end(), borderBytes_.begin(), borderBytes_.end());
  QT_CHECK(gpu.checkFits(shader, host, "program '" + program.name + "'"));

  QT_CHECK(executable_->uploadConstants());
  arena_ = QT_TRY(gpu.allocate(arenaBytes, Use::Shader));
  for (const int64_t bytes : borderBytes_) {
    blocks_.push_back(QT_TRY(gpu.allocate(bytes, Use::Shader)));
    if (!gpu.unified()) staging_.push_back(QT_TRY(gpu.allocate(bytes, Use::Staging)));
  }
  status_ = QT_TRY(gpu.allocate(kMinimumWindowBytes, Use::Staging));
  words_ = QT_TRY(gpu.allocate(wordsOffset_.back(), Use::Staging));
  if (transferBytes > 0) transfers_ = QT_TRY(gpu.allocate(transferBytes, Use::Staging));
  for (size_t i = 0; i < launchWords_.size(); ++i) {
    const int64_t bytes = wordsOffset_[i + 1] - wordsOffset_[i];
    if (bytes == 0) continue;
    std::memcpy(words_.mapped() + wordsOffset_[i], launchWords_[i].data(),
                launchWords_[i].size() * sizeof(uint32_t));
  }
  return {};
}

std::span<std::byte> Context::hostView(size_t buffer) const {
  const gpu::Placement::Place& at = border_[buffer];
  const auto& blocks = staging_.empty() ? blocks_ : staging_;
  return {blocks[static_cast<size_t>(at.block)].mapped() + at.offset,
          static_cast<size_t>(executable_->program().buffers[buffer].bytes)};
}

std::span<std::byte> Context::transferView(size_t stage, size_t i) const {
  const int64_t offset = transferOffsets_[stage][i];
  return {transfers_.mapped() + offset,
          static_cast<size_t>(transferOffsets_[stage][i + 1] - offset)};
}

Context::Location Context::locate(size_t number) const {
  const BufferInfo& buffer = executable_->program().buffers[number];
  if (buffer.kind == Kind::Constant) {
    const Constants& constants = executable_->constants();
    return {&constants.blocks[static_cast<size_t>(constants.block[number])],
            constants.offset[number]};
  }
  if (isBorder(buffer)) {
    return {&blocks_[static_cast<size_t>(border_[number].block)], border_[number].offset};
  }
  return {&arena_, std::max<int64_t>(buffer.arenaOffset, 0)};
}

// ---- descriptors ----

VkDescriptorBufferInfo Context::window(const runtime::Binding& binding) const {
  const auto number = static_cast<size_t>(binding.buffer);
  const BufferInfo& buffer = executable_->program().buffers[number];
  QT_ASSERT(binding.offset >= 0 && binding.offset + binding.bytes <= buffer.bytes,
            "a window lies inside its buffer " + buffer.name);
  const Location location = locate(number);
  const Buffer* memory = location.memory;
  const int64_t offset = location.offset + binding.offset;
  const int64_t bytes = std::max(binding.bytes, kMinimumWindowBytes);
  const auto limit =
      static_cast<int64_t>(executable_->gpu().physical().limits.maxStorageBufferRange);
  QT_ASSERT(offset % executable_->alignBytes() == 0, "a window of " + buffer.name + " is aligned");
  QT_ASSERT(bytes <= limit, "a window of " + buffer.name + " is within the device's limit");
  // The minimum may reach past a tiny buffer at the end of its memory.
  const int64_t end = std::min(offset + bytes, memory->bytes());
  return {memory->handle(), static_cast<VkDeviceSize>(offset),
          static_cast<VkDeviceSize>(end - offset)};
}

Status Context::createDescriptors() {
  const Gpu& gpu = executable_->gpu();
  const auto& launches = executable_->plan().launches;
  uint32_t count = 0;
  std::vector<VkDescriptorSetLayout> layouts;
  for (const gpu::Launch& launch : launches) {
    const Pipeline& pipeline = executable_->pipelines()[static_cast<size_t>(launch.entry)];
    count += static_cast<uint32_t>(pipeline.interface.bindings());
    layouts.push_back(pipeline.setLayout);
  }
  if (layouts.empty()) return {};
  const VkDescriptorPoolSize size{VK_DESCRIPTOR_TYPE_STORAGE_BUFFER, std::max(count, 1U)};
  const VkDescriptorPoolCreateInfo poolInfo{.sType = VK_STRUCTURE_TYPE_DESCRIPTOR_POOL_CREATE_INFO,
                                            .maxSets = static_cast<uint32_t>(layouts.size()),
                                            .poolSizeCount = 1,
                                            .pPoolSizes = &size};
  QT_VK(vkCreateDescriptorPool(gpu.handle(), &poolInfo, nullptr, &pool_), gpu.name());
  const VkDescriptorSetAllocateInfo info{
      .sType = VK_STRUCTURE_TYPE_DESCRIPTOR_SET_ALLOCATE_INFO,
      .descriptorPool = pool_,
      .descriptorSetCount = static_cast<uint32_t>(layouts.size()),
      .pSetLayouts = layouts.data()};
  sets_.resize(layouts.size());
  QT_VK(vkAllocateDescriptorSets(gpu.handle(), &info, sets_.data()), gpu.name());
  for (size_t i = 0; i < launches.size(); ++i) QT_CHECK(writeDescriptors(i));
  return {};
}

Status Context::writeDescriptors(size_t launch) {
  const gpu::Launch& of = executable_->plan().launches[launch];
  const auto& interface = executable_->pipelines()[static_cast<size_t>(of.entry)].interface;
  std::vector<VkDescriptorBufferInfo> windows;
  for (const runtime::Dispatch* dispatch : of.dispatches) {
    for (const runtime::Binding& binding : dispatch->bindings) windows.push_back(window(binding));
  }
  if (interface.status) windows.push_back({status_.handle(), 0, sizeof(runtime::RunStatus)});
  if (interface.wordsInBuffer) {
    windows.push_back({words_.handle(), static_cast<VkDeviceSize>(wordsOffset_[launch]),
                       static_cast<VkDeviceSize>(interface.words * 4)});
  }
  QT_ASSERT(static_cast<int64_t>(windows.size()) == interface.bindings(), "a window per binding");
  std::vector<VkWriteDescriptorSet> writes;
  for (size_t i = 0; i < windows.size(); ++i) {
    writes.push_back({.sType = VK_STRUCTURE_TYPE_WRITE_DESCRIPTOR_SET,
                      .dstSet = sets_[launch],
                      .dstBinding = static_cast<uint32_t>(i),
                      .descriptorCount = 1,
                      .descriptorType = VK_DESCRIPTOR_TYPE_STORAGE_BUFFER,
                      .pBufferInfo = &windows[i]});
  }
  vkUpdateDescriptorSets(executable_->gpu().handle(), static_cast<uint32_t>(writes.size()),
                         writes.data(), 0, nullptr);
  return {};
}

// ---- commands ----

std::pair<size_t, size_t> Context::launchesOf(size_t stage) const {
  const auto before = [&](size_t wave) {
    return wave == 0 ? 0 : executable_->plan().waveEnds[wave - 1];
  };
  const std::vector<runtime::Stage>& stages = executable_->stages();
  return {stage == 0 ? 0 : before(stages[stage - 1].waveEnd), before(stages[stage].waveEnd)};
}

Result<Commands> Context::record(size_t stage, const Timestamps* timestamps) {
  const std::vector<runtime::Stage>& stages = executable_->stages();
  Commands commands = QT_TRY(Commands::create(executable_->gpu().shared_from_this()));
  constexpr VkPipelineStageFlags kCompute = VK_PIPELINE_STAGE_COMPUTE_SHADER_BIT;
  constexpr VkPipelineStageFlags kTransfer = VK_PIPELINE_STAGE_TRANSFER_BIT;
  constexpr VkAccessFlags kShader = VK_ACCESS_SHADER_READ_BIT | VK_ACCESS_SHADER_WRITE_BIT;
  constexpr VkAccessFlags kMove = VK_ACCESS_TRANSFER_READ_BIT | VK_ACCESS_TRANSFER_WRITE_BIT;
  // The submission of the stage before is complete; what it wrote is made visible here.
  if (stage > 0) {
    commands.barrier(kCompute | kTransfer, kShader | kMove, kCompute | kTransfer, kShader | kMove);
  }
  const bool inputs = stage == 0 && !staging_.empty();
  if (inputs) recordCopies(commands, Kind::Input);
  recordTransfers(commands, stage, true);
  if (inputs || !stages[stage].uploads.empty()) {
    commands.barrier(kTransfer, VK_ACCESS_TRANSFER_WRITE_BIT, kCompute, kShader);
  }
  if (timestamps != nullptr) timestamps->reset(commands.handle());
  const auto [first, last] = launchesOf(stage);
  for (size_t i = first; i < last; ++i) {
    const auto interval = static_cast<uint32_t>(i - first);
    if (timestamps != nullptr) {
      commands.barrier(kCompute, kShader, kCompute, kShader);
      timestamps->begin(commands.handle(), interval);
    }
    recordLaunch(commands, i, executable_->plan().launches[i].barrier && timestamps == nullptr);
    if (timestamps != nullptr) timestamps->end(commands.handle(), interval);
  }
  const bool outputs = stage + 1 == stages.size() && !staging_.empty();
  if (outputs || !stages[stage].downloads.empty()) {
    commands.barrier(kCompute | kTransfer, kShader | kMove, kTransfer, VK_ACCESS_TRANSFER_READ_BIT);
  }
  if (outputs) recordCopies(commands, Kind::Output);
  recordTransfers(commands, stage, false);
  commands.barrier(kCompute | kTransfer, VK_ACCESS_SHADER_WRITE_BIT | VK_ACCESS_TRANSFER_WRITE_BIT,
                   VK_PIPELINE_STAGE_HOST_BIT, VK_ACCESS_HOST_READ_BIT);
  QT_CHECK(commands.finish());
  return commands;
}

void Context::recordTransfers(Commands& commands, size_t stage, bool up) {
  const runtime::Stage& now = executable_->stages()[stage];
  const std::vector<int>& buffers = up ? now.uploads : now.downloads;
  for (size_t i = 0; i < buffers.size(); ++i) {
    const auto number = static_cast<size_t>(buffers[i]);
    const int64_t bytes = executable_->program().buffers[number].bytes;
    if (bytes == 0) continue;
    const int64_t host = transferOffsets_[stage][up ? i : now.uploads.size() + i];
    const Location device = locate(number);
    if (up) {
      commands.copy(transfers_, host, *device.memory, device.offset, bytes);
    } else {
      commands.copy(*device.memory, device.offset, transfers_, host, bytes);
    }
  }
}

void Context::recordCopies(Commands& commands, Kind kind) {
  const bool up = kind == Kind::Input;
  for (const size_t i : up ? inputs_ : outputs_) {
    const int64_t bytes = executable_->program().buffers[i].bytes;
    if (bytes == 0) continue;
    const auto block = static_cast<size_t>(border_[i].block);
    const Buffer& from = up ? staging_[block] : blocks_[block];
    const Buffer& to = up ? blocks_[block] : staging_[block];
    commands.copy(from, border_[i].offset, to, border_[i].offset, bytes);
  }
}

void Context::recordLaunch(Commands& commands, size_t number, bool barrier) {
  const gpu::Launch& launch = executable_->plan().launches[number];
  const Pipeline& pipeline = executable_->pipelines()[static_cast<size_t>(launch.entry)];
  constexpr VkPipelineStageFlags kCompute = VK_PIPELINE_STAGE_COMPUTE_SHADER_BIT;
  if (barrier && !executable_->gpu().options().omitBarriers) {
    commands.barrier(kCompute, VK_ACCESS_SHADER_WRITE_BIT, kCompute,
                     VK_ACCESS_SHADER_READ_BIT | VK_ACCESS_SHADER_WRITE_BIT);
  }
  const VkCommandBuffer buffer = commands.handle();
  vkCmdBindPipeline(buffer, VK_PIPELINE_BIND_POINT_COMPUTE, pipeline.handle);
  vkCmdBindDescriptorSets(buffer, VK_PIPELINE_BIND_POINT_COMPUTE, pipeline.layout, 0, 1,
                          &sets_[number], 0, nullptr);
  if (!pipeline.interface.wordsInBuffer) {
    const auto& words = launchWords_[number];
    vkCmdPushConstants(buffer, pipeline.layout, VK_SHADER_STAGE_COMPUTE_BIT, 0,
                       static_cast<uint32_t>(words.size() * sizeof(uint32_t)), words.data());
  }
  const gpu::Grid grid = gpu::gridOf(launch.groups, executable_->limits().groupsPerAxis);
  vkCmdDispatch(buffer, grid.x, grid.y, 1);
}

// ---- running ----

Status Context::checkTensors(const Sources& inputs, const Targets& outputs) const {
  const auto check = [&](const std::vector<size_t>& buffers, const auto& given,
                         const std::string& what) -> Status {
    if (given.size() != buffers.size()) {
      return userError(std::to_string(given.size()) + " " + what + "s given, the model has " +
                       std::to_string(buffers.size()));
    }
    for (size_t i = 0; i < given.size(); ++i) {
      const BufferInfo& buffer = executable_->program().buffers[buffers[i]];
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

Status Context::bind(const Sources& inputs, const Targets& outputs) {
  QT_CHECK(checkTensors(inputs, outputs));
  const runtime::Program& program = executable_->program();
  for (size_t i = 0; i < inputs.size(); ++i) {
    runtime::storeTensor(program.buffers[inputs_[i]], inputs[i], hostView(inputs_[i]));
  }
  bound_ = outputs;
  return {};
}

Status Context::collect() {
  for (size_t i = 0; i < bound_.size(); ++i) {
    runtime::loadTensor(executable_->program().buffers[outputs_[i]], hostView(outputs_[i]),
                        bound_[i]);
  }
  return {};
}

Status Context::runStage(size_t stage, const Sources& uploads, const Targets& downloads) {
  const runtime::Program& program = executable_->program();
  const runtime::Stage& now = executable_->stages()[stage];
  QT_ASSERT(uploads.size() == now.uploads.size() && downloads.size() == now.downloads.size(),
            "a tensor for everything that a stage exchanges");
  for (size_t i = 0; i < uploads.size(); ++i) {
    runtime::storeTensor(program.buffers[static_cast<size_t>(now.uploads[i])], uploads[i],
                         transferView(stage, i));
  }
  std::memset(status_.mapped(), 0, static_cast<size_t>(status_.bytes()));
  if (times_ == nullptr) {
    QT_CHECK(commands_[stage].run());
  } else {
    QT_CHECK(runTimed(stage));
  }
  QT_CHECK(executable_->gpu().checkValidation());
  runtime::RunStatus status;
  std::memcpy(&status, status_.mapped(), sizeof(status));
  QT_CHECK(runtime::statusReport(program, status));
  for (size_t i = 0; i < downloads.size(); ++i) {
    runtime::loadTensor(program.buffers[static_cast<size_t>(now.downloads[i])],
                        transferView(stage, uploads.size() + i), downloads[i]);
  }
  return {};
}

// ---- timing ----

Status Context::timeDispatches(std::vector<double>* microseconds) {
  times_ = nullptr;
  if (microseconds == nullptr) return {};
  for (size_t stage = timed_.size(); stage < executable_->stages().size(); ++stage) {
    const auto [first, last] = launchesOf(stage);
    const auto intervals = static_cast<uint32_t>(last - first);
    Timestamps timestamps =
        QT_TRY(Timestamps::create(executable_->gpu().shared_from_this(), intervals));
    timed_.push_back(QT_TRY(record(stage, &timestamps)));
    timestamps_.push_back(std::move(timestamps));
  }
  QT_CHECK(executable_->gpu().checkValidation());
  size_t count = 0;
  for (const runtime::Wave& wave : executable_->program().waves) count += wave.dispatches.size();
  microseconds->assign(count, 0);
  times_ = microseconds;
  return {};
}

Status Context::runTimed(size_t stage) {
  QT_CHECK(timed_[stage].run());
  const std::vector<double> intervals = QT_TRY(timestamps_[stage].read());
  const size_t first = launchesOf(stage).first;
  for (size_t i = 0; i < intervals.size(); ++i) {
    addTime(executable_->plan().launches[first + i], intervals[i]);
  }
  return {};
}

void Context::addTime(const gpu::Launch& launch, double microseconds) {
  double predicted = 0;
  for (const runtime::Dispatch* dispatch : launch.dispatches) predicted += dispatch->microseconds;
  size_t number = 0;
  for (const runtime::Wave& wave : executable_->program().waves) {
    for (const runtime::Dispatch& dispatch : wave.dispatches) {
      const auto found = std::find(launch.dispatches.begin(), launch.dispatches.end(), &dispatch);
      if (found != launch.dispatches.end()) {
        const double share = predicted > 0 ? dispatch.microseconds / predicted
                                           : 1.0 / static_cast<double>(launch.dispatches.size());
        (*times_)[number] += share * microseconds;
      }
      ++number;
    }
  }
}

}  // namespace quartet::vulkan
