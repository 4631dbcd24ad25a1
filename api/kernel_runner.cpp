#include "api/kernel_runner.h"

#include <algorithm>
#include <chrono>

#include "api/devices.h"
#include "ir/text.h"
#include "ir/verifier.h"

namespace quartet::api {

namespace {

using Clock = std::chrono::steady_clock;

double microsecondsSince(Clock::time_point start) {
  return std::chrono::duration<double, std::micro>(Clock::now() - start).count();
}

runtime::BufferInfo bufferInfo(const KernelBuffer& buffer, int64_t offset) {
  runtime::BufferInfo info;
  info.kind = runtime::BufferInfo::Kind::Arena;
  info.name = buffer.name;
  info.storage = ir::DType::U8;  // bytes, as kernels take them
  info.logical = ir::DType::U8;
  info.shape = {buffer.bytes};
  info.bytes = buffer.bytes;
  info.arenaOffset = offset;
  return info;
}

runtime::Dispatch dispatchOf(const KernelLaunch& launch, const std::string& name) {
  runtime::Dispatch dispatch;
  dispatch.kernel = launch.kernel;
  dispatch.groups = launch.groups;
  dispatch.parameters = launch.parameters;
  dispatch.name = name;
  for (const KernelWindow& window : launch.windows) {
    dispatch.bindings.push_back({window.buffer, window.offset, window.bytes});
  }
  return dispatch;
}

/// Where the parts of a suite are in its program: a stage to upload, one per sequence, one per
/// buffer to download.
struct Stages {
  size_t sequences = 0;
  size_t sequence(size_t i) const { return 1 + i; }
  size_t download(size_t i) const { return 1 + sequences + i; }
};

Result<runtime::Program> programOf(const KernelSuite& suite, int64_t alignBytes) {
  runtime::Program program;
  program.name = suite.name;
  for (const std::string& text : suite.kernels) {
    ir::Module kernel = QT_TRY(ir::parse(text, {.file = suite.name}));
    QT_CHECK(ir::verify(kernel));
    program.kernels.push_back(std::move(kernel));
  }
  runtime::Stage upload;
  for (const KernelBuffer& buffer : suite.buffers) {
    QT_ASSERT(buffer.bytes > 0 && buffer.bytes % 16 == 0, "size of buffer " + buffer.name);
    if (buffer.uploaded) upload.uploads.push_back(static_cast<int>(program.buffers.size()));
    program.buffers.push_back(bufferInfo(buffer, program.arenaBytes));
    program.arenaBytes += (buffer.bytes + alignBytes - 1) / alignBytes * alignBytes;
  }
  program.arenaBound = program.arenaBytes;
  program.arenaSum = program.arenaBytes;
  program.stages.push_back(upload);
  for (const KernelSequence& sequence : suite.sequences) {
    for (const KernelLaunch& launch : sequence) {
      const auto kernel = static_cast<size_t>(launch.kernel);
      program.waves.push_back({{dispatchOf(launch, program.kernels[kernel].name)}});
    }
    program.stages.push_back({program.waves.size(), {}, {}});
  }
  for (size_t i = 0; i < suite.buffers.size(); ++i) {
    program.stages.push_back({program.waves.size(), {}, {static_cast<int>(i)}});
  }
  return program;
}

class Suite : public LoadedSuite {
 public:
  Suite(std::shared_ptr<runtime::Executable> executable, std::unique_ptr<runtime::Context> context,
        const KernelSuite& suite, double compile)
      : executable_(std::move(executable)),
        context_(std::move(context)),
        stages_{suite.sequences.size()},
        compile_(compile) {
    size_t launches = 0;
    for (const KernelSequence& sequence : suite.sequences) {
      firstLaunch_.push_back(launches);
      launches += sequence.size();
    }
    firstLaunch_.push_back(launches);
  }

  Status upload(const std::vector<std::span<const std::byte>>& contents) override {
    return context_->runStage(0, contents, {});
  }

  Result<double> runOnHost(size_t sequence) override {
    QT_CHECK(context_->timeDispatches(nullptr));
    const auto start = Clock::now();
    QT_CHECK(context_->runStage(stages_.sequence(sequence), {}, {}));
    return microsecondsSince(start);
  }

  Result<std::vector<double>> runOnDevice(size_t sequence) override {
    const Status timed = context_->timeDispatches(&times_);
    if (!timed && timed.error().kind == Diagnostic::Kind::Unsupported) {
      // One time for all of them: an equal part each.
      const double all = QT_TRY(runOnHost(sequence));
      const size_t count = firstLaunch_[sequence + 1] - firstLaunch_[sequence];
      return std::vector<double>(count, all / static_cast<double>(std::max<size_t>(count, 1)));
    }
    QT_CHECK(timed);
    QT_CHECK(context_->runStage(stages_.sequence(sequence), {}, {}));
    return std::vector<double>(times_.begin() + static_cast<int64_t>(firstLaunch_[sequence]),
                               times_.begin() + static_cast<int64_t>(firstLaunch_[sequence + 1]));
  }

  Result<std::vector<std::byte>> download(size_t buffer) override {
    QT_CHECK(context_->timeDispatches(nullptr));
    std::vector<std::byte> bytes(
        static_cast<size_t>(executable_->program().buffers.at(buffer).bytes));
    QT_CHECK(context_->runStage(stages_.download(buffer), {}, {bytes}));
    return bytes;
  }

  double compileMicroseconds() const override { return compile_; }

 private:
  std::shared_ptr<runtime::Executable> executable_;
  std::unique_ptr<runtime::Context> context_;
  Stages stages_;
  double compile_;
  std::vector<size_t> firstLaunch_;  // by sequence, and the end
  std::vector<double> times_;        // by launch
};

class Runner : public KernelRunner {
 public:
  Runner(std::string id, std::shared_ptr<runtime::Device> device)
      : id_(std::move(id)), device_(std::move(device)) {}

  const std::string& id() const override { return id_; }
  const hwdb::Description& description() const override { return device_->description(); }
  const std::string& clock() const override { return clock_; }

  Result<std::unique_ptr<LoadedSuite>> load(const KernelSuite& suite) override {
    const int64_t align = std::max<int64_t>(64, device_->description().bindingAlignBytes.value);
    const auto start = Clock::now();
    runtime::Program program = QT_TRY(programOf(suite, align));
    auto executable = QT_TRY(device_->compile(std::move(program)));
    const double compile = microsecondsSince(start);
    auto context = QT_TRY(executable->createContext());
    QT_CHECK(context->bind({}, {}));
    return std::make_unique<Suite>(std::move(executable), std::move(context), suite, compile);
  }

  /// Finds out how the device is timed.
  Status findClock() {
    if (device_->description().kind == hwdb::Description::Kind::Cpu) return {};
    runtime::Program program = QT_TRY(programOf({"clock", {}, {}, {}}, 64));
    const auto executable = QT_TRY(device_->compile(std::move(program)));
    const auto context = QT_TRY(executable->createContext());
    std::vector<double> times;
    if (context->timeDispatches(&times)) clock_ = "device timestamps";
    return {};
  }

 private:
  std::string id_;
  std::shared_ptr<runtime::Device> device_;
  std::string clock_ = "the host's clock";
};

}  // namespace

Result<std::unique_ptr<KernelRunner>> KernelRunner::open(const std::string& device, int threads) {
  const DeviceEntry entry = QT_TRY(findDevice(device));
  if (!entry.open || entry.info.compileOnly) {
    return unsupported("the device runs no kernels, so that nothing can be measured on it",
                       "device '" + entry.info.id + "' (" + entry.info.name + ")",
                       "name another device (--device); `quartet devices` lists them");
  }
  auto opened = QT_TRY(entry.open({.threads = threads}));
  auto runner = std::make_unique<Runner>(entry.info.id, std::move(opened));
  QT_CHECK(runner->findClock());
  return runner;
}

}  // namespace quartet::api
