// The programs of several devices, and the copies between them.
#include <algorithm>

#include "backends/null/check.h"

namespace quartet::null {
namespace {

using runtime::BufferInfo;
using runtime::PlacedProgram;
using runtime::Stage;
using Copy = PlacedProgram::Copy;
using End = PlacedProgram::End;

tl::unexpected<Diagnostic> fault(std::string message, std::string where) {
  return tl::unexpected(
      Diagnostic{Diagnostic::Kind::Internal, std::move(message), std::move(where), {}, {}});
}

class PlacedChecker {
 public:
  explicit PlacedChecker(const PlacedProgram& placed) : placed_(placed) {
    for (const runtime::Program& program : placed.programs) {
      stages_.push_back(runtime::stagesOf(program));
    }
  }

  Status run() const {
    QT_CHECK(checkSteps());
    for (size_t i = 0; i < placed_.copies.size(); ++i) QT_CHECK(checkCopy(i));
    for (size_t device = 0; device < stages_.size(); ++device) {
      for (size_t stage = 0; stage < stages_[device].size(); ++stage) {
        QT_CHECK(checkMoved(device, stage));
      }
    }
    return {};
  }

 private:
  std::string stageName(size_t device, size_t stage) const {
    return "stage " + std::to_string(stage) + " of " + placed_.devices[device];
  }

  const BufferInfo* bufferOf(const End& end) const {
    if (end.device >= placed_.programs.size()) return nullptr;
    const auto& buffers = placed_.programs[end.device].buffers;
    if (end.buffer < 0 || end.buffer >= static_cast<int>(buffers.size())) return nullptr;
    return &buffers[static_cast<size_t>(end.buffer)];
  }

  Status checkSteps() const {
    std::vector<size_t> next(stages_.size(), 0);
    for (const PlacedProgram::Step& step : placed_.steps) {
      if (step.device >= stages_.size() || step.stage >= stages_[step.device].size()) {
        return fault("a step of no stage", "steps");
      }
      if (step.stage == next[step.device]++) continue;
      return fault("runs out of order", stageName(step.device, step.stage));
    }
    for (size_t device = 0; device < stages_.size(); ++device) {
      if (next[device] == stages_[device].size()) continue;
      return fault("never runs", stageName(device, next[device]));
    }
    return {};
  }

  Status checkEnd(const Copy& copy, const End& end, bool arrives, const std::string& where) const {
    const BufferInfo* buffer = bufferOf(end);
    if (buffer == nullptr || end.stage >= stages_[end.device].size()) {
      return fault("there is no such buffer or stage", where);
    }
    const Stage& stage = stages_[end.device][end.stage];
    const std::vector<int>& exchanged = arrives ? stage.uploads : stage.downloads;
    if (std::find(exchanged.begin(), exchanged.end(), end.buffer) == exchanged.end()) {
      return fault(stageName(end.device, end.stage) + " does not exchange buffer " +
                       std::to_string(end.buffer),
                   where);
    }
    if (runtime::hostBytes(*buffer) != copy.bytes) {
      return fault(std::to_string(copy.bytes) + " bytes, buffer " + std::to_string(end.buffer) +
                       " of " + placed_.devices[end.device] + " has " +
                       std::to_string(runtime::hostBytes(*buffer)),
                   where);
    }
    return {};
  }

  Status checkCopy(size_t number) const {
    const Copy& copy = placed_.copies[number];
    const std::string where = "copy " + std::to_string(number);
    QT_CHECK(checkEnd(copy, copy.from, false, where));
    QT_CHECK(checkEnd(copy, copy.to, true, where));
    const BufferInfo& from = *bufferOf(copy.from);
    const BufferInfo& to = *bufferOf(copy.to);
    if (from.logical != to.logical || from.shape != to.shape) {
      return fault("its ends hold different tensors", where);
    }
    if (leaves(copy) >= arrives(copy)) return fault("arrives before it leaves", where);
    if (copy.hostOffset < 0 || copy.hostOffset + copy.bytes > placed_.hostBytes) {
      return fault(
          "lies outside the host memory of " + std::to_string(placed_.hostBytes) + " bytes", where);
    }
    for (size_t i = 0; i < number; ++i) QT_CHECK(checkApart(copy, placed_.copies[i], where, i));
    return {};
  }

  size_t leaves(const Copy& copy) const {
    return runtime::stepOf(placed_, copy.from.device, copy.from.stage);
  }
  size_t arrives(const Copy& copy) const {
    return runtime::stepOf(placed_, copy.to.device, copy.to.stage);
  }

  Status checkApart(const Copy& a, const Copy& b, const std::string& where, size_t other) const {
    if (leaves(a) > arrives(b) || leaves(b) > arrives(a)) return {};
    if (a.hostOffset >= b.hostOffset + b.bytes || b.hostOffset >= a.hostOffset + a.bytes) return {};
    return fault("shares host memory with copy " + std::to_string(other) + " while both live",
                 where);
  }

  /// Everything that a stage exchanges is moved by exactly one copy.
  Status checkMoved(size_t device, size_t number) const {
    const Stage& stage = stages_[device][number];
    const auto check = [&](const std::vector<int>& buffers, End Copy::*end) -> Status {
      for (int buffer : buffers) {
        const auto count =
            std::count_if(placed_.copies.begin(), placed_.copies.end(), [&](const Copy& copy) {
              const End& at = copy.*end;
              return at.device == device && at.stage == number && at.buffer == buffer;
            });
        if (count == 1) continue;
        return fault(std::to_string(count) + " copies move buffer " + std::to_string(buffer),
                     stageName(device, number));
      }
      return {};
    };
    QT_CHECK(check(stage.uploads, &Copy::to));
    return check(stage.downloads, &Copy::from);
  }

  const PlacedProgram& placed_;
  std::vector<std::vector<Stage>> stages_;  // by device
};

}  // namespace

Status checkPlaced(const PlacedProgram& placed,
                   const std::vector<const hwdb::Description*>& devices) {
  for (size_t i = 0; i < placed.programs.size(); ++i) {
    QT_CHECK(checkProgram(placed.programs[i], *devices[i]));
  }
  return PlacedChecker(placed).run();
}

}  // namespace quartet::null
