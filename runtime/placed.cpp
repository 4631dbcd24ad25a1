#include "runtime/placed.h"

#include <algorithm>

#include "runtime/memory_planner.h"

namespace quartet::runtime {
namespace {

constexpr int64_t kHostAlignBytes = 64;

using Copy = PlacedProgram::Copy;
using End = PlacedProgram::End;

/// The copy whose `end` is this buffer of this step.
const Copy& copyAt(const PlacedProgram& placed, End Copy::*end, const PlacedProgram::Step& step,
                   int buffer) {
  const auto found = std::find_if(placed.copies.begin(), placed.copies.end(), [&](const Copy& c) {
    const End& at = c.*end;
    return at.device == step.device && at.stage == step.stage && at.buffer == buffer;
  });
  QT_ASSERT(found != placed.copies.end(), "a stage exchanges a buffer that no copy moves");
  return *found;
}

}  // namespace

PlacedProgram placeAlone(Program program, std::string device) {
  PlacedProgram placed;
  placed.devices = {std::move(device)};
  placed.inputs.resize(1);
  placed.outputs.resize(1);
  for (const BufferInfo& buffer : program.buffers) {
    const bool input = buffer.kind == BufferInfo::Kind::Input;
    if (!input && buffer.kind != BufferInfo::Kind::Output) continue;
    std::vector<size_t>& border = input ? placed.inputs[0] : placed.outputs[0];
    border.push_back(border.size());
  }
  placed.programs.push_back(std::move(program));
  placed.steps = {{0, 0}};
  return placed;
}

size_t stepOf(const PlacedProgram& placed, size_t device, size_t stage) {
  for (size_t i = 0; i < placed.steps.size(); ++i) {
    if (placed.steps[i].device == device && placed.steps[i].stage == stage) return i;
  }
  throwInternalError(
      "a step", "no step runs stage " + std::to_string(stage) + " of " + placed.devices[device]);
}

void planHostMemory(PlacedProgram& placed) {
  std::vector<Interval> intervals;
  for (const Copy& copy : placed.copies) {
    intervals.push_back({copy.bytes,
                         static_cast<int>(stepOf(placed, copy.from.device, copy.from.stage)),
                         static_cast<int>(stepOf(placed, copy.to.device, copy.to.stage))});
  }
  const IntervalPlan plan = placeIntervals(intervals, kHostAlignBytes);
  for (size_t i = 0; i < placed.copies.size(); ++i) {
    placed.copies[i].hostOffset = plan.offsets[i];
  }
  placed.hostBytes = plan.bytes;
}

Result<std::unique_ptr<PlacedContext>> PlacedContext::create(
    std::shared_ptr<const PlacedProgram> placed,
    const std::vector<std::shared_ptr<Executable>>& executables) {
  std::unique_ptr<PlacedContext> context(new PlacedContext(std::move(placed)));
  for (const auto& executable : executables) {
    context->contexts_.push_back(QT_TRY(executable->createContext()));
  }
  context->host_.resize(static_cast<size_t>(context->placed_->hostBytes));
  return context;
}

std::span<std::byte> PlacedContext::hostMemory(const Copy& copy) {
  return std::span(host_).subspan(static_cast<size_t>(copy.hostOffset),
                                  static_cast<size_t>(copy.bytes));
}

Status PlacedContext::runStep(const PlacedProgram::Step& step) {
  Context::Sources uploads;
  Context::Targets downloads;
  const Program& program = placed_->programs[step.device];
  if (!program.stages.empty()) {
    const Stage& stage = program.stages[step.stage];
    for (int buffer : stage.uploads) {
      uploads.emplace_back(hostMemory(copyAt(*placed_, &Copy::to, step, buffer)));
    }
    for (int buffer : stage.downloads) {
      downloads.push_back(hostMemory(copyAt(*placed_, &Copy::from, step, buffer)));
    }
  }
  return contexts_[step.device]->runStage(step.stage, uploads, downloads);
}

Status PlacedContext::timeDispatches(std::vector<double>* microseconds) {
  if (contexts_.size() == 1) return contexts_[0]->timeDispatches(microseconds);
  if (microseconds == nullptr) return {};
  return unsupported("task sets are timed on one device, the model is placed on several");
}

Status PlacedContext::run(const Context::Sources& inputs, const Context::Targets& outputs) {
  for (size_t device = 0; device < contexts_.size(); ++device) {
    Context::Sources in;
    Context::Targets out;
    for (size_t i : placed_->inputs[device]) in.push_back(inputs[i]);
    for (size_t i : placed_->outputs[device]) out.push_back(outputs[i]);
    QT_CHECK(contexts_[device]->bind(in, out));
  }
  for (const PlacedProgram::Step& step : placed_->steps) QT_CHECK(runStep(step));
  for (const auto& context : contexts_) QT_CHECK(context->collect());
  return {};
}

}  // namespace quartet::runtime
