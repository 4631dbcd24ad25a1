#include "characterize/bench.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <numeric>

namespace quartet::characterize {

namespace {

/// Slow devices: from then on the effort is that of a quick run, so that all is done in minutes.
constexpr double kSecondsOfCare = 90;

/// All launches of a sequence.
Result<double> deviceMicroseconds(api::LoadedSuite& suite, size_t sequence) {
  const std::vector<double> times = QT_TRY(suite.runOnDevice(sequence));
  return std::accumulate(times.begin(), times.end(), 0.0);
}

/// Of two runs: the first may compile.
Result<double> shortest(api::LoadedSuite& suite, size_t sequence) {
  const double first = QT_TRY(deviceMicroseconds(suite, sequence));
  const double second = QT_TRY(deviceMicroseconds(suite, sequence));
  return std::min(first, second);
}

}  // namespace

KernelShape Bench::shape() const {
  return {static_cast<int>(device().vectorLanes.value),
          cpu() ? 0 : device().groupInvocations.value};
}

int Bench::chains() const {
  const auto registers = static_cast<int>(device().vectorRegisters.value);
  return std::clamp(registers - 4, 4, 12);
}

Effort Bench::effort() const {
  const std::chrono::duration<double> spent = std::chrono::steady_clock::now() - start_;
  if (quick || spent.count() > kSecondsOfCare)
    return {.leastRuns = 3, .mostRuns = 5, .seconds = 0.03, .spread = 0.1};
  return {};
}

Result<Reading> Bench::onHost(api::LoadedSuite& suite, size_t sequence) const {
  return measure([&] { return suite.runOnHost(sequence); }, effort());
}

Result<Reading> Bench::onDevice(api::LoadedSuite& suite, size_t sequence) const {
  return measure([&] { return deviceMicroseconds(suite, sequence); }, effort());
}

Result<Reading> Bench::rate(api::LoadedSuite& suite, const Ladder& ladder) const {
  // Long against what a clock resolves; short against the slices of time for which a busy machine
  // runs other programs.
  const double enough = (cpu() ? 400 : 1500) / (quick ? 2.0 : 1.0);
  QT_ASSERT(!ladder.empty(), "a ladder has rungs");
  double before = 0;
  for (size_t i = 0; i + 1 < ladder.size(); ++i) {
    const double time = QT_TRY(shortest(suite, ladder[i].sequence));
    // As long as more work does not take longer in proportion, the time is that of the launch.
    const double growth = i == 0 ? 0 : ladder[i].work / ladder[i - 1].work;
    const bool proportional = i > 0 && time > before * growth / 2;
    if (time >= enough && (proportional || time > 20 * enough)) {
      const Reading reading = QT_TRY(onDevice(suite, ladder[i].sequence));
      return rateOf(ladder[i].work, reading);
    }
    before = time;
  }
  const Reading reading = QT_TRY(onDevice(suite, ladder.back().sequence));
  return rateOf(ladder.back().work, reading);
}

void Bench::add(Figure figure) const {
  progress_(fmt::format("  {:<46} {:>10.4g} {}{}", figure.name, figure.reading.value, figure.unit,
                        figure.reading.noisy ? "  (noisy)" : ""));
  findings.figures.push_back(std::move(figure));
}

void Bench::note(std::string text) const {
  progress_("  " + text);
  findings.notes.push_back(std::move(text));
}

int SuiteBuilder::kernel(std::string text) {
  const auto found = std::find(suite_.kernels.begin(), suite_.kernels.end(), text);
  if (found != suite_.kernels.end()) return static_cast<int>(found - suite_.kernels.begin());
  suite_.kernels.push_back(std::move(text));
  return static_cast<int>(suite_.kernels.size()) - 1;
}

int SuiteBuilder::buffer(const std::string& name, int64_t bytes, bool uploaded) {
  suite_.buffers.push_back({name, (std::max<int64_t>(bytes, 1) + 15) / 16 * 16, uploaded});
  return static_cast<int>(suite_.buffers.size()) - 1;
}

api::KernelWindow SuiteBuilder::whole(int buffer) const {
  return {buffer, 0, suite_.buffers[static_cast<size_t>(buffer)].bytes};
}

size_t SuiteBuilder::sequence(api::KernelSequence launches) {
  suite_.sequences.push_back(std::move(launches));
  return suite_.sequences.size() - 1;
}

Ladder SuiteBuilder::ladder(const std::function<api::KernelLaunch(uint32_t)>& launch, double work,
                            int64_t first, int64_t most) {
  Ladder ladder;
  for (int64_t count = first; ladder.empty() || count <= most; count *= 6) {
    ladder.push_back(
        {sequence(launch(static_cast<uint32_t>(count))), work * static_cast<double>(count)});
  }
  return ladder;
}

}  // namespace quartet::characterize
