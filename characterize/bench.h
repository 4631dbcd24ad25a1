// What the probes share: the device, how hard they try, where results go.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "api/kernel_runner.h"
#include "characterize/findings.h"
#include "characterize/kernels.h"

namespace quartet::characterize {

/// Called with what is being measured, and with what came out.
using Progress = std::function<void(const std::string&)>;

/// A sequence that does `work` pieces of what is measured.
struct Rung {
  size_t sequence = 0;
  double work = 0;
};
/// The same with more and more work.
using Ladder = std::vector<Rung>;

class Bench {
 public:
  Bench(api::KernelRunner& runner, bool quick, Findings& findings, Progress progress)
      : runner(runner), quick(quick), findings(findings), progress_(std::move(progress)) {}

  bool cpu() const { return device().kind == hwdb::Description::Kind::Cpu; }
  const hwdb::Description& device() const { return runner.description(); }
  int64_t units() const { return device().units.value; }
  /// The shape that kernels of the device have.
  KernelShape shape() const;
  Effort effort() const;
  /// Chains of operations that hide the latency and leave registers for the operands.
  int chains() const;
  /// Groups that fill the device several times over.
  int64_t manyGroups() const { return cpu() ? units() : 8 * units(); }

  /// Pieces per microsecond of the first rung that takes long enough to be timed, and whose time is
  /// that of its work; of the last when none does.
  Result<Reading> rate(api::LoadedSuite& suite, const Ladder& ladder) const;
  /// Microseconds of one sequence, by the host's clock or the device's.
  Result<Reading> onHost(api::LoadedSuite& suite, size_t sequence) const;
  Result<Reading> onDevice(api::LoadedSuite& suite, size_t sequence) const;

  /// Keeps a figure and tells of it.
  void add(Figure figure) const;
  void note(std::string text) const;
  void step(const std::string& what) const { progress_("measuring " + what); }

  api::KernelRunner& runner;
  const bool quick;
  Findings& findings;

 private:
  Progress progress_;
  std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
};

/// Puts a suite together.
class SuiteBuilder {
 public:
  explicit SuiteBuilder(std::string name) { suite_.name = std::move(name); }
  int kernel(std::string text);
  /// Rounded up to a whole number of 16 bytes.
  int buffer(const std::string& name, int64_t bytes, bool uploaded = false);
  /// All of a buffer.
  api::KernelWindow whole(int buffer) const;
  size_t sequence(api::KernelSequence launches);
  size_t sequence(api::KernelLaunch launch) { return sequence(api::KernelSequence{{launch}}); }
  /// Launches for first, 6 * first, 36 * first, ... pieces (times `work`), at most `most`.
  Ladder ladder(const std::function<api::KernelLaunch(uint32_t)>& launch, double work,
                int64_t first = 1, int64_t most = kMostIterations);
  const api::KernelSuite& suite() const { return suite_; }

 private:
  api::KernelSuite suite_;
};

/// The probes, in the order in which they run. Each adds figures, plots and fields of the
/// description.
Status probeArithmetic(Bench& bench);
Status probeMatrixUnits(Bench& bench);
Status probeBandwidth(Bench& bench);
Status probeLatency(Bench& bench);
Status probeWorkgroup(Bench& bench);  // GPUs: workgroup memory and barriers in a group
Status probeAccess(Bench& bench);     // access width, stride; broadcasts
Status probeLaunches(Bench& bench);
Status probeProgress(Bench& bench);  // groups that wait for each other

}  // namespace quartet::characterize
