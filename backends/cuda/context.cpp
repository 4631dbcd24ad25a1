#include "backends/cuda/context.h"

#include <algorithm>
#include <cstring>

#include "runtime/status_report.h"

namespace quartet::cuda {

using runtime::BufferInfo;
using Kind = BufferInfo::Kind;

namespace {

constexpr int64_t kStatusWords = sizeof(runtime::RunStatus) / 4;

bool isBorder(const BufferInfo& buffer) {
  return buffer.kind == Kind::Input || buffer.kind == Kind::Output;
}

}  // namespace

Result<std::unique_ptr<runtime::Context>> Context::create(std::shared_ptr<Executable> executable) {
  std::unique_ptr<Context> context(new Context(std::move(executable)));
  QT_CHECK(context->open());
  return std::unique_ptr<runtime::Context>(std::move(context));
}

Status Context::open() {
  QT_CURRENT(gpu());
  QT_CUDA(gpu().driver(), gpu().name(), cuStreamCreate(&stream_, kCuStreamNonBlocking));
  QT_CHECK(allocate());
  QT_CHECK(uploadWords());
  prepareArguments();
  if (gpu().options().synchronous) return {};
  for (size_t stage = 0; stage < executable_->stages().size(); ++stage) QT_CHECK(record(stage));
  return {};
}

Context::~Context() {
  const Gpu::Current current(gpu());
  if (current.result() != kCuSuccess) return;
  if (stream_ != nullptr)
    api().cuStreamSynchronize(stream_);  // after an error some may be under way
  for (CuGraphExec graph : graphs_) api().cuGraphExecDestroy(graph);
  for (CuEvent event : events_) api().cuEventDestroy(event);
  if (stream_ != nullptr) api().cuStreamDestroy(stream_);
}

// ---- memory ----

Status Context::allocate() {
  const runtime::Program& program = executable_->program();
  const gpu::RunLayout& layout = executable_->layout();
  const std::vector<int64_t>& border = layout.border.blockBytes;
  std::vector<int64_t> bytes = executable_->missingConstantBytes();
  bytes.insert(bytes.end(), {program.arenaBytes, layout.wordsOffset.back(), kStatusWords * 4});
  bytes.insert(bytes.end(), border.begin(), border.end());
  QT_CHECK(gpu().checkFits(bytes, "program '" + program.name + "'"));

  QT_CHECK(executable_->uploadConstants(stream_));
  arena_ = QT_TRY(gpu().allocate(program.arenaBytes));
  words_ = QT_TRY(gpu().allocate(layout.wordsOffset.back()));
  status_ = QT_TRY(gpu().allocate(kStatusWords * 4));
  for (const int64_t size : border) {
    blocks_.push_back(QT_TRY(gpu().allocate(size)));
    staging_.push_back(QT_TRY(gpu().allocateHost(size)));
  }
  transfers_ = QT_TRY(gpu().allocateHost(layout.transferBytes));
  hostStatus_ = QT_TRY(gpu().allocateHost(kStatusWords * 4));
  return {};
}

Status Context::uploadWords() {
  const gpu::RunLayout& layout = executable_->layout();
  const int64_t bytes = layout.wordsOffset.back();
  if (bytes == 0) return {};
  std::vector<std::byte> packed(static_cast<size_t>(bytes));
  for (size_t i = 0; i < layout.words.size(); ++i) {
    if (layout.wordsOffset[i + 1] == layout.wordsOffset[i]) continue;
    std::memcpy(packed.data() + layout.wordsOffset[i], layout.words[i].data(),
                layout.words[i].size() * sizeof(uint32_t));
  }
  QT_CUDA(gpu().driver(), gpu().name(),
          cuMemcpyHtoDAsync(words_.address(), packed.data(), packed.size(), stream_));
  QT_CUDA(gpu().driver(), gpu().name(), cuStreamSynchronize(stream_));
  return {};
}

std::span<std::byte> Context::hostView(size_t buffer) const {
  const gpu::Placement::Place& at = executable_->layout().border.places[buffer];
  return {staging_[static_cast<size_t>(at.block)].data() + at.offset,
          static_cast<size_t>(executable_->program().buffers[buffer].bytes)};
}

std::span<std::byte> Context::transferView(size_t stage, size_t i) const {
  const std::vector<int64_t>& offsets = executable_->layout().transferOffsets[stage];
  return {transfers_.data() + offsets[i], static_cast<size_t>(offsets[i + 1] - offsets[i])};
}

CuDeviceAddress Context::locate(size_t number) const {
  const BufferInfo& buffer = executable_->program().buffers[number];
  const auto inside = [&](const gpu::BufferPlaces& placed, const std::vector<Buffer>& blocks) {
    const gpu::Placement::Place& place = placed.places[number];
    return blocks[static_cast<size_t>(place.block)].address() + static_cast<uint64_t>(place.offset);
  };
  if (buffer.kind == Kind::Constant) {
    return inside(executable_->constants().placed, executable_->constants().blocks);
  }
  if (isBorder(buffer)) return inside(executable_->layout().border, blocks_);
  return arena_.address() + static_cast<uint64_t>(std::max<int64_t>(buffer.arenaOffset, 0));
}

void Context::prepareArguments() {
  const std::vector<gpu::Launch>& launches = executable_->plan().launches;
  for (size_t i = 0; i < launches.size(); ++i) {
    const auto& interface =
        executable_->modules()[static_cast<size_t>(launches[i].entry)].interface;
    std::vector<CuDeviceAddress> addresses;
    for (const runtime::Dispatch* dispatch : launches[i].dispatches) {
      for (const runtime::Binding& binding : dispatch->bindings) {
        const auto number = static_cast<size_t>(binding.buffer);
        const BufferInfo& buffer = executable_->program().buffers[number];
        QT_ASSERT(binding.offset >= 0 && binding.offset + binding.bytes <= buffer.bytes,
                  "a window lies inside its buffer " + buffer.name);
        addresses.push_back(locate(number) + static_cast<uint64_t>(binding.offset));
      }
    }
    if (interface.status) addresses.push_back(status_.address());
    if (interface.wordsInBuffer) {
      addresses.push_back(words_.address() +
                          static_cast<uint64_t>(executable_->layout().wordsOffset[i]));
    }
    QT_ASSERT(static_cast<int64_t>(addresses.size()) == interface.bindings(),
              "an address per binding");
    addresses_.push_back(std::move(addresses));
  }
}

// ---- what a stage does ----

Status Context::record(size_t stage) {
  const Driver& driver = gpu().driver();
  QT_CUDA(driver, gpu().name(), cuStreamBeginCapture(stream_, kCuCaptureThreadLocal));
  const Status enqueued = enqueue(stage, Mode::Plain);
  CuGraph graph = nullptr;
  const CuResult ended = api().cuStreamEndCapture(stream_, &graph);
  CuGraphExec executable = nullptr;
  CuResult made = kCuSuccess;
  if (enqueued && ended == kCuSuccess) made = api().cuGraphInstantiate(&executable, graph, 0);
  if (graph != nullptr) api().cuGraphDestroy(graph);
  QT_CHECK(enqueued);
  if (ended != kCuSuccess) return driver.error("cuStreamEndCapture", ended, stageNames(stage));
  if (made != kCuSuccess) {
    return driver.error("cuGraphInstantiateWithFlags", made, stageNames(stage));
  }
  graphs_.push_back(executable);
  return {};
}

Status Context::enqueue(size_t stage, Mode mode) {
  const std::vector<runtime::Stage>& stages = executable_->stages();
  const Driver& driver = gpu().driver();
  if (stage == 0) QT_CHECK(enqueueCopies(Kind::Input));
  QT_CHECK(enqueueTransfers(stage, true));
  QT_CUDA(driver, gpu().name(), cuMemsetD32Async(status_.address(), 0, kStatusWords, stream_));
  const auto [first, last] = gpu::launchesOf(executable_->plan(), stages, stage);
  for (size_t i = first; i < last; ++i) {
    if (mode == Mode::Timed) {
      QT_CUDA(driver, gpu().name(), cuEventRecord(events_[2 * i], stream_));
    }
    QT_CHECK(enqueueLaunch(i));
    if (mode == Mode::Timed) {
      QT_CUDA(driver, gpu().name(), cuEventRecord(events_[2 * i + 1], stream_));
    }
    if (mode == Mode::Waiting) {
      QT_CHECK(wait(launchName(i), true));
    }
  }
  if (stage + 1 == stages.size()) QT_CHECK(enqueueCopies(Kind::Output));
  QT_CHECK(enqueueTransfers(stage, false));
  QT_CUDA(driver, gpu().name(),
          cuMemcpyDtoHAsync(hostStatus_.data(), status_.address(), kStatusWords * 4, stream_));
  return {};
}

Status Context::enqueueCopies(Kind kind) {
  const bool up = kind == Kind::Input;
  const gpu::RunLayout& layout = executable_->layout();
  const Driver& driver = gpu().driver();
  for (const size_t i : up ? layout.inputs : layout.outputs) {
    const std::span<std::byte> host = hostView(i);
    if (host.empty()) continue;
    if (up) {
      QT_CUDA(driver, gpu().name(),
              cuMemcpyHtoDAsync(locate(i), host.data(), host.size(), stream_));
    } else {
      QT_CUDA(driver, gpu().name(),
              cuMemcpyDtoHAsync(host.data(), locate(i), host.size(), stream_));
    }
  }
  return {};
}

Status Context::enqueueTransfers(size_t stage, bool up) {
  const runtime::Stage& now = executable_->stages()[stage];
  const std::vector<int>& buffers = up ? now.uploads : now.downloads;
  const Driver& driver = gpu().driver();
  for (size_t i = 0; i < buffers.size(); ++i) {
    const auto number = static_cast<size_t>(buffers[i]);
    const auto bytes = static_cast<size_t>(executable_->program().buffers[number].bytes);
    if (bytes == 0) continue;
    std::byte* host = transferView(stage, up ? i : now.uploads.size() + i).data();
    if (up) {
      QT_CUDA(driver, gpu().name(), cuMemcpyHtoDAsync(locate(number), host, bytes, stream_));
    } else {
      QT_CUDA(driver, gpu().name(), cuMemcpyDtoHAsync(host, locate(number), bytes, stream_));
    }
  }
  return {};
}

Status Context::enqueueLaunch(size_t number) {
  const gpu::Launch& launch = executable_->plan().launches[number];
  const Module& module = executable_->modules()[static_cast<size_t>(launch.entry)];
  std::vector<CuDeviceAddress> addresses = addresses_[number];
  std::vector<uint32_t> words = executable_->layout().words[number];
  std::vector<void*> arguments;
  for (CuDeviceAddress& address : addresses) arguments.push_back(&address);
  if (!module.interface.wordsInBuffer) arguments.push_back(words.data());
  const CuResult result = api().cuLaunchKernel(
      module.function, static_cast<unsigned>(launch.groups), 1, 1,
      static_cast<unsigned>(module.interface.local), 1, 1, 0, stream_, arguments.data(), nullptr);
  if (result == kCuSuccess) return {};
  return gpu().driver().error("cuLaunchKernel", result, launchName(number));
}

std::string Context::launchName(size_t number) const {
  const gpu::Launch& launch = executable_->plan().launches[number];
  return gpu().name() + (launch.dispatches.size() > 1 ? ", task sets " : ", task set ") +
         Executable::names(launch);
}

std::string Context::stageNames(size_t stage) const {
  const auto [first, last] = gpu::launchesOf(executable_->plan(), executable_->stages(), stage);
  std::string text = gpu().name() + ", one of the task sets";
  for (size_t i = first; i < last; ++i) {
    text += (i == first ? " " : ", ") + Executable::names(executable_->plan().launches[i]);
  }
  return text;
}

Status Context::wait(const std::string& where, bool exact) {
  const CuResult result = api().cuStreamSynchronize(stream_);
  if (result == kCuSuccess) return {};
  Diagnostic error = gpu().driver().error("cuStreamSynchronize", result, where).value();
  if (!exact && isLost(result)) error.hint += "; QUARTET_CUDA_SYNCHRONOUS=1 tells which failed";
  return tl::unexpected(std::move(error));
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
  const gpu::RunLayout& layout = executable_->layout();
  for (size_t i = 0; i < bound_.size(); ++i) {
    runtime::loadTensor(executable_->program().buffers[layout.outputs[i]],
                        hostView(layout.outputs[i]), bound_[i]);
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
  QT_CURRENT(gpu());
  if (times_ != nullptr) {
    QT_CHECK(enqueue(stage, Mode::Timed));
  } else if (graphs_.empty()) {
    QT_CHECK(enqueue(stage, Mode::Waiting));
  } else {
    QT_CUDA(gpu().driver(), stageNames(stage), cuGraphLaunch(graphs_[stage], stream_));
  }
  QT_CHECK(wait(stageNames(stage), false));
  if (times_ != nullptr) QT_CHECK(addTimes(stage));
  runtime::RunStatus status;
  std::memcpy(&status, hostStatus_.data(), sizeof(status));
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
  QT_CURRENT(gpu());
  for (size_t i = events_.size(); i < 2 * executable_->plan().launches.size(); ++i) {
    CuEvent event = nullptr;
    QT_CUDA(gpu().driver(), gpu().name(), cuEventCreate(&event, kCuEventDefault));
    events_.push_back(event);
  }
  microseconds->assign(gpu::dispatchCount(executable_->program()), 0);
  times_ = microseconds;
  return {};
}

Status Context::addTimes(size_t stage) {
  const gpu::LaunchPlan& plan = executable_->plan();
  const auto [first, last] = gpu::launchesOf(plan, executable_->stages(), stage);
  for (size_t i = first; i < last; ++i) {
    float milliseconds = 0;
    QT_CUDA(gpu().driver(), gpu().name(),
            cuEventElapsedTime(&milliseconds, events_[2 * i], events_[2 * i + 1]));
    gpu::addTime(executable_->program(), plan.launches[i], 1000.0 * milliseconds, *times_);
  }
  return {};
}

}  // namespace quartet::cuda
