#include "characterize/characterize.h"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <array>
#include <chrono>

#include "characterize/bench.h"
#include "hwdb/load.h"

namespace quartet::characterize {

namespace {

using Clock = std::chrono::steady_clock;

/// In the order in which they run.
constexpr std::array kProbes{probeArithmetic, probeMatrixUnits, probeBandwidth, probeLatency,
                             probeWorkgroup,  probeAccess,      probeLaunches,  probeProgress};

std::string today() {
  return fmt::format("{:%Y-%m-%d}", fmt::gmtime(std::chrono::system_clock::now()));
}

}  // namespace

Result<Findings> characterize(const Options& options, const Progress& progress) {
  const auto start = Clock::now();
  const auto runner = QT_TRY(api::KernelRunner::open(options.device, options.threads));
  Findings findings;
  findings.device = runner->description();
  findings.id = runner->id();
  findings.clock = runner->clock();
  findings.date = today();
  findings.quick = options.quick;
  progress(
      fmt::format("device {}: {}, timed by {}", findings.id, findings.device.name, findings.clock));
  Bench bench(*runner, options.quick, findings, progress);
  for (const auto& probe : kProbes) QT_CHECK(probe(bench));
  findings.seconds = std::chrono::duration<double>(Clock::now() - start).count();
  return findings;
}

std::string description(const Findings& findings) {
  hwdb::Entry entry;
  entry.device = findings.device.name;
  entry.driver = findings.device.driver;
  entry.description = findings.measured;
  entry.description.memory.clear();
  for (const hwdb::MemoryLevel& level : findings.device.memory) {  // outermost first
    const hwdb::MemoryLevel* measured = findings.measured.level(level.name);
    if (measured != nullptr) entry.description.memory.push_back(*measured);
  }
  entry.description.name = findings.device.name + ", measured " + findings.date;
  entry.description.kind = findings.device.kind;
  return hwdb::write(entry);
}

}  // namespace quartet::characterize
