#include "api/tuner.h"

#include <algorithm>
#include <chrono>
#include <cstring>
#include <numeric>
#include <random>
#include <span>

#include "backends/common/lower_plan.h"
#include "base/content_hash.h"
#include "ir/text.h"
#include "sched/task_set.h"

namespace quartet::api {
namespace {

using Clock = std::chrono::steady_clock;
using runtime::BufferInfo;

/// Turns of each alternative, and runs that are timed in each: more of what is short.
constexpr int kTurns = 3;
constexpr int kMostRuns = 20;
constexpr double kEnough = 3000;  // microseconds of all runs of a turn

ir::SymbolValues usualValues(const ir::Module& plan) {
  ir::SymbolValues values;
  for (const auto& [name, range] : plan.symbols) {
    values[name] = ir::Dim::symbol(name).usual(plan.symbols);
  }
  return values;
}

/// What a device runs of a program: kernels, launches, whether each is worth several threads. A
/// rebuilt code generator may make other code of it: times are for choosing between tiles, not for
/// comparing versions.
std::string kernelsText(const runtime::Program& program, const hwdb::Description& device) {
  std::string text;
  ir::PrintOptions options;
  options.origins = false;
  for (const ir::Module& kernel : program.kernels) text += ir::print(kernel, options);
  const auto add = [&](int64_t number) { text += std::to_string(number) + " "; };
  for (const runtime::Wave& wave : program.waves) {
    double predicted = 0;
    for (const runtime::Dispatch& dispatch : wave.dispatches) predicted += dispatch.microseconds;
    text += predicted < device.parallelMicroseconds.value ? "short wave\n" : "wave\n";
    for (const runtime::Dispatch& dispatch : wave.dispatches) {
      add(dispatch.kernel);
      add(dispatch.groups);
      for (const uint32_t parameter : dispatch.parameters) add(parameter);
      for (const runtime::Binding& binding : dispatch.bindings) {
        add(binding.buffer);
        add(binding.offset);
        add(binding.bytes);
      }
    }
  }
  return text;
}

/// Values that are everywhere legal, as the buffer stores them.
std::vector<std::byte> valuesFor(const BufferInfo& buffer) {
  std::vector<std::byte> bytes(static_cast<size_t>(buffer.bytes));
  std::mt19937 random(1);
  const auto fill = [&](auto value) {
    for (size_t at = 0; at + sizeof(value()) <= bytes.size(); at += sizeof(value())) {
      const auto one = value();
      std::memcpy(bytes.data() + at, &one, sizeof(one));
    }
  };
  const auto unit = [&] { return static_cast<float>(random() >> 8) * 0x1p-23F - 1.0F; };
  switch (buffer.storage) {
    case ir::DType::F32:
      fill(unit);
      break;
    case ir::DType::F64:
      fill([&] { return static_cast<double>(unit()); });
      break;
    case ir::DType::F16:  // 0.5 and its neighbours above
      fill([&] { return static_cast<uint16_t>(0x3800 | (random() & 0xff)); });
      break;
    case ir::DType::BF16:  // likewise
      fill([&] { return static_cast<uint16_t>(0x3f00 | (random() & 0x7f)); });
      break;
    default:
      switch (ir::byteSize(buffer.storage)) {
        case 1:
          fill([&] { return static_cast<uint8_t>(random() & 1); });
          break;
        case 2:
          fill([&] { return static_cast<uint16_t>(random() & 1); });
          break;
        case 4:
          fill([&] { return static_cast<uint32_t>(random() & 1); });
          break;
        default:
          fill([&] { return static_cast<uint64_t>(random() & 1); });
          break;
      }
  }
  return bytes;
}

/// Bytes, as uploads take them.
BufferInfo flat(const BufferInfo& buffer) {
  BufferInfo bytes;
  bytes.kind = BufferInfo::Kind::Arena;
  bytes.name = buffer.name;
  bytes.storage = ir::DType::U8;
  bytes.logical = ir::DType::U8;
  bytes.shape = {buffer.bytes};
  bytes.bytes = buffer.bytes;
  return bytes;
}

/// Makes a program of two stages, which exchanges nothing with a caller: inputs and outputs lie in
/// the arena, each buffer in a place of its own, and the first stage uploads them. The buffers that
/// it uploads, as the program has them so far.
std::vector<BufferInfo> closeProgram(runtime::Program& program, int64_t align) {
  std::vector<BufferInfo> filled;
  runtime::Stage fill;
  program.arenaBytes = 0;
  for (size_t i = 0; i < program.buffers.size(); ++i) {
    BufferInfo& buffer = program.buffers[i];
    if (buffer.kind == BufferInfo::Kind::Constant) continue;
    if (buffer.kind != BufferInfo::Kind::Arena && buffer.bytes > 0) {
      filled.push_back(buffer);
      fill.uploads.push_back(static_cast<int>(i));
      buffer = flat(buffer);
    }
    buffer.kind = BufferInfo::Kind::Arena;
    buffer.arenaOffset = program.arenaBytes;
    program.arenaBytes += (buffer.bytes + align - 1) / align * align;
  }
  program.arenaBound = program.arenaBytes;
  program.arenaSum = program.arenaBytes;
  program.stages = {fill, {program.waves.size(), {}, {}}};
  return filled;
}

/// Times one run of the program's second stage.
class Timer {
 public:
  explicit Timer(runtime::Context& context) : context_(context) {}

  Result<double> run() {
    const Status timed = context_.timeDispatches(&times_);
    const bool onHost = !timed && timed.error().kind == Diagnostic::Kind::Unsupported;
    if (!onHost) QT_CHECK(timed);
    const auto start = Clock::now();
    QT_CHECK(context_.runStage(1, {}, {}));
    const std::chrono::duration<double, std::micro> elapsed = Clock::now() - start;
    return onHost ? elapsed.count() : std::accumulate(times_.begin(), times_.end(), 0.0);
  }

 private:
  runtime::Context& context_;
  std::vector<double> times_;
};

}  // namespace

Result<Tuner::Candidate> Tuner::prepare(const sched::Alternative& alternative,
                                        Contents& contents) const {
  const ir::Module& plan = alternative.plan;
  const hwdb::Description& device = device_->description();
  Candidate candidate;
  candidate.program = QT_TRY(common::lowerPlan(plan, device, usualValues(plan)));
  const std::string text = kernelsText(candidate.program, device);
  candidate.key = {contentHash(std::as_bytes(std::span(text))).hex(),
                   device.name + ", " + std::to_string(device.units.value) + " units",
                   device.driver};
  if (const auto known = store_->find(candidate.key)) {
    candidate.microseconds = *known;
    candidate.stored = true;
    return candidate;
  }
  const int64_t align = std::max<int64_t>(64, device.bindingAlignBytes.value);
  for (const BufferInfo& buffer : closeProgram(candidate.program, align)) {
    const std::pair kind{buffer.bytes, buffer.storage};
    const auto [found, fresh] = contents.numbers.emplace(kind, contents.values.size());
    if (fresh) contents.values.push_back(valuesFor(buffer));
    candidate.contents.push_back(found->second);
  }
  candidate.executable = QT_TRY(device_->compile(std::move(candidate.program)));
  return candidate;
}

/// In memory of its own, which is given back: alternatives may be large.
Status Tuner::turn(Candidate& candidate, const Contents& contents) const {
  const auto context = QT_TRY(candidate.executable->createContext());
  runtime::Context::Sources sources;
  for (const size_t number : candidate.contents) sources.emplace_back(contents.values[number]);
  QT_CHECK(context->bind({}, {}));
  QT_CHECK(context->runStage(0, sources, {}));
  Timer timer(*context);
  QT_TRY(timer.run());  // warm
  double all = 0;
  for (int i = 0; i < kMostRuns && all < kEnough; ++i) {
    const double time = QT_TRY(timer.run());
    candidate.microseconds = std::min(candidate.microseconds, time);
    all += time;
  }
  return context->collect();  // and what the kernels reported
}

void Tuner::record(const sched::Alternative& alternative, const Candidate& candidate) {
  const ir::Module& plan = alternative.plan;
  const ir::OpId tasks = sched::taskSets(plan).back();
  TileTrial trial;
  trial.nodes = ir::str(plan.op(tasks).origin);
  trial.tile = plan.op(sched::governingTile(plan, tasks)).attributes.get<ir::Tile>("tile").str();
  trial.predicted = alternative.microseconds;
  trial.microseconds = candidate.microseconds;
  trial.stored = candidate.stored;
  trials_.push_back(std::move(trial));
}

Result<std::vector<double>> Tuner::measure(const std::vector<sched::Alternative>& alternatives) {
  Contents contents;
  std::vector<Candidate> candidates;
  // What does not run by itself has no time: the values may be to blame. Other errors are errors.
  const auto passed = [this](const auto& result) {
    if (result) return true;
    const Diagnostic::Kind kind = result.error().kind;
    if (kind == Diagnostic::Kind::Internal || kind == Diagnostic::Kind::Resource) return false;
    if (note_.empty()) note_ = "a tile was not measured: " + result.error().message;
    return true;
  };
  for (const sched::Alternative& alternative : alternatives) {
    Result<Candidate> candidate = prepare(alternative, contents);
    if (!passed(candidate)) return tl::unexpected(candidate.error());
    candidates.push_back(candidate ? *std::move(candidate) : Candidate());
  }
  for (int i = 0; i < kTurns; ++i) {
    for (Candidate& candidate : candidates) {
      if (candidate.executable == nullptr) continue;
      const Status ran = turn(candidate, contents);
      if (!passed(ran)) return tl::unexpected(ran.error());
      if (!ran) {
        candidate.executable = nullptr;
        candidate.microseconds = std::numeric_limits<double>::infinity();
      }
    }
  }
  std::vector<double> times;
  for (size_t i = 0; i < candidates.size(); ++i) {
    if (candidates[i].executable && candidates[i].microseconds > 0)
      store_->add(candidates[i].key, candidates[i].microseconds);
    record(alternatives[i], candidates[i]);
    times.push_back(candidates[i].microseconds);
  }
  return times;
}

}  // namespace quartet::api
