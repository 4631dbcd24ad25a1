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

Status Context::allocate() {
  Gpu& gpu = executable_->gpu();
  const runtime::Program& program = executable_->program();
  const gpu::RunLayout& layout = executable_->layout();
  const std::vector<int64_t>& border = layout.border.blockBytes;
  const int64_t arenaBytes = program.arenaBytes + gpu::kMinimumWindowBytes;
  std::vector<int64_t> shader = executable_->missingConstantBytes();
  shader.push_back(arenaBytes);
  shader.insert(shader.end(), border.begin(), border.end());
  std::vector<int64_t> host = {gpu::kMinimumWindowBytes, layout.wordsOffset.back(),
                               layout.transferBytes};
  if (!gpu.unified()) host.insert(host.end(), border.begin(), border.end());
  QT_CHECK(gpu.checkFits(shader, host, "program '" + program.name + "'"));

  QT_CHECK(executable_->uploadConstants());
  arena_ = QT_TRY(gpu.allocate(arenaBytes, Use::Shader));
  for (const int64_t bytes : border) {
    blocks_.push_back(QT_TRY(gpu.allocate(bytes, Use::Shader)));
    if (!gpu.unified()) staging_.push_back(QT_TRY(gpu.allocate(bytes, Use::Staging)));
  }
  status_ = QT_TRY(gpu.allocate(gpu::kMinimumWindowBytes, Use::Staging));
  words_ = QT_TRY(gpu.allocate(layout.wordsOffset.back(), Use::Staging));
  if (layout.transferBytes > 0) {
    transfers_ = QT_TRY(gpu.allocate(layout.transferBytes, Use::Staging));
  }
  for (size_t i = 0; i < layout.words.size(); ++i) {
    if (layout.wordsOffset[i + 1] == layout.wordsOffset[i]) continue;
    std::memcpy(words_.mapped() + layout.wordsOffset[i], layout.words[i].data(),
                layout.words[i].size() * sizeof(uint32_t));
  }
  return {};
}

std::span<std::byte> Context::hostView(size_t buffer) const {
  const gpu::Placement::Place& at = executable_->layout().border.places[buffer];
  const auto& blocks = staging_.empty() ? blocks_ : staging_;
  return {blocks[static_cast<size_t>(at.block)].mapped() + at.offset,
          static_cast<size_t>(executable_->program().buffers[buffer].bytes)};
}

std::span<std::byte> Context::transferView(size_t stage, size_t i) const {
  const std::vector<int64_t>& offsets = executable_->layout().transferOffsets[stage];
  return {transfers_.mapped() + offsets[i], static_cast<size_t>(offsets[i + 1] - offsets[i])};
}

Context::Location Context::locate(size_t number) const {
  const BufferInfo& buffer = executable_->program().buffers[number];
  const auto inside = [&](const gpu::BufferPlaces& placed, const std::vector<Buffer>& blocks) {
    const gpu::Placement::Place& place = placed.places[number];
    return Location{&blocks[static_cast<size_t>(place.block)], place.offset};
  };
  if (buffer.kind == Kind::Constant) {
    return inside(executable_->constants().placed, executable_->constants().blocks);
  }
  if (isBorder(buffer)) return inside(executable_->layout().border, blocks_);
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
  const int64_t bytes = std::max(binding.bytes, gpu::kMinimumWindowBytes);
  const auto limit =
      static_cast<int64_t>(executable_->gpu().physical().limits.maxStorageBufferRange);
  QT_ASSERT(offset % executable_->memoryRules().alignBytes == 0,
            "a window of " + buffer.name + " is aligned");
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
    windows.push_back({words_.handle(),
                       static_cast<VkDeviceSize>(executable_->layout().wordsOffset[launch]),
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
  const auto [first, last] = gpu::launchesOf(executable_->plan(), executable_->stages(), stage);
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
    const int64_t host =
        executable_->layout().transferOffsets[stage][up ? i : now.uploads.size() + i];
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
  const gpu::RunLayout& layout = executable_->layout();
  for (const size_t i : up ? layout.inputs : layout.outputs) {
    const int64_t bytes = executable_->program().buffers[i].bytes;
    if (bytes == 0) continue;
    const gpu::Placement::Place& place = layout.border.places[i];
    const auto block = static_cast<size_t>(place.block);
    const Buffer& from = up ? staging_[block] : blocks_[block];
    const Buffer& to = up ? blocks_[block] : staging_[block];
    commands.copy(from, place.offset, to, place.offset, bytes);
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
    const auto& words = executable_->layout().words[number];
    vkCmdPushConstants(buffer, pipeline.layout, VK_SHADER_STAGE_COMPUTE_BIT, 0,
                       static_cast<uint32_t>(words.size() * sizeof(uint32_t)), words.data());
  }
  const gpu::Grid grid = gpu::gridOf(launch.groups, executable_->limits().groupsPerAxis);
  vkCmdDispatch(buffer, grid.x, grid.y, 1);
}

// ---- running ----

Status Context::bind(const Sources& inputs, const Targets& outputs) {
  const runtime::Program& program = executable_->program();
  const gpu::RunLayout& layout = executable_->layout();
  QT_CHECK(gpu::checkTensors(program, layout, inputs, outputs));
  for (size_t i = 0; i < inputs.size(); ++i) {
    runtime::storeTensor(program.buffers[layout.inputs[i]], inputs[i], hostView(layout.inputs[i]));
  }
  bound_ = outputs;
  return {};
}

Status Context::collect() {
  for (size_t i = 0; i < bound_.size(); ++i) {
    const size_t output = executable_->layout().outputs[i];
    runtime::loadTensor(executable_->program().buffers[output], hostView(output), bound_[i]);
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
    const auto [first, last] = gpu::launchesOf(executable_->plan(), executable_->stages(), stage);
    const auto intervals = static_cast<uint32_t>(last - first);
    Timestamps timestamps =
        QT_TRY(Timestamps::create(executable_->gpu().shared_from_this(), intervals));
    timed_.push_back(QT_TRY(record(stage, &timestamps)));
    timestamps_.push_back(std::move(timestamps));
  }
  QT_CHECK(executable_->gpu().checkValidation());
  microseconds->assign(gpu::dispatchCount(executable_->program()), 0);
  times_ = microseconds;
  return {};
}

Status Context::runTimed(size_t stage) {
  QT_CHECK(timed_[stage].run());
  const std::vector<double> intervals = QT_TRY(timestamps_[stage].read());
  const size_t first = gpu::launchesOf(executable_->plan(), executable_->stages(), stage).first;
  for (size_t i = 0; i < intervals.size(); ++i) {
    gpu::addTime(executable_->program(), executable_->plan().launches[first + i], intervals[i],
                 *times_);
  }
  return {};
}

}  // namespace quartet::vulkan
